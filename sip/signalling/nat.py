"""Address translation between us and a peer: which of its addresses, and of ours, can be believed."""

from __future__ import annotations

from sip import addresses
from sip.signalling.headers import Via
from sip.signalling.transport import Address
from sip.signalling.uri import param

_PORTS = 65_536


def vouched(announced: str, source: str) -> frozenset[str]:
    """Give the addresses besides the announced one that a peer's sound may come from.

    A peer behind address translation announces an address that means nothing here. Only then the place that
    its signalling comes from is as good; who announces a public address is taken at its word, so that a
    forged packet from the signalling host cannot draw the sound away.

    Args:
        announced: address of its session description.
        source: where its signalling comes from.
    """
    means_nothing = not addresses.is_global(announced) and not addresses.is_unspecified(announced)
    return frozenset({source} if means_nothing and announced != source else ())


def mapped(via: Via, own: Address) -> Address | None:
    """Give the address that an answer's Via says our request came from (RFC 3581 4).

    Args:
        via: our own Via as the peer gave it back.
        own: the address that we wrote into it.

    Returns:
        The address; None when it is not another one, not usable, or when we need none: an address of ours
        that means the same everywhere is not translated.
    """
    host, port = param(via.params, "received") or own[0], param(via.params, "rport") or str(own[1])
    try:
        seen, before = addresses.read(addresses.bare(host.strip("[]"))), addresses.read(own[0])
    except ValueError:
        return None
    if seen.version != before.version or seen.is_unspecified or seen.is_multicast or before.is_global:
        return None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < _PORTS):
        return None
    found = (str(seen), int(port))
    return None if found == (addresses.bare(own[0]), own[1]) else found

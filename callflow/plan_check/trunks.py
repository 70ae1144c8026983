"""Faults of trunks: PBX, SIP provider, Microsoft Teams."""

from __future__ import annotations

from collections.abc import Iterator

from callflow.plan import E164, Plan, SipTrunk, TeamsTrunk
from callflow.plan_check.addresses import (
    bad_host,
    bad_name,
    bad_networks,
    is_address,
    is_one_address,
    is_private,
)
from callflow.plan_check.fault import Fault, not_e164

Place = tuple[str, ...]


def faults(plan: Plan) -> Iterator[Fault]:
    """Find what is wrong with each trunk."""
    for name, trunk in plan.trunks.items():
        place = ("trunks", name)
        yield from bad_name(place)
        yield from _sip(place, trunk) if isinstance(trunk, SipTrunk) else _teams(place, trunk)


def _sip(place: Place, trunk: SipTrunk) -> Iterator[Fault]:
    yield from bad_host((*place, "host"), trunk.host)
    if trunk.proxy:
        yield from bad_host((*place, "proxy"), trunk.proxy, port=True)
    yield from bad_networks((*place, "accept"), trunk.accept)
    if trunk.caller_id and not E164.fullmatch(trunk.caller_id):
        yield not_e164((*place, "caller_id"), trunk.caller_id)
    if trunk.registers and trunk.account is None:
        yield Fault(
            (*place, "registers"),
            "no_account",
            "Anmelden (registers) braucht account mit username.",
            "registers needs an account with a username",
        )


def _teams(place: Place, trunk: TeamsTrunk) -> Iterator[Fault]:
    yield from bad_networks((*place, "networks"), trunk.networks)
    if not _is_name(trunk.fqdn):
        yield Fault(
            (*place, "fqdn"),
            "no_fqdn",
            f"Teams lehnt {trunk.fqdn!r} ab: der SBC braucht einen vollständigen Namen, keine Adresse, "
            "aus einer eigenen Domäne, nicht onmicrosoft.com.",
            f"Teams refuses {trunk.fqdn!r}: the SBC needs a fully qualified name, not an address, "
            "out of a domain of your own, not onmicrosoft.com",
        )
    host, _, port = trunk.listen.rpartition(":")
    if not (is_address(host) and port.isdecimal()):
        yield Fault(
            (*place, "listen"),
            "no_address",
            f"{trunk.listen!r} ist keine Adresse mit Port, wie 203.0.113.7:5061.",
            f"{trunk.listen!r} is no address with a port, such as 203.0.113.7:5061",
        )
    elif trunk.front != "asterisk" and not is_one_address(trunk.media_address or host):
        yield _no_media_address((*place, "media_address"))
    elif trunk.front != "asterisk" and is_private(trunk.media_address or host):
        yield _no_media_address((*place, "media_address"), trunk.media_address or host)


def _no_media_address(place: Place, private: str = "") -> Fault:
    """Tell that Microsoft learns no address for sound, or one that it cannot reach."""
    german = f"{private} ist von außen nicht zu erreichen" if private else "nicht 0.0.0.0"
    english = f"{private} cannot be reached from outside" if private else "not 0.0.0.0"
    return Fault(
        place,
        "no_media_address",
        "Teams muss eine Adresse für den Ton genannt werden, sonst hört niemand: media_address oder "
        f"in listen die öffentliche Adresse dieser Maschine angeben ({german}).",
        "Teams must be told one address for sound, or nobody hears anything: give this machine's public "
        f"address as media_address or in listen ({english})",
        "warning" if private else "error",
    )


def _is_name(fqdn: str) -> bool:
    named = "." in fqdn and not fqdn.replace(".", "").isdigit() and ":" not in fqdn
    return named and not fqdn.lower().endswith(".onmicrosoft.com")

"""What arrives: read it, check whose it is, and hand it to its transaction, dialog or a new leg.

The order of the checks is RFC 3261 8.2's: who, method, address, extensions, merged, body.
"""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from sip.addresses import bare
from sip.signalling.core import (
    ALLOW,
    DEFAULT_PORTS,
    KNOWN_METHODS,
    OPTIONS_SUPPORTED,
    SUPPORTED_METHODS,
    Core,
    has_sdp,
    tag,
)
from sip.signalling.digest import Gate
from sip.signalling.exchange import Answering
from sip.signalling.guard import RateLimit, Throttle
from sip.signalling.headers import Headers, Via
from sip.signalling.incoming import IncomingLeg, Origin
from sip.signalling.leg import Leg
from sip.signalling.legs import Legs
from sip.signalling.message import REASONS, Message, MessageError, Request, Response, parse
from sip.signalling.multipart import unwrapped
from sip.signalling.phone_settings import Peer
from sip.signalling.sdp import SDP_TYPE
from sip.signalling.session_timer import too_small
from sip.signalling.transaction import Event
from sip.signalling.transfer import declined
from sip.signalling.transport import Address, Hop
from sip.signalling.uri import parse_uri, split_quoted

log = structlog.get_logger("sip")
_SCHEMES = frozenset({"sip", "sips", "tel"})
_KEEP_ALIVE = b"\r\n\x00"
_UNCHALLENGED = frozenset({"ACK", "CANCEL"})  # RFC 3261 22.1: nobody could answer

_TRYING_S = 0.2
CALLED = Peer("called")

Refusal = tuple[int, list[tuple[str, str]]]


class Reception:
    """Serves everything that the transports bring.

    Args:
        core: the telephone.
        legs: the living legs.
        peer_of: tells which peer or account an address belongs to; None for strangers.
        origin_of: tells where an INVITE came from.
        on_invite: takes each new leg.
    """

    def __init__(
        self,
        core: Core,
        legs: Legs,
        peer_of: Callable[[str], Peer | None],
        origin_of: Callable[[Request, Hop, Peer], Origin],
        on_invite: Callable[[Leg], None],
    ) -> None:
        self.core = core
        self.closing = False
        self._legs = legs
        self._peer_of = peer_of
        self._origin_of = origin_of
        self._on_invite = on_invite
        settings = core.settings
        self._rates = RateLimit(settings.requests_per_s, settings.ban_s)
        self._throttle = Throttle()
        self._gate = Gate("rufweiche", secrets.token_bytes(32))

    # Entrances: a datagram, or what a stream has cut already.

    def datagram(self, data: bytes, hop: Hop) -> None:
        """Take one datagram; whatever it holds, this returns."""
        if not data.strip(_KEEP_ALIVE):
            return
        peer = self._known(hop.address[0])
        if peer is None:
            self._drop("unknown_peer", hop)
            return
        try:
            message = parse(data)
        except MessageError as fault:
            self.fault(fault, hop)
            return
        self._admitted(message, hop, peer)

    def message(self, message: Message, hop: Hop) -> None:
        """Take one message; whatever becomes of it, this returns."""
        self._admitted(message, hop, self._known(hop.address[0]))

    def _admitted(self, message: Message, hop: Hop, peer: Peer | None) -> None:
        if peer is None or (peer is CALLED and isinstance(message, Request) and not message.to.tag):
            self._drop("unknown_peer", hop)
            return
        try:
            self._take(message, hop, peer)
        except Exception as error:  # noqa: BLE001  # one call's fault must not take the socket from all others
            self.core.counters["internal_error"] += 1
            # No traceback: its local variables hold what callers said of themselves.
            log.error("message failed", error=type(error).__name__, where=place_of(error))  # noqa: TRY400

    def fault(self, fault: MessageError, hop: Hop) -> None:
        """Take what could not be read: answer by the book if its sender can make use of it."""
        self.core.counters[f"malformed_{fault.kind}"] += 1
        self._note("malformed message", fault.kind, hop)
        if fault.code and fault.headers and self._rates.allows(hop.address[0], self._now()):
            self.core.send_raw(hop, refusal_of(fault.code, fault.headers))

    def admits(self, host: str) -> bool:
        """Tell whether a source may connect to our streams."""
        return self._known(host) is not None

    def _known(self, host: str) -> Peer | None:
        """Find whose address it is; whoever we have called may say what belongs to that call, and no more."""
        peer = self._peer_of(host)
        if peer is None and (self._legs.reaches(host) or self.core.exchanges.asks(host)):
            return CALLED
        return peer

    # Messages.

    def _take(self, message: Message, hop: Hop, peer: Peer) -> None:
        if isinstance(message, Response):
            self._answered(unwrapped(message), hop)
            return
        message = unwrapped(message)
        self.core.counters["requests"] += 1
        if message.method == "ACK":
            self._acknowledged(message)
            return
        known = self.core.exchanges.serving(message)
        if known:
            known.take(Event.REQUEST)
            return
        if not message.to.tag and not self._rates.allows(hop.address[0], self._now()):
            self._drop("rate_limit", hop)
            return
        self._request(message, hop, peer)

    def _answered(self, message: Response, hop: Hop) -> None:
        """Take a response; more than our own Via means that it is not for us (RFC 3261 8.1.3.3)."""
        if not alone(message.headers) or self.core.exchanges.answered(message) is None:
            self._drop("stray_response", hop)

    def _acknowledged(self, message: Request) -> None:
        exchange = self.core.exchanges.serving(message)
        if exchange:
            exchange.take(Event.ACK, message)
            return
        leg = self._legs.of(message)
        if leg:
            leg.acked(message)

    def _request(self, message: Request, hop: Hop, peer: Peer) -> None:
        core = self.core
        merged = not message.to.tag and core.exchanges.merged(message)
        back = replace(hop, address=answer_address(message, hop))
        exchange = core.exchanges.serve(message, sourced(message, hop), back, tag())
        if message.method == "CANCEL":
            self._cancel(message, exchange)
            return
        try:
            self._serve(message, exchange, hop, peer, merged=merged)
        except ValueError:  # a header that only now was read
            core.counters["malformed_late"] += 1
            if exchange.answered:
                raise
            core.respond(exchange, 400)

    def _serve(self, message: Request, exchange: Answering, hop: Hop, peer: Peer, *, merged: bool) -> None:
        core = self.core
        refusal = self._unproven(message, hop, peer) or unserved(message)
        if refusal:
            core.respond(exchange, *refusal)
        elif message.to.tag:
            self._within(message, exchange)
        elif merged:
            core.respond(exchange, 482)
        elif message.method == "INVITE":
            self._invite(message, exchange, hop, peer)
        elif message.method == "OPTIONS":
            core.respond(exchange, 200, core.capabilities())
        else:
            core.respond(exchange, declined(message.headers) if message.method == "REFER" else 481)

    def _unproven(self, message: Request, hop: Hop, peer: Peer) -> Refusal | None:
        """Challenge a peer that must prove itself; within a dialog its unguessable tags are proof."""
        if not peer.user or message.to.tag or message.method in _UNCHALLENGED:
            return None
        now = time.time()
        users = {peer.user: peer.password}
        verdict, _ = self._gate.check(message.headers, message.method, users, now)
        if verdict == "ok":
            return None
        if verdict == "wrong":
            self.core.counters["wrong_credentials"] += 1
            self._note("wrong credentials", "wrong_credentials", hop)
            if not self._rates.forgives(hop.address[0], self._now()):
                return 403, []
        return 401, self._gate.challenge(now, peer.digests, stale=verdict == "stale")

    def _cancel(self, message: Request, exchange: Answering) -> None:
        meant = self.core.exchanges.cancelled(message)
        if meant:
            exchange.local_tag = meant.local_tag  # RFC 3261 9.2: both answers show the same To
        self.core.respond(exchange, 200 if meant else 481)
        leg = self._legs.begun_by(meant) if meant else None
        if isinstance(leg, IncomingLeg):
            leg.cancelled()

    def _within(self, message: Request, exchange: Answering) -> None:
        leg = self._legs.of(message)
        if leg is None:
            self.core.respond(exchange, 481)
            return
        leg.received(message, exchange)

    def _invite(self, message: Request, exchange: Answering, hop: Hop, peer: Peer) -> None:
        core = self.core
        core.clock.call_later(_TRYING_S, self._try, exchange)
        origin = self._origin_of(message, hop, peer)
        refusal = self._full(origin) or unacceptable(message, core.settings.min_se_s)
        if refusal:
            core.counters["refused"] += 1
            core.respond(exchange, *refusal)
            return
        try:
            leg = IncomingLeg(core, self._legs, origin, exchange)
        except ValueError:
            core.counters["refused"] += 1
            core.respond(exchange, 400)
            return
        self._legs.add(leg)
        core.counters["calls"] += 1
        self._on_invite(leg)

    def _try(self, exchange: Answering) -> None:
        """Say that we have the INVITE, unless something better was said within 200 ms (RFC 3261 17.2.1)."""
        if not exchange.status:
            self.core.respond(exchange, 100)

    def _full(self, origin: Origin) -> Refusal | None:
        """Refuse beyond the limits: 503 when we are full, 486 when only this trunk's share is."""
        settings = self.core.settings
        later = [("Retry-After", str(settings.retry_after_s))]
        if self.closing or self._legs.full(settings.channels):
            return 503, later
        if origin.channels and self._legs.busy(origin.line) >= origin.channels:
            return 486, later
        return None

    # Bookkeeping.

    def _drop(self, kind: str, hop: Hop) -> None:
        self.core.counters[f"dropped_{kind}"] += 1
        self._note("message dropped", kind, hop)

    def _note(self, what: str, kind: str, hop: Hop) -> None:
        """Log once per source and minute, without content."""
        if self._throttle.speaks(hop.address[0], kind, self._now()):
            log.info(what, kind=kind, source=hop.address[0])

    def _now(self) -> float:
        return self.core.clock.time()


def alone(headers: Headers) -> bool:
    """Tell whether a single Via stands there."""
    try:
        return len(headers.values("Via")) == 1
    except ValueError:
        return False


def place_of(error: Exception) -> str:
    """Give the file and line where an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def unserved(message: Request) -> Refusal | None:
    """Check method, scheme and extensions (8.2.1, 8.2.2)."""
    if message.method not in KNOWN_METHODS:
        return 501, [("Allow", ALLOW)]
    if message.method not in SUPPORTED_METHODS:
        return 405, [("Allow", ALLOW)]
    if parse_uri(message.uri).scheme not in _SCHEMES:
        return 416, []
    unknown = [one for one in message.headers.values("Require") if one.lower() not in OPTIONS_SUPPORTED]
    if unknown:
        return 420, [("Unsupported", ", ".join(unknown))]
    return None


def unacceptable(message: Request, least_s: int) -> Refusal | None:
    """Check that an INVITE's body and wishes are ones we serve (RFC 3261 8.2.3, 20.1, RFC 4028 9)."""
    headers = message.headers
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return 415, [("Accept-Encoding", "identity")]
    if message.body and not has_sdp(message):
        return 415, [("Accept", SDP_TYPE)]
    if "Accept" in headers:
        wanted = {value.partition(";")[0].strip() for value in headers.tokens("Accept")}
        if not wanted & {SDP_TYPE, "application/*", "*/*"}:
            return 406, [("Accept", SDP_TYPE)]
    if too_small(headers, least_s):
        return 422, [("Min-SE", str(least_s))]
    return None


def refusal_of(code: int, headers: Headers) -> bytes:
    """Write the answer to a request that could not be read, statelessly, from what could be."""
    lines = [f"SIP/2.0 {code} {REASONS[code]}"]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in headers.all(name)[: None if name == "Via" else 1]]
    lines += ["Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def sourced(message: Request, hop: Hop) -> list[str]:
    """Give the Vias for the answers, the first telling where the request really came from.

    RFC 3261 18.2.1, RFC 3581 4.
    """
    host, port = bare(hop.address[0]), hop.address[1]
    via, asked = message.via, message.via.wants_rport
    vias = message.headers.all("Via")
    if not asked and via.host.strip("[]") == host:
        return vias
    params = tuple([pair for pair in via.params if pair[0] not in {"received", "rport"}])
    noted = (("received", host), ("rport", str(port))) if asked else (("received", host),)
    first, *others = vias
    # The parser has split it before where it holds a comma: this cannot fail.
    rest = split_quoted(first, ",")[1:] if "," in first else []
    return [str(Via(via.transport, via.host, via.port, params + noted)), *rest, *others]


def answer_address(message: Request, hop: Hop) -> Address:
    """Tell where answers go (RFC 3261 18.2.2, RFC 3581 4): never where `maddr` says."""
    if hop.carrier.reliable or message.via.wants_rport:
        return hop.address
    return hop.address[0], message.via.port or DEFAULT_PORTS["udp"]

"""The SIP telephone: joins transports, transactions, dialogs and legs on one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import structlog

from sip.core import (
    ALLOW,
    DEFAULT_PORTS,
    KNOWN_METHODS,
    OPTIONS_SUPPORTED,
    SDP_TYPE,
    SUPPORTED_METHODS,
    Core,
    has_sdp,
    tag,
)
from sip.dialog import Dialog, DialogId
from sip.exchange import Answering
from sip.guard import Peers, RateLimit, Throttle
from sip.headers import Headers
from sip.incoming import IncomingLeg, Origin
from sip.leg import Leg
from sip.message import REASONS, MessageError, Request, Response, parse
from sip.offer import Local, SdpError, read
from sip.outgoing import Called, OutgoingLeg, sender_of
from sip.phone_settings import Peer, PhoneSettings
from sip.session_timer import too_small
from sip.transaction import Event
from sip.transport import Address, Hop, Udp
from sip.uri import Uri, is_number, parse_uri

__all__ = ["Leg", "Phone", "PhoneSettings"]

log = structlog.get_logger("sip")
_SCHEMES = frozenset({"sip", "sips", "tel"})
_KEEP_ALIVE = b"\r\n\r\n\x00"


class Phone:
    """A SIP user agent with any number of legs.

    Args:
        settings: addresses, accounts, peers and limits.
        on_invite: called with each new incoming leg (100 is already sent) unless limits refused it; it must
            not block and must sooner or later answer, refuse or hang up.

    Attributes:
        legs: living legs by id.
        counters: happenings by kind, for metrics.
    """

    def __init__(self, settings: PhoneSettings, on_invite: Callable[[Leg], None]) -> None:
        self.settings = settings
        self.on_invite = on_invite
        self.legs: dict[str, Leg] = {}
        self.counters: Counter[str] = Counter()
        self._dialogs: dict[DialogId, Leg] = {}
        self._ids: dict[str, list[DialogId]] = {}
        self._peers = Peers(settings.peers)
        self._rates = RateLimit(settings.requests_per_s, settings.ban_s)
        self._throttle = Throttle()
        self._carriers: list[Udp] = []
        self._closing = False
        self._empty = asyncio.Event()

    async def open(self) -> None:
        """Bind the sockets and start registering.

        Raises:
            OSError: an address cannot be bound (its text names the address).
        """
        self._loop = asyncio.get_running_loop()
        self._core = Core(self.settings, self._loop)
        self._core.counters = self.counters
        for listen in self.settings.listen:
            carrier = Udp(self.datagram)
            await carrier.open(listen.host, listen.port)
            self._carriers.append(carrier)
            self._core.carriers.append(carrier)

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no new calls (503), let legs end for `grace_s`, hang up the rest, unregister, close."""
        self._closing = True
        if self.legs and grace_s > 0:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace_s)
        for leg in list(self.legs.values()):
            leg.hang_up()
        await asyncio.sleep(0)
        self._core.exchanges.close()
        for carrier in self._carriers:
            carrier.close()

    def address(self, transport: str = "udp") -> Address:
        """Give the host and port really bound (port 0 in the settings picks a free one)."""
        for carrier in self._core.carriers:
            if carrier.name == transport:
                return carrier.local
        raise LookupError(f"no {transport} transport is open")

    def call(  # noqa: PLR0913  # each says one thing about the call; all but two have a plain default
        self,
        target: str,
        local: Local,
        *,
        line: str = "",
        caller: str = "",
        name: str = "",
        ring_s: float = 120.0,
    ) -> Leg:
        """Send an INVITE; await `leg.answered()` for its outcome, `leg.hang_up()` cancels.

        Args:
            target: SIP URI, or a number when `line` names an account or peer.
            local: our sound.
            line: account or peer to call through; "" calls the URI directly.
            caller: user part of From; "" takes the account's.
            name: display name of From.
            ring_s: longest time to ring before it is cancelled as "no_answer", seconds.

        Raises:
            ValueError: the target is no SIP URI, or its host is no address and no line leads there.
        """
        uri = self._target(target, line)
        hop = self._core.literal_hop(uri)
        if hop is None:
            raise ValueError("the target's host must be an address")
        host, _ = self._core.own_address(hop)
        called = Called(uri, sender_of(caller, host, name), line, ring_s=ring_s)
        leg = OutgoingLeg(self._core, self, hop, called, local)
        self.legs[leg.id] = leg
        leg.start()
        return leg

    def _target(self, target: str, line: str) -> Uri:
        if not is_number(target):
            return parse_uri(target)
        peer = next((peer for peer in self.settings.peers if peer.name == line and peer.host), None)
        if peer is None:
            raise ValueError("a bare number needs a line that leads somewhere")
        return parse_uri(f"sip:{target}@{peer.host}")

    # What arrives.

    def datagram(self, data: bytes, hop: Hop) -> None:
        """Take one datagram; whatever it holds, this returns."""
        if not data.strip(_KEEP_ALIVE):
            return
        peer = self._peers.of(hop.address[0])
        if peer is None:
            self._drop("unknown_peer", hop)
            return
        try:
            message = parse(data)
        except MessageError as fault:
            self._malformed(fault, hop)
            return
        try:
            self._message(message, hop, peer)
        except Exception as error:  # one call's fault must not take the socket from all others
            self.counters["internal_error"] += 1
            log.exception("message failed", error=type(error).__name__)

    def _message(self, message: Request | Response, hop: Hop, peer: Peer) -> None:
        if isinstance(message, Response):
            self._answered(message, hop)
            return
        self.counters["requests"] += 1
        if message.method == "ACK":
            self._acknowledged(message)
            return
        known = self._core.exchanges.serving(message)
        if known:
            known.take(Event.REQUEST)
            return
        if not message.to.tag and not self._rates.allows(hop.address[0], self._loop.time()):
            self._drop("rate_limit", hop)
            return
        self._request(with_source(message, hop), hop, peer)

    def _answered(self, message: Response, hop: Hop) -> None:
        """Take a response; more than our own Via means that it is not for us (RFC 3261 8.1.3.3)."""
        vias = message.headers.values("Via")
        if len(vias) != 1 or self._core.exchanges.answered(message) is None:
            self._drop("stray_response", hop)

    def _acknowledged(self, message: Request) -> None:
        exchange = self._core.exchanges.serving(message)
        if exchange:
            exchange.take(Event.ACK, message)
            return
        leg = self._leg_of(message)
        if leg:
            leg.acked(message)

    def _leg_of(self, message: Request) -> Leg | None:
        return self._dialogs.get(DialogId(message.call_id, message.to.tag, message.sender.tag))

    def _request(self, message: Request, hop: Hop, peer: Peer) -> None:
        core = self._core
        merged = not message.to.tag and core.exchanges.merged(message)
        exchange = core.exchanges.serve(message, Hop(hop.carrier, answer_address(message, hop)), tag())
        if message.method == "CANCEL":
            self._cancel(message, exchange)
            return
        refusal = self._refusal(message)
        if refusal:
            core.respond(exchange, *refusal)
            return
        if message.to.tag:
            self._within(message, exchange)
        elif merged:
            core.respond(exchange, 482)
        elif message.method == "INVITE":
            self._invite(message, exchange, hop, peer)
        elif message.method == "OPTIONS":
            core.respond(exchange, 200, core.capabilities())
        else:
            core.respond(exchange, 603 if message.method == "REFER" else 481)

    def _refusal(self, message: Request) -> tuple[int, list[tuple[str, str]]] | None:
        """Check method, scheme and extensions in the RFC's order (8.2.1, 8.2.2)."""
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

    def _cancel(self, message: Request, exchange: Answering) -> None:
        meant = self._core.exchanges.cancelled(message)
        self._core.respond(exchange, 200 if meant else 481)
        leg = self._leg_by_exchange(meant) if meant else None
        if isinstance(leg, IncomingLeg):
            leg.cancelled()

    def _leg_by_exchange(self, exchange: Answering) -> Leg | None:
        asked = exchange.request
        return self._dialogs.get(DialogId(asked.call_id, exchange.local_tag, asked.sender.tag))

    def _within(self, message: Request, exchange: Answering) -> None:
        leg = self._leg_of(message)
        if leg is None:
            self._core.respond(exchange, 481)
            return
        leg.received(message, exchange)

    def _invite(self, message: Request, exchange: Answering, hop: Hop, peer: Peer) -> None:
        core = self._core
        core.respond(exchange, 100)
        refusal = self._full(peer) or unacceptable(message, self.settings.min_se_s)
        if refusal:
            self.counters["refused"] += 1
            core.respond(exchange, *refusal)
            return
        try:
            leg = IncomingLeg(core, self, Origin(hop, peer.name, peer.trust_identity), exchange)
        except ValueError:
            core.respond(exchange, 400)
            return
        self.legs[leg.id] = leg
        self.on_invite(leg)

    def _full(self, peer: Peer) -> tuple[int, list[tuple[str, str]]] | None:
        """Refuse beyond the limits: 503 when we are full, 486 when only this trunk's share is."""
        later = [("Retry-After", str(self.settings.retry_after_s))]
        living = [leg for leg in self.legs.values() if not leg.ended]
        if self._closing or len(living) >= self.settings.channels:
            return 503, later
        if peer.channels and sum(leg.line == peer.name for leg in living) >= peer.channels:
            return 486, later
        return None

    # Bookkeeping.

    def learn(self, leg: Leg, dialog: Dialog) -> None:
        """Messages of this dialog belong to this leg."""
        self._dialogs[dialog.id] = leg
        ids = self._ids.setdefault(leg.id, [])
        if dialog.id not in ids:
            ids.append(dialog.id)

    def forget(self, leg: Leg) -> None:
        """The leg needs no messages any more."""
        self.legs.pop(leg.id, None)
        for dialog_id in self._ids.pop(leg.id, ()):
            self._dialogs.pop(dialog_id, None)
        if not self.legs:
            self._empty.set()

    def _drop(self, kind: str, hop: Hop) -> None:
        self.counters[f"dropped_{kind}"] += 1
        if self._throttle.speaks(hop.address[0], kind, self._loop.time()):
            log.info("message dropped", kind=kind, source=hop.address[0])

    def _malformed(self, fault: MessageError, hop: Hop) -> None:
        self.counters[f"malformed_{fault.kind}"] += 1
        if self._throttle.speaks(hop.address[0], fault.kind, self._loop.time()):
            log.info("malformed message", kind=fault.kind, source=hop.address[0], answered=fault.code)
        if fault.code and fault.headers and self._rates.allows(hop.address[0], self._loop.time()):
            with contextlib.suppress(OSError):
                hop.send(refusal_of(fault.code, fault.headers))


def refusal_of(code: int, headers: Headers) -> bytes:
    """Write the answer to a request that could not be read, statelessly, from what could be."""
    lines = [f"SIP/2.0 {code} {REASONS[code]}"]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in headers.all(name)[: None if name == "Via" else 1]]
    lines += ["Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def with_source(message: Request, hop: Hop) -> Request:
    """Note in the top Via where the request really came from (RFC 3261 18.2.1, RFC 3581 4)."""
    host, port = hop.address
    via = message.via
    if via.host.strip("[]") == host and not via.wants_rport:
        return message
    params = tuple(pair for pair in via.params if pair[0] not in {"received", "rport"})
    noted = (("received", host),) + ((("rport", str(port)),) if via.wants_rport else ())
    via = replace(via, params=params + noted)
    _, *rest = message.headers.values("Via")
    return replace(message, via=via, headers=message.headers.replaced("Via", str(via), *rest))


def answer_address(message: Request, hop: Hop) -> Address:
    """Tell where answers go (RFC 3261 18.2.2, RFC 3581 4): never where `maddr` says."""
    if hop.carrier.reliable or message.via.wants_rport:
        return hop.address
    return hop.address[0], message.via.port or DEFAULT_PORTS["udp"]


def unacceptable(message: Request, least_s: int) -> tuple[int, list[tuple[str, str]]] | None:
    """Check that an INVITE's body and wishes are ones we serve (RFC 3261 8.2.3, 20.1)."""
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
    try:
        if message.body:
            read(message.body)
    except SdpError:
        return 400, []
    return None

"""The pyVoIP line's telephone: our transport and transactions around what pyVoIP decides.

pyVoIP sees requests in a plain form and says what to answer; its answers leave repaired (Via, From, To,
routes, session description) and are repeated as RFC 3261 demands. What it does not know is answered here.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections import Counter
from collections.abc import Callable

import structlog

from sip.pyvoip import MOST_CALLS, Guarded
from sip.pyvoip_registrar import Registrar
from sip.signalling.core import Core, has_sdp, ignore, tag
from sip.signalling.dialog import Dialog, answering
from sip.signalling.exchange import Answering
from sip.signalling.guard import Peers
from sip.signalling.identity import Identity, diverted_from, identify
from sip.signalling.keypad import key_of
from sip.signalling.leg import Dialled, EndedBy
from sip.signalling.message import MessageError, Request, Response, parse
from sip.signalling.offer import Local, OfferError, Sound, accept, settle, write
from sip.signalling.phone_settings import Account, Peer, PhoneSettings
from sip.signalling.reception import answer_address, refusal_of, sourced
from sip.signalling.repeated import Repeated
from sip.signalling.sdp import SdpError
from sip.signalling.transaction import Event
from sip.signalling.transfer import Subscription, Transferred
from sip.signalling.transport import Address, Hop, Udp
from sip.signalling.uri import parse_uri

_WITHIN = ("BYE", "INVITE", "INFO", "NOTIFY", "UPDATE", "OPTIONS", "REFER")
_KEEP_ALIVE = b"\r\n\0"
_OK, _BUSY = 200, 486
_PLAIN_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8 0\r\n"
)
_log = structlog.get_logger("line.pyvoip")


class PyVoipLeg:
    """An incoming call that pyVoIP holds; see `sip.signalling.leg.Leg` for what each name promises."""

    def __init__(self, phone: PyVoipPhone, exchange: Answering, hop: Hop, peer: Peer) -> None:
        request = exchange.request
        self.id = secrets.token_hex(8)
        self.dialled = parse_uri(request.uri).name
        self.diverted_from = diverted_from(request)
        self.identity: Identity = identify(request, trusted=peer.trust_identity)
        self.line = peer.name
        self.call_id = request.call_id
        self.hop = hop
        self.ended = False
        self.sound: Sound | None = None
        self.on_sound: Callable[[Sound], None] = ignore
        self.on_digit: Callable[[str, int], None] = ignore
        self.on_ringing: Callable[[], None] = ignore
        self.on_ended: Callable[[EndedBy], None] = ignore
        self.dialog: Dialog = answering(request, exchange.local_tag)
        self.offer = exchange
        self.farewell: Answering | None = None
        self.refusal: tuple[int, int] = (486, 0)
        self.body = b""
        self.subscription: Subscription | None = None
        self.unacked: Repeated | None = None
        self._phone = phone
        self._local: Local | None = None
        self._version = 0

    def answer(self, local: Local) -> None:
        """Take the call; its sound is agreed on now, or with the ACK after an INVITE without an offer."""
        self._local = local
        sound = self._agree(self.offer.request)
        if self.ended:
            return
        self.offer.on_ack = self.acknowledged
        self._phone.switch.answer(self.id)
        if sound is not None:
            self._sounds(sound)

    def refuse(self, code: int, retry_after: int = 0) -> None:
        """Refuse the call."""
        if self.ended:
            return
        self.refusal = (code, retry_after)
        self._phone.switch.refuse(self.id)
        self.finish("us")

    def hang_up(self) -> None:
        """End the leg: 480 before the answer, BYE after it."""
        if self.ended:
            return
        if not self.offer.answered:
            self.refuse(480)
            return
        self._phone.switch.hang_up(self.id)
        self.finish("us")

    async def answered(self) -> Dialled:
        """Say that this leg is none of ours: pyVoIP's calls out hear no refusal and are not used."""
        return "failed"

    async def refer(self, target: str, timeout_s: float) -> Transferred:
        """Ask the peer to call `target` instead of us; pyVoIP knows no REFER."""
        self.subscription = subscription = Subscription()
        uri, fields = self.dialog.fields("REFER")
        core = self._phone.core
        fields += [("Contact", core.contact(self.hop)), ("Refer-To", f"<{target}>")]
        message = core.build(self.hop, "REFER", uri, fields)
        core.ask(core.hop_of(self.dialog, self.hop), message, subscription.answered, subscription.lost)
        outcome = await subscription.outcome(timeout_s)
        self.subscription = None
        if outcome == "answered":
            self.hang_up()
        return outcome

    # What the telephone tells.

    def renegotiate(self, exchange: Answering) -> bool:
        """Take a re-INVITE's offer; False when it was refused."""
        self.offer = exchange
        sound = self._agree(exchange.request)
        if sound is not None:
            self._sounds(sound)
        return sound is not None

    def acknowledged(self, ack: Request) -> None:
        """Take an ACK, and the answer in it when the offer was ours."""
        if self.unacked is not None:
            self.unacked.stop()
        if self.sound is not None or self._local is None or self.ended:
            return
        try:
            self._sounds(settle(ack.body, self._local))
        except (SdpError, OfferError):
            self._phone.switch.hang_up(self.id)
            self.finish("error")

    def finish(self, by: EndedBy) -> None:
        """Be over."""
        if self.ended:
            return
        self.ended = True
        if self.unacked is not None:
            self.unacked.stop()
        self._phone.forget(self)
        if self.subscription is not None:
            self.subscription.leg_ended(by)
        self.on_ended(by)

    def _agree(self, request: Request) -> Sound | None:
        """Prepare our session description; pyVoIP's own forgets video lines and directions."""
        assert self._local is not None  # noqa: S101  # set by `answer`, before any re-INVITE
        self._version += 1
        if not has_sdp(request):
            self.body = write(self._local, 1, self._version)
            return None
        try:
            self.body, sound = accept(request.body, self._local, 1, self._version)
        except (SdpError, OfferError):
            if self._version == 1:
                self.refusal = (488, 0)
                self._phone.switch.refuse(self.id)
                self.finish("error")
            return None
        return sound

    def _sounds(self, sound: Sound) -> None:
        self.sound = sound
        self.on_sound(sound)

    def unacknowledged(self) -> None:
        """End a call whose answer nobody acknowledged."""
        if not self.ended:
            self._phone.switch.hang_up(self.id)
            self.finish("error")


class PyVoipPhone:
    """A telephone whose calls pyVoIP decides; what its names promise stands at `sip.signalling.phone`."""

    def __init__(self, settings: PhoneSettings, on_invite: Callable[[PyVoipLeg], None]) -> None:
        self.settings = settings
        self.counters: Counter[str] = Counter()
        self._on_invite = on_invite
        self._peers = Peers(settings.peers)
        self._legs: dict[str, PyVoipLeg] = {}
        self._empty = asyncio.Event()
        self._closing = False
        self._udp = Udp(self._datagram)
        self.core: Core
        self.switch: Guarded
        self._registrar: Registrar | None = None

    async def open(self) -> None:
        """Bind and start registering.

        Raises:
            OSError: the address cannot be bound.
        """
        self._loop = asyncio.get_running_loop()
        self.core = Core(self.settings, self._loop, self.counters)
        listen = self.settings.listen[0]
        await self._udp.open(listen.host, listen.port)
        self.core.carriers.append(self._udp)
        self._empty.set()
        self.switch = Guarded(self.address(), self._said)
        for account in self.settings.accounts[:1]:
            server = Hop(self._udp, await self._address_of(account))
            self._registrar = Registrar(self.core, account, server, self.switch.registrar_says)
            self._registrar.start(self.switch.register)

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no new calls, wait up to `grace_s` for calls to end, hang up the rest, unregister."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace_s)
        for leg in tuple(self._legs.values()):
            leg.hang_up()
        if self._registrar is not None:
            await self._registrar.leave(self.switch.deregister)
        self.switch.close()
        self.core.exchanges.close()
        self._udp.close()

    @property
    def transports(self) -> tuple[str, ...]:
        """What it listens on: pyVoIP knows nothing but UDP."""
        return ("udp",)

    @property
    def registered(self) -> bool:
        """Whether the account's registrar keeps our contact."""
        return self._registrar is not None and self._registrar.granted_s > 0

    def address(self, transport: str = "udp") -> tuple[str, int]:
        """Give the host and port really bound."""
        del transport
        return self._udp.local

    def call(
        self, target: str, local: Local, *, line: str = "", caller: str = "", withheld: bool = False
    ) -> PyVoipLeg:
        """Refuse to call out.

        Raises:
            NotImplementedError: always; a caller is passed on by REFER on this line.
        """
        raise NotImplementedError("the pyVoIP line passes callers on by REFER")

    def forget(self, leg: PyVoipLeg) -> None:
        """Know that a leg is over."""
        self._legs.pop(leg.call_id, None)
        self.switch.forget(leg.id)
        if not self._legs:
            self._empty.set()

    async def _address_of(self, account: Account) -> Address:
        """Look the registrar's address up and admit it as a peer."""
        host, _, port = (account.registrar or account.domain).partition(":")
        found = await self._loop.getaddrinfo(host, int(port or 5060), family=socket.AF_INET)
        address: Address = (str(found[0][4][0]), int(port or 5060))
        peer = Peer(account.name, (address[0],), trust_identity=account.trust_identity)
        self._peers = Peers((peer, *self.settings.peers))
        return address

    # From the wire.

    def _datagram(self, data: bytes, hop: Hop) -> None:
        peer = self._peers.of(hop.address[0])
        if peer is None or not data.strip(_KEEP_ALIVE):
            return
        try:
            message = parse(data)
        except MessageError as fault:
            self.counters["malformed"] += 1
            if fault.code and fault.headers:
                self.core.send_raw(hop, refusal_of(fault.code, fault.headers))
            return
        if isinstance(message, Response):
            self._response(message)
        else:
            self._request(message, hop, peer)

    def _response(self, message: Response) -> None:
        self.core.exchanges.answered(message)

    def _request(self, message: Request, hop: Hop, peer: Peer) -> None:
        known = self.core.exchanges.serving(message)
        if known:
            known.take(Event.ACK if message.method == "ACK" else Event.REQUEST, message)
            return
        if message.method == "ACK":
            self._acknowledged(message)
            return
        back = Hop(self._udp, answer_address(message, hop))
        exchange = self.core.exchanges.serve(message, sourced(message, hop), back, tag())
        if message.method == "CANCEL":
            self._cancel(message, exchange)
        elif message.to.tag:
            self._within(message, exchange)
        elif message.method == "INVITE":
            self._invite(exchange, hop, peer)
        else:
            # It answers none of these, not even OPTIONS.
            self.core.respond(exchange, 200 if message.method == "OPTIONS" else 481, self.core.capabilities())

    def _acknowledged(self, message: Request) -> None:
        leg = self._legs.get(message.call_id)
        if leg is not None:
            leg.acknowledged(message)

    def _cancel(self, message: Request, exchange: Answering) -> None:
        meant = self.core.exchanges.cancelled(message)
        self.core.respond(exchange, 200 if meant else 481)
        leg = self._legs.get(message.call_id)
        if leg is not None and meant is leg.offer and not leg.offer.answered:
            leg.refusal = (487, 0)  # it lets cancelled calls ring on
            self.switch.refuse(leg.id)
            leg.finish("caller")

    def _invite(self, exchange: Answering, hop: Hop, peer: Peer) -> None:
        if self._closing or len(self._legs) >= min(self.settings.channels, MOST_CALLS):
            self.core.respond(exchange, 503, [("Retry-After", str(self.settings.retry_after_s))])
            return
        if exchange.request.call_id in self._legs:
            self.core.respond(exchange, 482)
            return
        try:
            leg = PyVoipLeg(self, exchange, hop, peer)
        except ValueError:
            self.core.respond(exchange, 400)
            return
        self._legs[leg.call_id] = leg
        self._empty.clear()
        self.counters["calls"] += 1
        self.switch.hand_over(plain(exchange.request, leg.id))
        self._on_invite(leg)

    def _within(self, message: Request, exchange: Answering) -> None:
        leg = self._legs.get(message.call_id)
        if leg is None or message.to.tag != leg.dialog.local_tag or message.method not in _WITHIN:
            self.core.respond(exchange, 481)  # it says 200 to a BYE of a call that it does not know
            return
        if not leg.dialog.in_order(message):
            self.core.respond(exchange, 500)
            return
        if message.method == "BYE":
            leg.farewell = exchange
            self.switch.hand_over(plain(message, leg.id))
            leg.finish("caller")
        elif message.method == "INVITE":
            if leg.renegotiate(exchange):
                self.switch.hand_over(plain(message, leg.id))
            else:
                self.core.respond(exchange, 488)
        else:
            self._aside(message, exchange, leg)

    def _aside(self, message: Request, exchange: Answering, leg: PyVoipLeg) -> None:
        """Answer what pyVoIP drops in silence: the peer would end the call after 32 s."""
        self.core.respond(exchange, 603 if message.method == "REFER" else 200, self.core.allowed())
        if message.method == "INFO" and (
            pressed := key_of(message.headers.get("Content-Type"), message.body)
        ):
            leg.on_digit(*pressed)
        if message.method == "NOTIFY" and leg.subscription is not None:
            leg.subscription.notified(message)

    # From pyVoIP.

    def _said(self, data: bytes) -> None:
        """Take what pyVoIP wants to send: an answer, a BYE, or a REGISTER from its thread."""
        if data.startswith(b"REGISTER "):
            if self._registrar is not None:
                self._loop.call_soon_threadsafe(self._registrar.say, data)
            return
        fields = dict(line.split(b": ", 1) for line in data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:])
        name = fields[b"Call-ID"].decode()
        leg = next((one for one in self._legs.values() if one.id == name), None)
        if leg is None:
            return
        if data.startswith(b"BYE "):
            self._bye(leg)
        elif fields[b"CSeq"].endswith(b"BYE"):
            self._goodbye(leg)
        else:
            self._answer(leg, int(data[8:11]))

    def _bye(self, leg: PyVoipLeg) -> None:
        """Send its BYE with our Via and the route of the call: its own has the peer's Via and no route."""
        uri, fields = leg.dialog.fields("BYE")
        message = self.core.build(leg.hop, "BYE", uri, fields)
        self.core.ask(self.core.hop_of(leg.dialog, leg.hop), message)

    def _goodbye(self, leg: PyVoipLeg) -> None:
        """Send its answer to a BYE with the tag of the call: it makes a new one for every answer."""
        if leg.farewell is not None:
            self.core.respond(leg.farewell, 200)

    def _answer(self, leg: PyVoipLeg, status: int) -> None:
        """Send its answer to an INVITE, with the status that we want where it knows 486 only."""
        if status == _BUSY:
            status, later = leg.refusal
            self.core.respond(leg.offer, status, [("Retry-After", str(later))] if later else [])
            return
        body = leg.body if status == _OK else b""
        fields = [("Contact", self.core.contact(leg.hop)), *self.core.allowed(), *self.core.typed(body)]
        answer = self.core.respond(leg.offer, status, fields, body)
        if status == _OK:
            leg.unacked = Repeated(self.core, leg.offer, answer, leg.unacknowledged)


def plain(message: Request, name: str) -> bytes:
    """Write a request as pyVoIP can read it: no compact or odd names, no latin-1, always an offer.

    The call is named by our id, its parties not at all: pyVoIP prints what it cannot handle.
    """
    to = ";tag=us" if message.to.tag else ""
    body = _PLAIN_SDP if message.method == "INVITE" else ""
    lines = [
        f"{message.method} sip:line@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKplain",
        "From: <sip:caller@127.0.0.1>;tag=them",
        f"To: <sip:line@127.0.0.1>{to}",
        f"Call-ID: {name}",
        f"CSeq: {message.cseq}",
        "Contact: <sip:caller@127.0.0.1>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", body]).encode("ascii")

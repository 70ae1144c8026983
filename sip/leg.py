"""A leg: our side of one call between us and one peer.

Callbacks are plain attributes; set them as soon as you get the leg. They are called from the event loop,
in wire order, and never after `on_ended`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from sip.acknowledged import Acknowledged
from sip.core import SDP_TYPE, Core, ignore
from sip.dialog import Dialog
from sip.exchange import Answering
from sip.identity import Identity
from sip.keypad import key_of
from sip.message import Request, Response
from sip.offer import Local, OfferError, SdpError, Sound, accept, settle, write
from sip.transfer import Subscription, Transferred
from sip.transport import Hop
from sip.uri import is_number

EndedBy = Literal["caller", "us", "error"]
Dialled = Literal["answered", "busy", "no_answer", "refused", "failed", "ended"]

__all__ = ["Dialled", "EndedBy", "Leg", "Transferred"]

_GLARE_S = (2.1, 4.0)  # RFC 3261 14.1: the side that owns the Call-ID waits longer
_GLARE_OTHER_S = (0.0, 2.0)


class Book(Protocol):
    """Where messages find their leg."""

    def learn(self, leg: Leg, dialog: Dialog) -> None:
        """Messages of this dialog belong to this leg."""

    def forget(self, leg: Leg) -> None:
        """The leg needs no messages any more."""


class Leg:
    """One call leg, incoming or outgoing.

    Attributes:
        id: random, unique, free of personal data; fit for logs.
        incoming: the peer called us.
        dialled: user part of the called URI (the DID as the trunk writes it); RFC 3261 8.2.2.1.
        diverted_from: user part of the first diverting number (Diversion, History-Info), "" if none.
        identity: who calls, raw (PAI, From or RPID as the trust setting allows).
        line: name of the account or peer that the call came by.
        sound: what both sides agreed on; None before offer and answer met.
        offered: the peer's INVITE carried an offer (False: our 200 carries it, `on_sound` comes with ACK).

    Callbacks:
        on_sound(sound): first agreement, early media and every change by re-INVITE/UPDATE.
        on_confirmed(): the ACK is here (incoming) or was sent (outgoing).
        on_digit(digit, duration_ms): a key told by SIP INFO.
        on_ringing(): outgoing only, 180/183 arrived.
        on_ended(by): the leg is over; "caller" is the peer.
    """

    incoming = True

    def __init__(self, core: Core, book: Book, hop: Hop, line: str) -> None:
        self.id = secrets.token_hex(8)
        self.dialled = ""
        self.diverted_from = ""
        self.identity = Identity()
        self.line = line
        self.offered = False
        self.sound: Sound | None = None
        self.dialog: Dialog | None = None
        self.ended = False
        self.on_sound: Callable[[Sound], None] = ignore
        self.on_confirmed: Callable[[], None] = ignore
        self.on_digit: Callable[[str, int], None] = ignore
        self.on_ringing: Callable[[], None] = ignore
        self.on_ended: Callable[[EndedBy], None] = ignore
        self.core = core
        self.hop = hop
        self.local: Local | None = None
        self.unacked: Acknowledged | None = None
        self.subscription: Subscription | None = None
        self.book = book
        self._session = secrets.randbits(48)
        self._version = 0
        self._offering = False  # an offer of ours waits for its answer
        self._owed: Answering | None = None  # an INVITE/UPDATE of the peer waits for our final answer

    # What the owner of a leg calls.

    def ring(self) -> None:
        """Send 180 once; without effect after an answer."""
        raise NotImplementedError

    def progress(self, local: Local) -> None:
        """Send 183 with SDP (early media), reliably if the peer requires 100rel (RFC 3262)."""
        raise NotImplementedError

    def answer(self, local: Local) -> None:
        """Send 200 with SDP and repeat it until ACK (RFC 3261 13.3.1.4).

        With an offer in the INVITE `on_sound` is called before this returns, else with the ACK. If no
        codec is common the call is refused with 488 and `on_ended("error")` is called.
        """
        raise NotImplementedError

    def refuse(self, code: int, retry_after: int = 0) -> None:
        """Send a final refusal 3xx-6xx; `retry_after` in seconds, 0 for none."""
        raise NotImplementedError

    async def answered(self) -> Dialled:
        """Outgoing only: wait for the outcome of our INVITE."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """End the leg whatever its state (480, CANCEL or BYE); `on_ended("us")` follows at once."""
        if self.ended:
            return
        if self.unacked:
            self.finish("us", keep=True)  # no BYE before the ACK (RFC 3261 15): `acked` sends it
            return
        if self.dialog and not self.dialog.early:
            self.bye()
        self.finish("us")

    def hold(self, local: Local) -> None:
        """Send a re-INVITE with `local` (its direction holds or resumes the peer, or moves the sound)."""
        if self.ended or self.dialog is None or self.dialog.early:
            return
        self.local = local
        if self._offering or self._owed or self.unacked:
            self._later(self.hold, local)
            return
        self._offering = True
        self._version += 1
        body = write(local, self._session, self._version)
        seq = self.request("INVITE", self._content(body), body, self._reinvited, self._reinvite_lost)
        self._reinvite_seq = seq

    async def refer(self, target: str, timeout_s: float) -> Transferred:
        """Ask the peer to call `target` (SIP URI or number) instead of us (RFC 3515, blind transfer).

        Waits for the NOTIFY that reports the end. "answered": the destination took the call and our BYE is
        sent (`on_ended("us")` was called). "ended": the caller hung up meanwhile. All others: the caller is
        still with us.

        Args:
            target: SIP URI, or a number that is placed at the peer's own host.
            timeout_s: how long the destination may ring before "no_answer".
        """
        if self.ended or self.dialog is None or self.dialog.early or self.subscription:
            return "failed"
        self.subscription = Subscription()
        fields = [("Refer-To", f"<{self._refer_uri(target)}>"), ("Referred-By", self._own_uri())]
        self.request(
            "REFER", (*self._contact(), *fields), b"", self.subscription.answered, self.subscription.lost
        )
        try:
            result = await self.subscription.outcome(timeout_s)
        finally:
            self.subscription = None
        if result == "answered":
            self.hang_up()
        return result

    def _refer_uri(self, target: str) -> str:
        if self.dialog is None or not is_number(target):
            return target
        place = self.dialog.target
        port = f":{place.port}" if place.port else ""
        return f"sip:{target}@{place.host}{port}"

    def _own_uri(self) -> str:
        return self.dialog.local.partition(";tag=")[0] if self.dialog else ""

    # What the telephone hands in.

    def received(self, message: Request, exchange: Answering) -> None:
        """Serve a request within the dialog."""
        if self.dialog and not self.dialog.in_order(message):
            self.core.respond(exchange, 500)
            return
        serve = {
            "BYE": self._bye,
            "INVITE": self._reinvite,
            "UPDATE": self._update,
            "INFO": self._info,
            "NOTIFY": self._notify,
            "PRACK": self.pracked,
            "OPTIONS": self._options,
            "REFER": self._refer,
        }.get(message.method)
        if serve is None:
            self.core.respond(exchange, 405, self.core.allowed())
            return
        serve(message, exchange)

    def acked(self, message: Request) -> None:
        """Take the ACK of a 2xx of ours."""
        if self.unacked is None or message.cseq.number != self.unacked.seq:
            return
        self.unacked.stop()
        self.unacked = None
        if self.ended:
            self.bye()
            self._clear()
            return
        if self._offering and not self._answer_in_ack(message):
            return
        self.confirmed()

    def confirmed(self) -> None:
        """Note that the dialog stands; incoming legs tell it once."""

    def pracked(self, _message: Request, exchange: Answering) -> None:
        """Serve PRACK; only incoming legs send reliable provisional responses."""
        self.core.respond(exchange, 481)

    def _answer_in_ack(self, message: Request) -> bool:
        self._offering = False
        return self._settled(message.body)

    def _settled(self, body: bytes) -> bool:
        """Take the answer to our offer; the call cannot go on without one."""
        try:
            sound = settle(body, self.local) if self.local else None
        except (SdpError, OfferError):
            sound = None
        if sound is None:
            self.bye()
            self.finish("error")
            return False
        self.agree(sound)
        return True

    def _bye(self, _message: Request, exchange: Answering) -> None:
        self.core.respond(exchange, 200)
        self.finish("caller")

    def _info(self, message: Request, exchange: Answering) -> None:
        key = key_of(message.headers.get("Content-Type"), message.body)
        if key is None and message.body:
            self.core.respond(exchange, 415, [("Accept", "application/dtmf-relay, application/dtmf")])
            return
        self.core.respond(exchange, 200)
        if key and not self.ended:
            self.on_digit(*key)

    def _options(self, _message: Request, exchange: Answering) -> None:
        self.core.respond(exchange, 200, self.core.capabilities())

    def _refer(self, _message: Request, exchange: Answering) -> None:
        """Decline: nobody may make us call someone (RFC 3515 2.4.2 leaves it to policy)."""
        self.core.respond(exchange, 603)

    def _notify(self, message: Request, exchange: Answering) -> None:
        event = message.headers.get("Event").partition(";")[0].strip().lower()
        if event != "refer":
            self.core.respond(exchange, 489, [("Allow-Events", "refer")])
            return
        self.core.respond(exchange, 200 if self.subscription else 481)
        if self.subscription:
            self.subscription.notified(message)

    # Changes of the session by the peer.

    def _reinvite(self, message: Request, exchange: Answering) -> None:
        if not self._may_offer(exchange):
            return
        if message.body:
            self._answer_offer(message, exchange, acknowledged=True)
            return
        if self.local is None:
            self.core.respond(exchange, 488)
            return
        self._offering = True
        self._version += 1
        body = write(self.local, self._session, self._version)
        self.repeat(exchange, self.core.respond(exchange, 200, self._content(body), body))

    def _update(self, message: Request, exchange: Answering) -> None:
        if not message.body:
            if self.dialog:
                self.dialog.refresh(message.headers)
            self.core.respond(exchange, 200, self._contact())
            return
        if self._may_offer(exchange):
            self._answer_offer(message, exchange, acknowledged=False)

    def _may_offer(self, exchange: Answering) -> bool:
        """Refuse an offer that crosses another (RFC 3261 14.2, RFC 3311 5.2)."""
        if self._offering:
            self.core.respond(exchange, 491)
        elif self.unacked or self._owed or self.local is None:
            self.core.respond(exchange, 500, [("Retry-After", str(secrets.randbelow(10)))])
        else:
            return True
        return False

    def _answer_offer(self, message: Request, exchange: Answering, *, acknowledged: bool) -> None:
        if self.local is None or not has_sdp(message):
            self.core.respond(exchange, 415, [("Accept", SDP_TYPE)])
            return
        try:
            body, sound = accept(message.body, self.local, self._session, self._version + 1)
        except SdpError:
            self.core.respond(exchange, 400)
            return
        except OfferError:
            self.core.respond(exchange, 488)
            return
        self._version += 1
        if self.dialog:
            self.dialog.refresh(message.headers)
        answer = self.core.respond(exchange, 200, self._content(body), body)
        if acknowledged:
            self.repeat(exchange, answer)
        self.agree(sound)

    # Changes of the session by us.

    def _reinvited(self, answer: Response) -> None:
        if answer.status < 200 or self.dialog is None:  # noqa: PLR2004  # provisional
            return
        if answer.status >= 300:  # noqa: PLR2004  # refused: the session stays as it was
            self._offering = False
            if answer.status in {408, 481}:
                self.bye()
                self.finish("error")
            elif answer.status == 491 and self.local:  # noqa: PLR2004  # glare
                self._later(self.hold, self.local)
            return
        self.dialog.refresh(answer.headers)
        self.send_ack(self.dialog, self._reinvite_seq)
        if not self._offering:
            return  # a repeated 2xx: its ACK was lost
        self._offering = False
        self._settled(answer.body)

    def _reinvite_lost(self, _status: int) -> None:
        self._offering = False
        if not self.ended:
            self.bye()
            self.finish("error")

    def _later(self, action: Callable[[Local], None], local: Local) -> None:
        low, high = _GLARE_OTHER_S if self.incoming else _GLARE_S
        delay = low + (high - low) * secrets.randbelow(100) / 100
        self.core.clock.call_later(delay, action, local)

    # Tools of both kinds of leg.

    def agree(self, sound: Sound) -> None:
        """Take over what offer and answer settled."""
        self.sound = sound
        if not self.ended:
            self.on_sound(sound)

    def repeat(self, exchange: Answering, answer: Response) -> None:
        """Keep sending a 2xx until its ACK."""
        exchange.on_ack = self.acked
        self.unacked = Acknowledged(self.core, exchange, answer, self._unheard)

    def _unheard(self) -> None:
        self.unacked = None
        self.bye()
        self.finish("error")

    def request(
        self,
        method: str,
        fields: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        on_response: Callable[[Response], None] = ignore,
        on_lost: Callable[[int], None] = ignore,
    ) -> int:
        """Send a request within the dialog; gives its CSeq number."""
        if self.dialog is None:
            raise RuntimeError("no dialog yet")
        uri, own = self.dialog.fields(method)
        hop = self.core.hop_of(self.dialog, self.hop)
        self.core.ask(hop, self.core.build(hop, method, uri, (*own, *fields), body), on_response, on_lost)
        return self.dialog.local_seq

    def send_ack(self, dialog: Dialog, seq: int) -> None:
        """Acknowledge a 2xx (RFC 3261 13.2.2.4): no transaction, a branch of its own."""
        uri, own = dialog.fields_at("ACK", seq)
        hop = self.core.hop_of(dialog, self.hop)
        self.core.send(hop, self.core.build(hop, "ACK", uri, own))

    def bye(self) -> None:
        """Send BYE; whatever comes back, the dialog is over for us."""
        if self.dialog:
            self.request("BYE")

    def finish(self, by: EndedBy, *, keep: bool = False) -> None:
        """End the leg once; `keep` leaves it findable until the ACK of our 2xx comes."""
        if not keep:
            self._clear()
        if self.ended:
            return
        self.ended = True
        if self.subscription:
            self.subscription.leg_ended(by)
        self.on_ended(by)

    def _clear(self) -> None:
        if self.unacked:
            self.unacked.stop()
            self.unacked = None
        self.book.forget(self)

    def _contact(self) -> list[tuple[str, str]]:
        return [("Contact", self.core.contact(self.hop))]

    def _content(self, body: bytes) -> list[tuple[str, str]]:
        typed = [("Content-Type", SDP_TYPE)] if body else []
        return [*self._contact(), *self.core.allowed(), *typed]


def has_sdp(message: Request | Response) -> bool:
    """Tell whether the body is a session description."""
    kind = message.headers.get("Content-Type").partition(";")[0].strip().lower()
    return bool(message.body) and kind == SDP_TYPE

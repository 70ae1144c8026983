"""A leg: our side of one call between us and one peer.

Callbacks are plain attributes; set them as soon as you get the leg. They are called from the event loop,
in wire order, and never after `on_ended`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol

from sip.addresses import beside
from sip.signalling.core import Core, ignore
from sip.signalling.dialog import Dialog
from sip.signalling.digest import Login
from sip.signalling.exchange import Answering
from sip.signalling.identity import Identity
from sip.signalling.keypad import key_of
from sip.signalling.message import Request, Response
from sip.signalling.nat import vouched
from sip.signalling.offer import Local, Sound
from sip.signalling.session import Session
from sip.signalling.transfer import Subscription, Transferred, declined
from sip.signalling.transport import Hop
from sip.signalling.uri import is_number, user_part

EndedBy = Literal["caller", "us", "error"]
Dialled = Literal["answered", "busy", "no_answer", "refused", "failed", "ended"]

__all__ = ["Book", "Dialled", "EndedBy", "Leg", "Transferred"]


class Book(Protocol):
    """Where messages find their leg."""

    def learn(self, leg: Leg, dialog: Dialog) -> None:
        """Messages of this dialog belong to this leg."""

    def reach(self, leg: Leg, host: str) -> None:
        """A leg of ours calls a host."""

    def forget(self, leg: Leg) -> None:
        """The leg needs no messages any more."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request within a dialog, as it can be sent again with credentials; see `Leg.request`."""

    dialog: Dialog
    method: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    on_response: Callable[[Response], None]
    on_lost: Callable[[int], None]


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
        self.ended = False
        self.on_sound: Callable[[Sound], None] = ignore
        self.on_confirmed: Callable[[], None] = ignore
        self.on_digit: Callable[[str, int], None] = ignore
        self.on_ringing: Callable[[], None] = ignore
        self.on_ended: Callable[[EndedBy], None] = ignore
        self.core = core
        self.book = book
        self.hop = hop
        self.dialog: Dialog | None = None
        self.login: Login | None = None
        self.credentials: list[tuple[str, str]] = []  # of our latest INVITE
        self.session = Session(self)
        self.subscription: Subscription | None = None

    @property
    def sound(self) -> Sound | None:
        """What both sides agreed on last."""
        return self.session.negotiation.sound

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
        if self.incoming and self.session.unacked:
            self.finish("us", keep=True)  # no BYE before the ACK (RFC 3261 15): `acked` sends it
            return
        self.bye()
        self.finish("us")

    def hold(self, local: Local) -> None:
        """Send a re-INVITE with `local` (its direction holds or resumes the peer, or moves the sound)."""
        if not self.ended and self.dialog and not self.dialog.early:
            self.session.change(self.placed(local))

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
        if self.session.peer_allows and "refer" not in self.session.peer_allows:
            return "refused"  # some that lack REFER leave it unanswered: no use in waiting for them
        self.subscription = Subscription()
        fields = [
            *self._contact(),
            ("Refer-To", f"<{self._refer_uri(target)}>"),
            ("Referred-By", self.dialog.local.partition(";tag=")[0]),
        ]
        self.request("REFER", fields, b"", self._referred, self.subscription.lost)
        try:
            result = await self.subscription.outcome(timeout_s)
        finally:
            self.subscription = None
            self._clear_ended()
        if result == "answered":
            self.hang_up()
        return result

    def _referred(self, answer: Response) -> None:
        if self.subscription:
            self.subscription.answered(answer)
        if answer.status == 481:  # noqa: PLR2004  # the peer knows nothing of this call (RFC 3261 12.2.1.2)
            self.finish("error")

    def _clear_ended(self) -> None:
        if self.ended:
            self.clear()

    def _refer_uri(self, target: str) -> str:
        if self.dialog is None or not is_number(target):
            return target
        place = self.dialog.target
        port = f":{place.port}" if place.port else ""
        return f"sip:{user_part(target)}@{place.host}{port}"

    # What the telephone hands in.

    def received(self, message: Request, exchange: Answering) -> None:
        """Serve a request within the dialog."""
        dialog = self.dialog_of(message)
        if dialog and not dialog.in_order(message):
            self.core.respond(exchange, 500)
            return
        serve = {
            "BYE": self._bye,
            "INVITE": self._invite_again,
            "UPDATE": self.session.update,
            "INFO": self._info,
            "NOTIFY": self._notify,
            "PRACK": self.pracked,
            "OPTIONS": self._options,
            "REFER": self._refer,
        }[message.method]
        serve(message, exchange)

    def dialog_of(self, message: Request) -> Dialog | None:  # noqa: ARG002  # only calls of ours may have several
        """Give the dialog that a request is of."""
        return self.dialog

    def acked(self, message: Request) -> None:
        """Take the ACK of a 2xx of ours."""
        if not self.session.acked(message):
            return
        if self.ended:
            self.bye()
            self.clear()
            return
        if self.session.negotiation.offering and not self.session.take_answer(message.body):
            return
        self.confirmed()

    def confirmed(self) -> None:
        """Note that the dialog stands; incoming legs tell it once."""

    def pracked(self, _message: Request, exchange: Answering) -> None:
        """Serve PRACK; only incoming legs send reliable provisional responses."""
        self.core.respond(exchange, 481)

    def _invite_again(self, message: Request, exchange: Answering) -> None:
        if self.ended:
            self.core.respond(exchange, 481)
            return
        self.session.reinvite(message, exchange)

    def _bye(self, _message: Request, exchange: Answering) -> None:
        self.core.respond(exchange, 200)
        self.finish("caller")

    def _info(self, message: Request, exchange: Answering) -> None:
        key = key_of(message.headers.get("Content-Type"), message.body)
        if key is None and "Info-Package" in message.headers:
            self.core.respond(exchange, 469, [("Recv-Info", "")])  # RFC 6086 4.2.2: we know no packages
            return
        if key is None and message.body:
            self.core.respond(exchange, 415, [("Accept", "application/dtmf-relay, application/dtmf")])
            return
        self.core.respond(exchange, 200)
        if key and not self.ended:
            self.on_digit(*key)

    def _options(self, _message: Request, exchange: Answering) -> None:
        self.core.respond(exchange, 200, self.core.capabilities())

    def _refer(self, message: Request, exchange: Answering) -> None:
        self.core.respond(exchange, declined(message.headers))

    def _notify(self, message: Request, exchange: Answering) -> None:
        event = message.headers.get("Event").partition(";")[0].strip().lower()
        if event != "refer":
            self.core.respond(exchange, 489, [("Allow-Events", "refer")])
            return
        self.core.respond(exchange, 200 if self.subscription else 481)
        if self.subscription:
            self.subscription.notified(message)

    # Tools of both kinds of leg.

    def agree(self, sound: Sound) -> None:
        """Tell what offer and answer settled."""
        if not self.ended:
            signalling = self.hop.address[0]
            address = beside(sound.address, signalling)
            self.on_sound(replace(sound, address=address, hosts=vouched(address, signalling)))

    def placed(self, local: Local) -> Local:
        """Give our sound under the address that this leg's peer can send it to."""
        address = self.core.sound_address(self.hop, local.address)
        return local if address == local.address else replace(local, address=address)

    def request(
        self,
        method: str,
        fields: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        on_response: Callable[[Response], None] = ignore,
        on_lost: Callable[[int], None] = ignore,
    ) -> int:
        """Send a request within the dialog, again with credentials if challenged (RFC 3261 12.2.1.1, 22.2).

        Args:
            method: any but ACK and CANCEL.
            fields: name and value of what the dialog does not write itself.
            body: of the type that `fields` tell.
            on_response: called with each response.
            on_lost: called with 408 when none came, 503 when the request could not be sent.

        Returns:
            The request's CSeq number.

        Raises:
            RuntimeError: there is no dialog yet.
        """
        if self.dialog is None:
            raise RuntimeError("no dialog yet")
        return self.inquire(Inquiry(self.dialog, method, tuple(fields), body, on_response, on_lost))

    def inquire(self, inquiry: Inquiry) -> int:
        """Send a request within a dialog that need not be the one that stands; returns its CSeq number."""
        dialog = inquiry.dialog
        uri, own = dialog.fields(inquiry.method)
        hop = self.core.hop_of(dialog, self.hop)
        if inquiry.method == "INVITE":
            self.credentials = [one for one in inquiry.fields if _proves(one)]
        message = self.core.build(hop, inquiry.method, uri, (*own, *inquiry.fields), inquiry.body)
        self.core.ask(hop, message, partial(self._replied, inquiry, uri), inquiry.on_lost)
        return dialog.local_seq

    def _replied(self, inquiry: Inquiry, uri: str, answer: Response) -> None:
        proof = self.proof(answer, inquiry.method, uri, inquiry.body)
        if not proof:
            inquiry.on_response(answer)
            return
        rest = [field for field in inquiry.fields if not _proves(field)]
        self.inquire(replace(inquiry, fields=(*rest, *proof)))

    def proof(self, answer: Response, method: str, uri: str, body: bytes) -> list[tuple[str, str]]:
        """Answer a challenge; nothing without account, or when our credentials were refused."""
        if answer.status not in {401, 407} or self.login is None:
            return []
        return self.login.answer(answer.status, answer.headers, method, uri, body)

    def send_ack(self, dialog: Dialog, seq: int) -> None:
        """Acknowledge a 2xx (RFC 3261 13.2.2.4): no transaction, a branch of its own, the INVITE's proof."""
        uri, own = dialog.fields_at("ACK", seq)
        hop = self.core.hop_of(dialog, self.hop)
        self.core.send(hop, self.core.build(hop, "ACK", uri, (*own, *self.credentials)))

    def bye(self) -> None:
        """Send BYE; whatever comes back, the dialog is over for us."""
        if self.dialog:
            self.request("BYE")

    def finish(self, by: EndedBy, *, keep: bool = False) -> None:
        """End the leg once; `keep` leaves it findable for messages that are still on their way."""
        if not keep and self.subscription is None:  # a last NOTIFY may still come
            self.clear()
        if self.ended:
            return
        self.ended = True
        if self.subscription:
            self.subscription.leg_ended(by)
        told, self.on_ended = self.on_ended, ignore
        # Nothing is told any more: what waits for late messages must not hold on to whoever owned the leg.
        self.on_sound = self.on_confirmed = self.on_digit = self.on_ringing = ignore
        told(by)

    def clear(self) -> None:
        """Stop what waits and leave the book."""
        self.session.close()
        self.book.forget(self)

    def _contact(self) -> list[tuple[str, str]]:
        return [("Contact", self.core.contact(self.hop))]

    def content(self, body: bytes) -> list[tuple[str, str]]:
        """Write Contact, what we understand, and the body's type."""
        return [*self._contact(), *self.core.allowed(), *self.core.typed(body)]


def _proves(field: tuple[str, str]) -> bool:
    """Tell credentials from other fields."""
    return field[0].endswith("Authorization")

"""An incoming leg: the UAS side of INVITE (RFC 3261 13.3, RFC 3262)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sip.signalling.core import Core
from sip.signalling.dialog import answering
from sip.signalling.digest import Login, Secret
from sip.signalling.exchange import Answering
from sip.signalling.headers import Headers
from sip.signalling.identity import diverted_from, identify
from sip.signalling.leg import Book, EndedBy, Leg
from sip.signalling.message import Request
from sip.signalling.offer import Local, OfferError, read
from sip.signalling.repeated import TWICE_FOR_EVER, Repeated
from sip.signalling.timers import Timer
from sip.signalling.transport import Hop
from sip.signalling.uri import parse_name_addr, parse_uri

_KEEP_RINGING_S = 60.0  # proxies forget a call that rings in silence (RFC 3261 13.3.1.1)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an INVITE came from.

    Args:
        hop: transport and address.
        line: account or peer.
        trusted: the peer may assert identities.
        channels: most calls at once of this line, 0 for no limit of its own.
        user: the account's own user part, "" for a trunk; what was dialled stands elsewhere then.
        secret: credentials for challenges of this line.
    """

    hop: Hop
    line: str
    trusted: bool
    channels: int = 0
    user: str = ""
    secret: Secret | None = None


class IncomingLeg(Leg):
    """A call that reached us.

    Args:
        core: the telephone.
        book: where the leg's dialogs are written down.
        origin: where the INVITE came from.
        exchange: the INVITE's transaction.

    Raises:
        ValueError: the INVITE cannot make a dialog, or its session description cannot be read.
    """

    incoming = True

    def __init__(
        self,
        core: Core,
        book: Book,
        origin: Origin,
        exchange: Answering,
    ) -> None:
        super().__init__(core, book, origin.hop, origin.line)
        message = exchange.request
        self.dialog = answering(message, exchange.local_tag)
        self.dialled = dialled(message, origin.user)
        self.login = Login(origin.secret) if origin.secret else None
        self.diverted_from = diverted_from(message)
        self.identity = identify(message, trusted=origin.trusted)
        self.offered = bool(message.body)
        self._offer = read(message.body) if message.body else []
        self.invite = message
        self.exchange = exchange
        self.session.owed = exchange
        self._body = b""  # our answer in a reliable 183 stands; the 200 repeats it
        self._carried = False  # the latest reliable response brought it
        self._pending: Callable[[], None] | None = None
        self._provisional: Repeated | None = None
        self._rseq = 0
        self._refresh_ringing: Timer | None = None
        exchange.on_failed = self._not_acknowledged
        self._confirmed_told = False
        book.learn(self, self.dialog)

    # What the owner calls.

    def ring(self) -> None:
        """Send 180; again every minute, so that no proxy gives up.

        Not where it must be reliable to an INVITE without offer: it would have to make ours (RFC 3262 5).
        """
        if self.ended or self.exchange.answered:
            return
        if not self.offered and wants_100rel(self.invite.headers, body=False):
            return
        if self._refresh_ringing:
            self._refresh_ringing.cancel()
        self._refresh_ringing = self.core.clock.call_later(_KEEP_RINGING_S, self.ring)
        self._send_provisional(180, b"")

    def progress(self, local: Local) -> None:
        """Send 183 with SDP, reliably if the peer can (RFC 3262)."""
        if self.ended or self.exchange.answered or self._body or not self.offered:
            return
        if not self._accept(local):
            return
        if self._provisional:  # RFC 3262 3: one at a time
            self._pending = self._send_progress
        else:
            self._send_progress()

    def _send_progress(self) -> None:
        self._send_provisional(183, self._body)

    def answer(self, local: Local) -> None:
        """Send 200 with SDP and repeat it until ACK."""
        if self.ended or self.exchange.answered:
            return
        if self._provisional:
            self._pending = lambda: self.answer(local)  # RFC 3262 3: the offer's answer must arrive first
            return
        if not self.offered:
            self._body = self.session.negotiation.offer(self.placed(local))
        elif not self._body and not self._accept(local):
            return
        self._succeed()

    def _accept(self, local: Local) -> bool:
        try:
            self._body, sound = self.session.negotiation.answer(self._offer, self.placed(local))
        except OfferError:
            self.core.counters["refused_offer"] += 1
            self._fail(488, "error")
            return False
        self.agree(sound)
        return True

    def _succeed(self) -> None:
        self.session.owed = None
        self._quiet()
        if self.dialog:
            self.dialog.early = False
        # What was agreed by a reliable 183 is not said again: UPDATE may have changed it since.
        body = b"" if self.session.agreed_early else self._body
        fields = [*self.content(body), *self.session.answer_timer(self.invite.headers)]
        self.session.repeat(self.exchange, self.core.respond(self.exchange, 200, fields, body))

    def refuse(self, code: int, retry_after: int = 0) -> None:
        """Send a final refusal."""
        if self.ended or self.exchange.answered:
            return
        fields = [("Retry-After", str(retry_after))] if retry_after else []
        self._fail(code, "us", fields)

    def hang_up(self) -> None:
        """Refuse while ringing, else BYE."""
        if not self.ended and not self.exchange.answered:
            self.refuse(480)
            return
        super().hang_up()

    def _fail(self, code: int, by: EndedBy, fields: list[tuple[str, str]] | None = None) -> None:
        self.session.owed = None
        self._quiet()
        self.core.respond(self.exchange, code, fields or ())
        self.exchange.let_go()
        self.finish(by)

    def _quiet(self) -> None:
        if self._refresh_ringing:
            self._refresh_ringing.cancel()
            self._refresh_ringing = None
        if self._provisional:
            self._provisional.stop()
            self._provisional = None

    # What the telephone hands in.

    def cancelled(self) -> None:
        """The caller gave up before our final answer (9.2)."""
        if not self.exchange.answered:
            self._fail(487, "caller")

    def confirmed(self) -> None:
        """The ACK of the first INVITE, or of a re-INVITE."""
        if not self._confirmed_told:
            self._confirmed_told = True
            self.on_confirmed()

    def _bye(self, message: Request, exchange: Answering) -> None:
        """End the call; an INVITE not yet answered is answered 487 (15.1.2)."""
        if not self.exchange.answered:
            self.core.respond(exchange, 200)
            self._fail(487, "caller")
            return
        super()._bye(message, exchange)

    def _not_acknowledged(self) -> None:
        self.finish("error")

    # Reliable provisional responses.

    def _send_provisional(self, status: int, body: bytes) -> None:
        if self._provisional:
            return
        fields = self.content(body)
        if not wants_100rel(self.invite.headers, body=bool(body)):
            self.core.respond(self.exchange, status, fields, body)
            return
        self._rseq += 1
        self._carried = bool(body)
        fields += [("Require", "100rel"), ("RSeq", str(self._rseq))]
        answer = self.core.respond(self.exchange, status, fields, body)
        self._provisional = Repeated(self.core, self.exchange, answer, self._unpracked, TWICE_FOR_EVER)

    def pracked(self, message: Request, exchange: Answering) -> None:
        """Serve PRACK: 481 unless it names our latest reliable response (RFC 3262 3)."""
        wanted = f"{self._rseq} {self.invite.cseq.number} INVITE"
        if not self._provisional or " ".join(message.headers.get("RAck").split()) != wanted:
            self.core.respond(exchange, 481)
            return
        self._provisional.stop()
        self._provisional = None
        self.session.owed = None  # an offer in PRACK crosses nothing: our first answer has arrived
        self.session.answer_early(message, exchange)
        self.session.owed = self.exchange
        self.session.agreed_early |= self._carried
        pending, self._pending = self._pending, None
        if pending:
            pending()

    def _unpracked(self) -> None:
        self._provisional = None
        self._fail(504, "error")


def dialled(message: Request, own: str) -> str:
    """Tell the number that the caller dialled.

    A registrar rewrites the Request-URI to our contact; the number stands in P-Called-Party-ID (RFC 7315
    4.2) or To then.

    Args:
        message: the INVITE.
        own: user part of the contact that we registered, "" for a trunk.
    """
    asked = parse_uri(message.uri).name
    if not own or asked != own:
        return asked
    try:
        called = parse_name_addr(message.headers.get("P-Called-Party-Id")).uri.name
    except ValueError:
        called = ""
    return called or message.to.uri.name or asked


def wants_100rel(headers: Headers, *, body: bool) -> bool:
    """Tell whether a provisional response must, or should because it carries SDP, be reliable."""
    if "100rel" in headers.tokens("Require"):
        return True
    return body and "100rel" in headers.tokens("Supported")

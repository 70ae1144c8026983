"""An outgoing leg: the UAC side of INVITE (RFC 3261 13.2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from sip.signalling.core import Core, has_sdp, ignore, tag
from sip.signalling.dialog import Dialog, calling
from sip.signalling.digest import Login, Secret
from sip.signalling.exchange import Answering, Asking, cancel_for
from sip.signalling.headers import Headers
from sip.signalling.leg import Book, Dialled, EndedBy, Inquiry, Leg
from sip.signalling.message import Request, Response
from sip.signalling.offer import Local, OfferError, SdpError
from sip.signalling.timers import Timer
from sip.signalling.transfer import outcome_of
from sip.signalling.transport import Hop
from sip.signalling.uri import Params, Uri, param, parse_name_addr, parse_uri, quote, user_part

_REDIRECTS = 3
_TRIES = 6
NOBODY = '"Anonymous" <sip:anonymous@anonymous.invalid>'  # RFC 3323 4.1.1.3
HIDDEN = ("Privacy", "id")  # whoever knows an identity keeps it from the called side (RFC 3325 9.3)


@dataclass(frozen=True, slots=True)
class Called:
    """Whom to call and as whom.

    Args:
        uri: Request-URI.
        sender: From without tag.
        line: account or peer to go by, "" for none.
        routes: Route values.
        secret: credentials for challenges; None answers none.
        ring_s: longest time to ring, seconds.
        extra: further header fields.
        ca: file of certificate authorities that count there, "" for the system's.
    """

    uri: Uri
    sender: str
    line: str = ""
    routes: tuple[str, ...] = ()
    secret: Secret | None = None
    ring_s: float = 120.0
    extra: tuple[tuple[str, str], ...] = ()
    ca: str = ""


class OutgoingLeg(Leg):
    """A call that we make.

    Args:
        core: the telephone.
        book: where the leg's dialogs are written down.
        hop: where the INVITE goes; None until a name is resolved (nothing is sent before `start`).
        called: whom to call.
        local: our sound.
    """

    incoming = False

    def __init__(
        self,
        core: Core,
        book: Book,
        hop: Hop | None,
        called: Called,
        local: Local,
    ) -> None:
        super().__init__(core, book, hop or Hop(core.carriers[0], ("", 0)), called.line)
        self.others: list[Hop] = []
        self.called = called
        self.dialled = called.uri.name
        self.login = Login(called.secret) if called.secret else None
        self._local_tag = tag()
        self._call_id = tag() + tag()
        self._seq = 0
        self._asking: Asking | None = None
        self._heard = False  # a provisional response came: CANCEL may be sent
        self._cancel = False
        self._cancel_sent = False
        self._forks: dict[str, Dialog] = {}
        self._rseqs: dict[str, int] = {}
        self._settled_by = ""  # tag whose reliable 183 brought the answer that stands
        self._redirects = 0
        self._fields: tuple[tuple[str, str], ...] = ()
        self._deadline: Timer | None = None
        self._outcome: asyncio.Future[Dialled] = asyncio.get_running_loop().create_future()
        self._local = local
        self._body = b""
        self._finding: asyncio.Task[None] | None = None

    # What the owner calls.

    async def answered(self) -> Dialled:
        """Wait for the outcome of our INVITE."""
        return await asyncio.shield(self._outcome)

    def ring(self) -> None:
        """Nothing: the other side rings."""

    def progress(self, local: Local) -> None:
        """Nothing: the other side progresses."""

    def answer(self, local: Local) -> None:
        """Nothing: the other side answers."""

    def refuse(self, code: int, retry_after: int = 0) -> None:  # noqa: ARG002  # the interface of both kinds
        """Give up."""
        self.hang_up()

    def hang_up(self) -> None:
        """CANCEL while ringing, BYE afterwards."""
        if self.ended:
            return
        if self.dialog and not self.dialog.early:
            super().hang_up()
            return
        self._give_up("ended")
        self.finish("us", keep=True)

    def start(self) -> None:
        """Send the INVITE; a leg that was given up meanwhile sends nothing."""
        if self.ended:
            self.clear()
            return
        self.book.reach(self, self.hop.address[0])
        self._offer(self.placed(self._local))
        self._seq += 1
        self._heard = False
        invite = self.core.build(self.hop, "INVITE", str(self.called.uri), self._invite(), self._body)
        self._asking = self.core.ask(self.hop, invite, self._response, self._lost)
        if self._deadline is None:
            self._deadline = self.core.clock.call_later(self.called.ring_s, self._overdue)

    def _offer(self, local: Local) -> None:
        """Write our offer anew where the way to the peer shows us under another address."""
        if not self._body or local != self.session.negotiation.local:
            self._body = self.session.negotiation.offer(local)

    def unreachable(self) -> None:
        """The name of the callee's host leads nowhere."""
        self._conclude("failed")

    # What the telephone hands in.

    def dialog_of(self, message: Request) -> Dialog | None:
        """Give the fork that a request comes from."""
        return self._forks.get(message.sender.tag, self.dialog)

    def received(self, message: Request, exchange: Answering) -> None:
        """Serve a request, unless it comes from a fork that lost the call to another one."""
        if self.dialog and not self.dialog.early and message.sender.tag != self.dialog.remote_tag:
            self.core.respond(exchange, 200 if message.method == "BYE" else 481)
            return
        super().received(message, exchange)

    # The INVITE and its responses.

    def _invite(self) -> list[tuple[str, str]]:
        return [
            *[("Route", route) for route in self.called.routes],
            ("From", f"{self.called.sender};tag={self._local_tag}"),
            ("To", f"<{self.called.uri.bare()}>"),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._seq} INVITE"),
            ("Contact", self.core.contact(self.hop, parse_name_addr(self.called.sender).uri.user)),
            *self.core.allowed(),
            *self.called.extra,
            *self._fields,
            *self.session.propose_timer(),
            *self.core.typed(self._body),
        ]

    def _response(self, answer: Response) -> None:
        if answer.status < 200:  # noqa: PLR2004  # provisional
            self._provisional(answer)
        elif answer.status < 300:  # noqa: PLR2004  # success
            self._success(answer)
        else:
            self._failure(answer)

    def _provisional(self, answer: Response) -> None:
        self._heard = True
        if self._cancel:
            self._send_cancel()
            return
        if answer.status == 100 or not answer.to.tag:  # noqa: PLR2004  # Trying makes no dialog
            return
        dialog = self._fork(answer)
        if dialog is None or not self._reliable(answer, dialog):
            return
        if has_sdp(answer):
            self._early_media(answer, reliable=is_reliable(answer))
        if answer.status in {180, 181, 183} and not self.ended:
            self.on_ringing()

    def _fork(self, answer: Response) -> Dialog | None:
        dialog = self._forks.get(answer.to.tag)
        if dialog or self._asking is None:
            return dialog
        try:
            dialog = calling(self._asking.request, answer)
        except ValueError:
            return None
        self._forks[answer.to.tag] = dialog
        self.dialog = self.dialog or dialog
        self.book.learn(self, dialog)
        return dialog

    def _reliable(self, answer: Response, dialog: Dialog) -> bool:
        """Send PRACK for a reliable response (RFC 3262 4); False for one seen or out of order."""
        if not is_reliable(answer):
            return True
        rseq, last = int(answer.headers.get("RSeq")[:10]), self._rseqs.get(answer.to.tag)
        if last is not None and rseq != last + 1:
            return False
        self._rseqs[answer.to.tag] = rseq
        rack = ("RAck", f"{rseq} {self._seq} INVITE")
        self.inquire(Inquiry(dialog, "PRACK", (rack,), b"", ignore, ignore))
        return True

    def _early_media(self, answer: Response, *, reliable: bool) -> None:
        """Take an answer that comes early; a reliable one is final, and UPDATE may follow it (RFC 3262 5)."""
        negotiation = self.session.negotiation
        if answer.to.tag == self._settled_by:
            return
        try:
            self.agree((negotiation.settle if reliable else negotiation.preview)(answer.body))
        except (SdpError, OfferError):
            self.core.counters["bad_early_media"] += 1
            negotiation.offering = True  # the 200 may still bring one that can be used
            return
        self._settled_by = answer.to.tag if reliable else ""

    def _success(self, answer: Response) -> None:
        confirmed = self.dialog is not None and not self.dialog.early
        if confirmed and self.dialog and self.dialog.remote_tag == answer.to.tag:
            self.send_ack(self.dialog, self._seq)  # our ACK was lost
            return
        dialog = self._confirm(answer)
        if dialog is None:
            self._conclude("failed")
            return
        self.send_ack(dialog, self._seq)
        if confirmed or self.ended:
            self._bye_for(dialog)
            if not confirmed:
                self.clear()
            return
        self._established(answer, dialog)

    def _confirm(self, answer: Response) -> Dialog | None:
        """Make the final dialog: the 2xx decides route set and target (13.2.2.4)."""
        if self._asking is None:
            return None
        early = self._forks.get(answer.to.tag)
        try:
            dialog = calling(self._asking.request, answer)
        except ValueError:
            return None
        if early:
            dialog.local_seq = max(dialog.local_seq, early.local_seq)
            dialog.remote_seq = early.remote_seq
        self._forks[answer.to.tag] = dialog
        return dialog

    def _established(self, answer: Response, dialog: Dialog) -> None:
        self.dialog = dialog
        self.book.learn(self, dialog)
        self._stop_deadline()
        self.session.take_timer(answer.headers)
        if self._wants_answer(answer) and not self.session.settle(answer.body):
            return
        self.session.negotiation.offering = False
        self._settle("answered")
        self.on_confirmed()

    def _wants_answer(self, answer: Response) -> bool:
        """Tell whether a 2xx has to settle the sound: none is read twice in a dialog (RFC 3261 13.2.1)."""
        return answer.to.tag != self._settled_by and (has_sdp(answer) or self.sound is None)

    def _bye_for(self, dialog: Dialog) -> None:
        """End a dialog that nobody wants: a second fork's, or one that our CANCEL came too late for."""
        self.inquire(Inquiry(dialog, "BYE", (), b"", ignore, ignore))

    def _elsewhere(self) -> bool:
        """Try the next place of a name (RFC 3263 4.3)."""
        if not self.others or self._cancel:
            return False
        self.hop = self.others.pop(0)
        self._restart()
        return True

    def _failure(self, answer: Response) -> None:
        if answer.status == 503 and self._elsewhere():  # noqa: PLR2004  # service unavailable
            return
        if not self._cancel and self._seq < _TRIES and self._try_again(answer):
            return
        self._conclude(outcome_of(answer.status) if answer.status >= 400 else "refused")  # noqa: PLR2004  # redirection

    def _try_again(self, answer: Response) -> bool:
        if answer.status in {401, 407}:
            return self._authenticate(answer)
        if answer.status in {301, 302}:
            return self._redirect(answer)
        if answer.status == 422 and self.session.raise_timer(answer.headers):  # noqa: PLR2004  # interval too small
            self._restart()
            return True
        return False

    def _authenticate(self, answer: Response) -> bool:
        fields = self.proof(answer, "INVITE", str(self.called.uri), self._body)
        if not fields:
            return False
        self._fields, self.credentials = tuple(fields), fields
        self._restart()
        return True

    def _redirect(self, answer: Response) -> bool:
        """Follow the SIP Contact that is liked best (8.1.3.4), a few times."""
        self._redirects += 1
        target = preferred(answer.headers)
        if self._redirects > _REDIRECTS or target is None:
            return False
        self.called = replace(
            self.called, uri=replace(target, headers="").beside(self.hop.address[0]), routes=()
        )
        self._heard = False
        self._finding = asyncio.get_running_loop().create_task(self._find())
        return True

    async def _find(self) -> None:
        hops = await self.core.locate(self.called.uri, self.called.ca)
        if not hops:
            self._conclude("refused")
            return
        self.hop, *self.others = hops
        self._restart()

    def _restart(self) -> None:
        self._forks.clear()
        self._settled_by = ""
        self.dialog = None
        self.start()

    # Ends.

    def _lost(self, status: int) -> None:
        if not self._heard and self._elsewhere():
            return
        self._conclude("failed" if status == 503 or not self._heard else "no_answer")  # noqa: PLR2004  # not sent

    def _overdue(self) -> None:
        self._give_up("no_answer")
        self.finish("error", keep=True)

    def _give_up(self, outcome: Dialled) -> None:
        """Cancel; a 2xx that crosses is acknowledged and ended by `_success`."""
        self._stop_deadline()
        self._cancel = True
        self._settle(outcome)
        if self._heard:
            self._send_cancel()
        self._deadline = self.core.clock.call_later(64 * self.core.settings.t1_s, self._cancelled)

    def _cancelled(self) -> None:
        """No final answer followed our CANCEL: the INVITE is over all the same (RFC 3261 9.1)."""
        if self._asking:
            self._asking.forget()
        self.clear()

    def _send_cancel(self) -> None:
        if self._asking and not self._cancel_sent:
            self._cancel_sent = True
            self.core.exchanges.ask(
                cancel_for(self._asking.request), self._asking.hop, lambda _: None, lambda _: None
            )

    def _conclude(self, outcome: Dialled) -> None:
        self._stop_deadline()
        self._settle(outcome)
        by: EndedBy = "caller" if outcome in {"busy", "no_answer", "refused"} else "error"
        self.finish(by)

    def _settle(self, outcome: Dialled) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def _stop_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def clear(self) -> None:
        """Stop what waits and leave the book."""
        if self._finding:
            self._finding.cancel()
        super().clear()

    def finish(self, by: EndedBy, *, keep: bool = False) -> None:
        """End the leg; whoever waits for an answer learns it."""
        self._settle("failed" if by == "error" else "ended")
        super().finish(by, keep=keep)


def is_reliable(answer: Response) -> bool:
    """Tell whether a provisional response demands PRACK (RFC 3262 4)."""
    number = answer.headers.get("RSeq")
    return "100rel" in answer.headers.tokens("Require") and number.isascii() and number.isdigit()


def preferred(headers: Headers) -> Uri | None:
    """Give the SIP URI with the highest q among the Contacts, the first of equals; None without any."""
    try:
        contacts = [parse_name_addr(value) for value in headers.values("Contact")]
    except ValueError:
        return None
    usable = [one for one in contacts if one.uri.scheme in {"sip", "sips"}]
    return max(usable, key=lambda one: _liking(one.params)).uri if usable else None


def _liking(params: Params) -> float:
    """Read q; a Contact without one, or with nonsense, counts as wanted most (RFC 3261 20.10)."""
    try:
        return min(1.0, float(param(params, "q") or 1.0))
    except ValueError:
        return 1.0


def sender_of(user: str, host: str, name: str = "") -> str:
    """Write a From value without tag."""
    display = f"{quote(''.join(char for char in name if char.isprintable()))} " if name else ""
    uri = parse_uri(f"sip:{user_part(user)}@{host}" if user else f"sip:{host}")
    return f"{display}<{uri}>"

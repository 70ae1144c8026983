"""A leg's session: its changes by re-INVITE and UPDATE from either side, and its timer.

RFC 3261 14, RFC 3311, RFC 4028.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sip.signalling import session_timer
from sip.signalling.core import has_sdp
from sip.signalling.exchange import Answering
from sip.signalling.headers import Headers
from sip.signalling.message import Answer, Request, Response
from sip.signalling.negotiation import Negotiation
from sip.signalling.offer import Local, OfferError, SdpError, read
from sip.signalling.repeated import Repeated
from sip.signalling.sdp import SDP_TYPE
from sip.signalling.timers import Timer

if TYPE_CHECKING:
    from sip.signalling.leg import Leg

_GLARE_S = (2.1, 4.0)  # RFC 3261 14.1: the side that owns the Call-ID waits longer
_GLARE_OTHER_S = (0.0, 2.0)
_REFUSED = 300
_FINAL = 200


class Session:
    """The session of one leg.

    Args:
        leg: whose session it is.

    Attributes:
        negotiation: offers and answers.
        unacked: a 2xx of ours that waits for its ACK.
        owed: an INVITE of the peer that waits for our final answer.
        agreed_early: our answer to it went out reliably before; UPDATE may follow (RFC 3311 5.1).
        peer_allows: methods that the peer said it understands, in lower case; empty before it said so.
    """

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._core = leg.core
        self.negotiation = Negotiation()
        self.unacked: Repeated | None = None
        self.owed: Answering | None = None
        self.agreed_early = False
        self.peer_allows: frozenset[str] = frozenset()
        self._terms: session_timer.Terms | None = None
        self._timer: Timer | None = None
        self._retry: Timer | None = None
        self._wish_s = leg.core.settings.session_expires_s
        self._least_s = leg.core.settings.min_se_s
        self._seq = 0

    # By the peer.

    def reinvite(self, message: Request, exchange: Answering) -> None:
        """Serve a re-INVITE, with or without offer."""
        if not self._free(exchange) or self._too_small(message, exchange):
            return
        if message.body:
            self._answer(message, exchange)
            return
        local = self.negotiation.local
        if local is None:
            self._core.respond(exchange, 488)
            return
        body = self.negotiation.offer(local)
        self._accept(message, exchange, body)

    def update(self, message: Request, exchange: Answering) -> None:
        """Serve UPDATE: an offer without ACK, or a mere refresh."""
        if self._too_small(message, exchange):
            return
        if not message.body:
            self._accept(message, exchange, b"")
        elif self._free(exchange):
            self._answer(message, exchange)

    def _free(self, exchange: Answering) -> bool:
        """Refuse an offer that crosses another (RFC 3261 14.2, RFC 3311 5.2)."""
        if self.negotiation.offering:
            self._core.respond(exchange, 491)
        elif self.unacked or (self.owed and not (self.agreed_early and exchange.request.method == "UPDATE")):
            self._core.respond(exchange, 500, [("Retry-After", str(secrets.randbelow(10)))])
        else:
            return True
        return False

    def _too_small(self, message: Request, exchange: Answering) -> bool:
        least = self._core.settings.min_se_s
        if not session_timer.too_small(message.headers, least):
            return False
        self._core.respond(exchange, 422, [("Min-SE", str(least))])
        return True

    def _answer(self, message: Request, exchange: Answering) -> None:
        local = self.negotiation.local
        if local is None or not has_sdp(message):
            self._core.respond(exchange, 415, [("Accept", SDP_TYPE)])
            return
        try:
            body, sound = self.negotiation.answer(read(message.body), local)
        except SdpError:
            self._core.respond(exchange, 400)
            return
        except OfferError:
            self._core.respond(exchange, 488)
            return
        self._accept(message, exchange, body)
        self._leg.agree(sound)

    def _accept(self, message: Request, exchange: Answering, body: bytes) -> None:
        if self._leg.dialog:
            self._leg.dialog.refresh(message.headers)
        answer = self._core.respond(
            exchange, 200, [*self._leg.content(body), *self.answer_timer(message.headers)], body
        )
        if message.method == "INVITE":
            self.repeat(exchange, answer)

    def answer_early(self, message: Request, exchange: Answering) -> None:
        """Serve the PRACK of our 183, whose body may be a new offer (RFC 3262 5)."""
        if message.body and self.negotiation.local:
            self._answer(message, exchange)
            return
        self._core.respond(exchange, 200)

    # By us.

    def change(self, local: Local) -> None:
        """Send a re-INVITE with `local`; later, when an offer or an ACK is still on its way."""
        if self._leg.ended:
            return
        if self.negotiation.offering or self.owed or self.unacked:
            self._later(local)
            return
        body = self.negotiation.offer(local)
        fields = [*self._leg.content(body), *self.propose_timer()]
        self._seq = self._leg.request("INVITE", fields, body, self._reinvited, self._lost)

    def _reinvited(self, answer: Response) -> None:
        dialog = self._leg.dialog
        if answer.status < _FINAL or dialog is None:
            return
        if answer.status >= _REFUSED:
            self._refused(answer)
            return
        dialog.refresh(answer.headers)
        self._leg.send_ack(dialog, answer.cseq.number)
        if self._leg.ended or not self.negotiation.offering:
            return  # a repeated 2xx: its ACK was lost
        self.take_timer(answer.headers)
        self.settle(answer.body)

    def _refused(self, answer: Response) -> None:
        """Leave the session as it was, unless the peer knows nothing of it (14.1)."""
        wanted = self.negotiation.local
        self.negotiation.withdraw()
        if answer.status in {408, 481}:
            self._leg.bye()
            self._leg.finish("error")
        elif answer.status == 491 and wanted:  # noqa: PLR2004  # glare: both asked at once
            self._later(wanted)
        elif answer.status == 422 and wanted and self.raise_timer(answer.headers):  # noqa: PLR2004  # interval too small
            self.change(wanted)

    def _lost(self, _status: int) -> None:
        self.negotiation.withdraw()
        if not self._leg.ended:
            self._leg.bye()
            self._leg.finish("error")

    def _later(self, local: Local) -> None:
        low, high = _GLARE_OTHER_S if self._leg.incoming else _GLARE_S
        delay = low + (high - low) * secrets.randbelow(100) / 100
        if self._retry:
            self._retry.cancel()
        self._retry = self._core.clock.call_later(delay, self.change, local)

    # Answers to our offers, acknowledgements.

    def settle(self, body: bytes) -> bool:
        """Take the answer to our offer; the call cannot go on without one."""
        try:
            sound = self.negotiation.settle(body)
        except (SdpError, OfferError):
            self._leg.bye()
            self._leg.finish("error")
            return False
        self._leg.agree(sound)
        return True

    def take_answer(self, body: bytes) -> bool:
        """Take what an ACK says to our offer; one that says nothing within a call leaves it as it was."""
        if body or self.negotiation.sound is None:
            return self.settle(body)
        self.negotiation.withdraw()
        return True

    def repeat(self, exchange: Answering, answer: Answer) -> None:
        """Keep sending a 2xx to INVITE until its ACK."""
        exchange.on_ack = self._leg.acked
        self.unacked = Repeated(self._core, exchange, answer, self._unheard)

    def acked(self, message: Request) -> bool:
        """Take an ACK; False if it is not the one that we wait for."""
        if self.unacked is None or message.cseq.number != self.unacked.seq:
            return False
        self._acknowledged(self.unacked)
        return True

    def _acknowledged(self, repeated: Repeated) -> None:
        repeated.stop()
        repeated.exchange.let_go()
        self.unacked = None

    def _unheard(self) -> None:
        self.unacked = None
        self._leg.bye()
        self._leg.finish("error")

    def close(self) -> None:
        """Stop everything that waits."""
        if self.unacked:
            self._acknowledged(self.unacked)
        for handle in (self._timer, self._retry):
            if handle:
                handle.cancel()
        self._timer = self._retry = None

    # The timer.

    def answer_timer(self, headers: Headers) -> list[tuple[str, str]]:
        """Choose the timer's terms for a 2xx of ours; gives its fields."""
        self.learn(headers)
        terms, fields = session_timer.answer(headers, self._wish_s)
        self._start(terms)
        return fields

    def propose_timer(self) -> list[tuple[str, str]]:
        """Write the timer's fields of a request of ours."""
        return session_timer.propose(self._terms, self._wish_s, self._least_s)

    def take_timer(self, headers: Headers) -> None:
        """Take the terms out of a 2xx of the peer."""
        self.learn(headers)
        wanted = self._terms.expires_s if self._terms else self._wish_s
        self._start(session_timer.settled(headers, max(wanted, self._least_s) if wanted else 0))

    def raise_timer(self, headers: Headers) -> bool:
        """Take the interval that a 422 demands; False when it tells nothing new."""
        demanded = session_timer.demanded(headers) or 0
        if demanded <= self._least_s:
            return False
        self._least_s = demanded
        return True

    def learn(self, headers: Headers) -> None:
        """Take note of what the peer understands."""
        if "Allow" in headers:
            self.peer_allows = headers.tokens("Allow")

    def _start(self, terms: session_timer.Terms | None) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._terms = terms
        if terms and not self._leg.ended:
            self._timer = self._core.clock.call_later(terms.wait_s, self._due)

    def _due(self) -> None:
        if self._leg.ended or self._terms is None:
            return
        if not self._terms.ours:
            self._core.counters["session_expired"] += 1
            self._leg.bye()
            self._leg.finish("error")
        elif "update" in self.peer_allows:
            fields = [*self._leg.content(b""), *self.propose_timer()]
            self._leg.request("UPDATE", fields, b"", self._refreshed, self._lost)
        elif self.negotiation.local:
            self.change(self.negotiation.local)

    def _refreshed(self, answer: Response) -> None:
        """Take the answer to our refreshing UPDATE."""
        if answer.status < _FINAL or self._leg.ended:
            return
        if answer.status in {408, 481}:
            self._leg.bye()
            self._leg.finish("error")
        elif answer.status < _REFUSED:
            self.take_timer(answer.headers)
        elif self.raise_timer(answer.headers):
            self._due()
        else:
            self._start(self._terms)

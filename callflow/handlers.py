"""What the engine's record effects become in the database, and how its questions are answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never, cast

import structlog

from callflow import answers, directory, inbox, links
from callflow.effects import Ask, EndCall, LogStep, OpenCard, RecordEffect, SendLink, Urgency
from callflow.events import Told
from callflow.flow import State
from callflow.inbox import Contact, Deadlines
from callflow.journal import Book
from callflow.kinds.transfer import ANSWERED
from callflow.links.fallback import fall_back
from callflow.links.link import Offer
from callflow.occupancy import Occupancy
from callflow.outbox import queue, segments, texts
from callflow.outbox.caps import Caps
from callflow.store import Card, Intent, Link, Tx, announce
from callflow.waits import Waits

_log = structlog.get_logger("handlers")
Answer = Callable[[Tx, State, str, datetime], Told]
"""Answers a question: transaction, state of the call, subject, aware time."""


@dataclass(frozen=True, slots=True)
class LinkRules:
    """How form links are made.

    Args:
        base: where links lead, without a slash at the end.
        practice: short name in the text message; tells no specialty.
        valid: how long a link opens the form.
        unused_after: when a link that brought no form becomes a card.
        sms_valid: how long the network may try to deliver the message.
    """

    base: str
    practice: str
    valid: timedelta = timedelta(hours=72)
    unused_after: timedelta = timedelta(hours=2)
    sms_valid: timedelta = timedelta(hours=4)

    def url(self, token: str) -> str:
        """Return what the text message shows; short, and it tells nothing."""
        return f"{self.base}/f/{token}"


@dataclass(frozen=True, slots=True)
class Handlers:
    """Turns record effects into rows and questions into answers, inside the session's transaction.

    Args:
        rules: of form links.
        deadlines: of cards.
        caps: limits on text messages.
        answers: question's name -> who answers it; "queue" and "request" are answered here.
        waits: what was measured of the hold queue.
        occupancy: what the lines know of telephones that are in use.
    """

    rules: LinkRules
    deadlines: Deadlines = field(default_factory=Deadlines)
    caps: Caps = field(default_factory=Caps)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    waits: Waits = field(default_factory=Waits)
    occupancy: Occupancy = field(default_factory=Occupancy)

    def record(self, tx: Tx, book: Book, state: State, effect: RecordEffect, *, now: datetime) -> None:
        """Write what the engine wants kept; the caller hears of it only after the commit."""
        match effect:
            case SendLink():
                self._send_link(tx, state, effect, now)
            case OpenCard():
                self._open_card(tx, state, effect, now)
            case LogStep():
                self._passed(state, effect, now)
                book.step(effect.node, effect.exit, now=now)
            case EndCall():
                book.over(effect.outcome, now=now)
                self.waits.over(state.call)
                announce(tx, "call", state.call, "ended", now=now)
            case _:
                assert_never(effect)

    def answer(self, tx: Tx, state: State, ask: Ask, *, now: datetime) -> Told:
        """Answer the engine's question; an unknown one is answered "unknown", which every node stands."""
        place = partial(answers.queue, waits=self.waits, occupied=self.occupancy)
        known: dict[str, Answer] = {"queue": place, "request": answers.request, **self.answers}
        return known[ask.about](tx, state, ask.subject, now) if ask.about in known else Told("unknown")

    def _passed(self, state: State, step: LogStep, now: datetime) -> None:
        if step.exit == ANSWERED:
            self.waits.answered(state.call, now)

    def sms_lost(self, tx: Tx, intent: Intent, now: datetime) -> Card | None:
        """Open the card for a message that did not arrive (or nobody knows): same caller, same concern.

        A link whose form already came, or that became a card before, needs none.
        """
        link = tx.get(Link, intent.link_id) if intent.link_id else None
        if link is not None:
            return fall_back(tx, link, "sms_failed", now=now, deadlines=self.deadlines)
        card = tx.get(Card, intent.card_id) if intent.card_id else None
        return None if card is None else self._answer_lost(tx, card, now)

    def _answer_lost(self, tx: Tx, card: Card, now: datetime) -> Card:
        """Open (or call back to mind) the card whose answer did not arrive."""
        urgency = cast("Urgency", card.urgency)
        contact = Contact(
            kind="sms_failed",
            concern=card.concern,
            urgency=urgency,
            number=card.number,
            name=card.name,
            language=card.language,
        )
        return inbox.open_card(tx, contact, now=now, due=self._due(card.concern, urgency, now))

    def _send_link(self, tx: Tx, state: State, effect: SendLink, now: datetime) -> None:
        offer = Offer(
            number=effect.to,
            concern=effect.concern,
            due=now + self.rules.unused_after,
            expires=now + self.rules.valid,
            urgency=state.urgency,
            language=effect.language,
            call_id=state.call,
        )
        token, link = links.link.issue(tx, offer, now=now)
        if objection := self.caps.objection(tx, effect.to, now=now):
            _log.warning("sms not sent", call=state.call, why=objection)
            # The caller was promised a link that must not go out: a human calls instead.
            fall_back(tx, tx.get_one(Link, link), "sms_failed", now=now, deadlines=self.deadlines)
            return
        url = self.rules.url(token)
        text = texts.link(effect.language, self.rules.practice, url)
        sms = queue.Sms(
            to=effect.to,
            text=text,
            reference=url,
            expires=now + self.rules.sms_valid,
            call_id=state.call,
            link_id=link,
        )
        queue.put_sms(tx, sms, now=now, segments=segments.count(text).segments)
        announce(tx, "link", link, "created", now=now)

    def _open_card(self, tx: Tx, state: State, effect: OpenCard, now: datetime) -> None:
        person = directory.find(tx, effect.number)
        contact = Contact(
            kind=effect.card,
            concern=effect.concern,
            urgency=effect.urgency,
            number=effect.number,
            name=person.name if person else "",
            recording=effect.recording,
            language=state.language,
            call_id=state.call,
        )
        inbox.open_card(tx, contact, now=now, due=self._due(effect.concern, effect.urgency, now))

    def _due(self, concern: str, urgency: Urgency, now: datetime) -> datetime:
        return self.deadlines.due(concern, urgency, now)

"""The inbox as a state machine: whatever colleagues do in whatever order, a card is held by at most one."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from callflow import inbox
from callflow.inbox import Contact, InboxError
from callflow.store import Store
from tests.support.stores import NOW, temporary_store

USERS = st.sampled_from(["anna", "berta", "clara"])
NUMBERS = st.sampled_from(["", "+491711234567", "+498211234567"])
CONCERNS = st.sampled_from(["", "rezept", "termin"])


class Office(RuleBasedStateMachine):
    """Three colleagues, a few callers, and a plain model of what ought to be."""

    cards = Bundle("cards")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.store: Store = self.stack.enter_context(temporary_store())
        self.now: datetime = NOW
        self.holders: dict[str, str] = {}
        self.closed: set[str] = set()
        self.subjects: dict[str, tuple[str, str]] = {}

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def begin(self) -> None:
        self.now = NOW

    @rule(target=cards, number=NUMBERS, concern=CONCERNS)
    def contact(self, number: str, concern: str) -> str:
        self.now += timedelta(minutes=1)
        wish = Contact("callback", concern, number=number)
        card = self.store.write_now(lambda tx: inbox.open_card(tx, wish, now=self.now, due=self.now)).id
        known = [each for each, subject in self.subjects.items() if subject == (number, concern)]
        if number and (open_ones := [each for each in known if each not in self.closed]):
            assert card == open_ones[0]
        else:
            assert card not in self.subjects
        self.subjects[card] = (number, concern)
        return card

    @rule(card=cards, user=USERS)
    def claim(self, card: str, user: str) -> None:
        allowed = card not in self.closed and self.holders.get(card, user) == user
        if self._try(lambda tx: inbox.claim(tx, card, user, now=self.now), allowed=allowed):
            self.holders[card] = user

    @rule(card=cards, user=USERS)
    def take_over(self, card: str, user: str) -> None:
        if self._try(
            lambda tx: inbox.take_over(tx, card, user, now=self.now), allowed=card not in self.closed
        ):
            self.holders[card] = user

    @rule(card=cards, user=USERS)
    def release(self, card: str, user: str) -> None:
        self._ends_hold(card, user, lambda tx: inbox.release(tx, card, user, now=self.now))

    @rule(card=cards, user=USERS)
    def attempt(self, card: str, user: str) -> None:
        back = self.now + timedelta(minutes=30)
        self._ends_hold(card, user, lambda tx: inbox.attempt(tx, card, user, now=self.now, back=back))

    @rule(card=cards, user=USERS)
    def close(self, card: str, user: str) -> None:
        if self._ends_hold(card, user, lambda tx: inbox.close(tx, card, user, "done", now=self.now)):
            self.closed.add(card)

    @rule(card=cards, user=USERS)
    def reopen(self, card: str, user: str) -> None:
        if self._try(lambda tx: inbox.reopen(tx, card, user, now=self.now), allowed=card in self.closed):
            self.closed.discard(card)

    @invariant()
    def the_database_agrees(self) -> None:
        for card_id in self.subjects:
            card = self.store.read_now(lambda tx, each=card_id: inbox.find(tx, each))
            assert card.claimed_by == self.holders.get(card_id, "")
            assert (card.status == "closed") == (card_id in self.closed)
            assert (card.status == "claimed") == (card_id in self.holders)

    @invariant()
    def nothing_open_is_forgotten(self) -> None:
        seen = self.store.read_now(
            lambda tx: [*inbox.queue(tx, now=self.now), *inbox.later(tx, now=self.now)]
        )
        assert {card.id for card in seen} == set(self.subjects) - self.closed

    def _ends_hold(self, card: str, user: str, work: object) -> bool:
        allowed = self.holders.get(card) == user
        if done := self._try(work, allowed=allowed):
            del self.holders[card]
        return done

    def _try(self, work: object, *, allowed: bool) -> bool:
        if allowed:
            self.store.write_now(work)  # type: ignore[arg-type]
        else:
            with pytest.raises(InboxError):
                self.store.write_now(work)  # type: ignore[arg-type]
        return allowed


Office.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOffice = Office.TestCase

"""A desk with one card that somebody holds, for tests of click-to-call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callflow.desk_calls import DeskCalls
from callflow.dialling import Dialler
from callflow.inbox import Contact, Feed, claim, dial_outcome, history, open_card
from callflow.session import Speaker
from callflow.store import Card, Store, Tx, User
from callflow.users import account

PATIENT = "+491719876543"
PRACTICE = "+4935112345600"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Desk:
    """One person, one card that she holds, and the calls that she makes."""

    store: Store
    calls: DeskCalls
    user: User
    card: Card

    @classmethod
    def of(  # what a desk is made of
        cls,
        store: Store,
        speaker: Speaker,
        diallers: Mapping[str, Dialler],
        device: str,
        number: str = PATIENT,
    ) -> Desk:
        def work(tx: Tx) -> tuple[User, Card]:
            user = account.create(tx, login="anna", name="Anna", now=now())
            user.device = device
            contact = Contact(kind="callback", number=number, name="Erika Beispiel")
            card = open_card(tx, contact, now=now(), due=now() + timedelta(hours=1))
            return user, claim(tx, card.id, user.id, now=now())

        user, card = store.write_now(work)
        return cls(store, DeskCalls(store, speaker, diallers, (PRACTICE,), now), user, card)

    async def call(self) -> str:
        return await self.calls.call(self.card.id, self.user)

    def story(self) -> list[str]:
        """Return what happened on the card, in words."""
        return [event.kind for event in self.store.read_now(lambda tx: history(tx, self.card.id))]

    def became(self) -> list[tuple[str, int]]:
        """Return outcome and seconds of each call that is over."""
        events = self.store.read_now(lambda tx: history(tx, self.card.id))
        results = [dial_outcome(event) for event in events if event.kind == "dialled"]
        return [(result.outcome, result.seconds) for result in results]

    async def over(self) -> None:
        """Wait, as the staff pages do, until the card says what became of the call."""
        async for _ in Feed(self.store).follow(after=0):
            if self.became():
                return

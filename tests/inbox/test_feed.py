"""What watchers of the inbox are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from callflow import inbox
from callflow.inbox import Contact, Feed, feed
from callflow.store import Change, Store
from tests.support.stores import NOW


async def _open(store: Store, number: str = "") -> str:
    contact = Contact("callback", number=number)
    card = await store.write(lambda tx: inbox.open_card(tx, contact, now=NOW, due=NOW))
    return card.id


async def _next(changes: AsyncIterator[Change], count: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(30):
        return [(change.subject, change.kind) for change in [await anext(changes) for _ in range(count)]]


async def test_a_watcher_hears_of_changes_as_they_are_committed(store: Store) -> None:
    changes = Feed(store).follow(after=0)
    card = await _open(store)
    assert await _next(changes, 1) == [(card, "opened")]
    await store.write(lambda tx: inbox.claim(tx, card, "anna", now=NOW))
    assert await _next(changes, 1) == [(card, "claimed")]


async def test_a_watcher_without_a_past_hears_of_new_changes_only(store: Store) -> None:
    await _open(store)
    changes = Feed(store).follow()
    first = asyncio.ensure_future(anext(changes))
    while not first.done():  # opens cards until one is later than the watcher's look at the newest number
        await _open(store)
    assert (await first).number > 1  # type: ignore[operator]  a stored change has a number


async def test_a_watcher_that_was_away_catches_up_without_gap_or_repeat(store: Store) -> None:
    cards = [await _open(store) for _ in range(3)]
    known = await store.read(lambda tx: feed.since(tx, 0))
    assert [change.subject for change in known] == cards
    assert await _next(Feed(store).follow(after=known[0].number), 2) == [
        (card, "opened") for card in cards[1:]
    ]


async def test_changes_of_a_burst_arrive_in_commit_order_none_twice(store: Store) -> None:
    watcher = asyncio.create_task(_next(Feed(store).follow(after=0), 40))
    cards = [await _open(store) for _ in range(40)]
    assert [subject for subject, _ in await watcher] == cards


async def test_a_rolled_back_change_is_never_told(store: Store) -> None:
    changes = Feed(store).follow(after=0)

    def fail(tx: object) -> None:
        inbox.open_card(tx, Contact("callback"), now=NOW, due=NOW)  # type: ignore[arg-type]
        raise LookupError

    watcher = asyncio.create_task(_next(changes, 1))
    with contextlib.suppress(LookupError):
        await store.write(fail)
    card = await _open(store)
    assert await watcher == [(card, "opened")]


def test_old_changes_are_forgotten(store: Store) -> None:
    contact = Contact("callback")
    for at in (NOW, NOW + timedelta(hours=1)):
        store.write_now(lambda tx, at=at: inbox.open_card(tx, contact, now=at, due=at))
    store.write_now(lambda tx: feed.forget(tx, before=NOW + timedelta(minutes=1)))
    left = store.read_now(lambda tx: feed.since(tx, 0))
    assert [change.at for change in left] == [NOW + timedelta(hours=1)]
    assert store.read_now(feed.latest) == left[0].number

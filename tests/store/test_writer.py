"""Writes that wait share a commit; each stands or falls alone, and is told so only when it is on disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import select

from callflow.sealing import SealError
from callflow.store import Call, CallEvent, Card, Fact, Store, Tx, announce
from callflow.store.prepared import Look, inserting, updating
from callflow.store.standing import OvertakenError, Standing, begin, move, standing
from callflow.store.writer import TOGETHER, LostTransactionError
from tests.support.stores import NOW, database_bytes, temporary_store


def _put(name: str) -> Callable[[Tx], None]:
    return lambda tx: tx.add(Fact(name=name, value="x"))


def _names(store: Store) -> set[str]:
    return {fact.name for fact in store.read_now(lambda tx: tx.exec(select(Fact)).all())} - {"key check"}


def _count_commits(store: Store) -> list[object]:
    commits: list[object] = []
    event.listen(store._file, "commit", commits.append)  # noqa: SLF001  # the promise is about this engine
    return commits


class Held:
    """A write that keeps the writer busy until `go`."""

    def __init__(self, store: Store) -> None:
        self._begun, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=store.write_now, args=(self._hold,))
        self._thread.start()
        assert self._begun.wait(20)

    def _hold(self, _tx: Tx) -> None:
        self._begun.set()
        assert self._go.wait(20)

    def go(self) -> None:
        self._go.set()
        self._thread.join(20)


async def _together(store: Store, works: list[Callable[[Tx], object]]) -> list[object]:
    """Have all works wait for the writer before it takes the first of them."""
    held = await asyncio.to_thread(Held, store)
    writes = [asyncio.create_task(store.write(work)) for work in works]
    await asyncio.sleep(0)  # every task has put its order
    await asyncio.to_thread(held.go)
    return list(await asyncio.gather(*writes, return_exceptions=True))


async def test_writes_that_wait_share_one_commit(store: Store) -> None:
    commits = _count_commits(store)
    await _together(store, [_put(f"n{number}") for number in range(TOGETHER)])
    assert (len(commits), len(_names(store))) == (
        2,
        TOGETHER,
    )  # one kept the writer busy


async def test_no_more_than_a_group_shares_a_commit(store: Store) -> None:
    commits = _count_commits(store)
    await _together(store, [_put(f"n{number}") for number in range(TOGETHER + 1)])
    assert (len(commits), len(_names(store))) == (3, TOGETHER + 1)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(["good", "raises", "clashes", "clashes later"]), min_size=1, max_size=12))
async def test_a_write_that_fails_is_rolled_back_alone(kinds: list[str]) -> None:
    def work(number: int, kind: str) -> Callable[[Tx], int]:
        def run(tx: Tx) -> int:
            tx.add(Fact(name=f"n{number}", value="x"))
            if kind == "raises":
                tx.flush()
                raise LookupError(number)
            if kind.startswith("clashes"):
                tx.add(Fact(name="key check", value="again"))
            if kind == "clashes":
                tx.flush()
            return number

        return run

    with temporary_store() as store:
        ends = await _together(store, [work(number, kind) for number, kind in enumerate(kinds)])
        good = {number for number, kind in enumerate(kinds) if kind == "good"}
        assert {end for end in ends if isinstance(end, int)} == good
        assert _names(store) == {f"n{number}" for number in good}


async def test_each_write_sees_those_before_it(store: Store) -> None:
    seen = await _together(
        store, [lambda tx, each=n: (tx.add(Fact(name=f"n{each}")), len(_facts(tx)))[1] for n in range(4)]
    )
    assert seen == [2, 3, 4, 5]  # the key's check among them


def _facts(tx: Tx) -> list[Fact]:
    return list(tx.exec(select(Fact)).all())


async def test_nobody_is_told_before_the_commit_and_nothing_stands_when_it_fails(store: Store) -> None:
    def deny(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(store._file, "commit", deny)  # noqa: SLF001  # a disk that fails at the last moment
    ends = await asyncio.gather(*(store.write(_put(f"n{n}")) for n in range(5)), return_exceptions=True)
    event.remove(store._file, "commit", deny)  # noqa: SLF001
    assert [str(end) for end in ends] == ["disk I/O error"] * 5
    assert _names(store) == set()
    await store.write(_put("after"))
    assert _names(store) == {"after"}


async def test_when_sqlite_gives_up_the_transaction_no_write_of_the_group_stands(store: Store) -> None:
    def give_up(tx: Tx) -> None:
        tx.info["driver"].execute("ROLLBACK")  # as SQLite does by itself when the disk is full

    ends = await _together(store, [_put("before"), give_up, _put("after")])
    assert [type(end) for end in ends] == [LostTransactionError] * 3
    assert _names(store) == set()


async def test_a_listener_that_fails_undoes_nothing(store: Store) -> None:
    def fail() -> None:
        raise ValueError

    store.on_commit(fail)
    await store.write(lambda tx: announce(tx, "card", "c1", "opened", now=NOW))
    await store.write(_put("after"))
    assert _names(store) == {"after"}


def test_a_closed_store_takes_no_more(tmp_path: Path) -> None:
    with temporary_store() as store:
        store.close()
        with pytest.raises(RuntimeError):
            store.write_now(_put("late"))
    del tmp_path


# --- prepared statements: the same rows as by the tables' classes ---


def _card(tx: Tx) -> None:
    times = {"first_contact_at": NOW, "last_contact_at": NOW, "due_at": NOW}
    values = {"id": "c1", "kind": "callback", "number": "+491711234567", "name": "Erika", **times}
    inserting(Card).run(tx, values)


def test_a_prepared_row_reads_like_any_other_and_stands_sealed(store: Store, tmp_path: Path) -> None:
    store.write_now(_card)
    card = store.read_now(lambda tx: tx.get_one(Card, "c1"))
    assert (card.number, card.name, card.status, card.back_at) == ("+491711234567", "Erika", "open", None)
    assert (card.number_blind, card.due_at) == (store.sealer.blind("+491711234567"), NOW)
    assert [word for word in (b"1711234567", b"Erika") if word in database_bytes(tmp_path)] == []


def test_a_prepared_select_opens_what_is_sealed(store: Store) -> None:
    store.write_now(_card)
    found = Look(select(Card.id, Card.name, Card.due_at, Card.back_at))
    assert store.read_now(lambda tx: found.rows(tx, {})) == [
        {"id": "c1", "name": "Erika", "due_at": NOW, "back_at": None}
    ]


def test_a_row_that_was_resealed_by_hand_does_not_open_elsewhere(store: Store) -> None:
    store.write_now(_card)

    def move_name(tx: Tx) -> None:
        tx.info["driver"].execute("UPDATE cards SET id = 'c2'")

    store.write_now(move_name)
    with pytest.raises(SealError):
        store.read_now(lambda tx: Look(select(Card.id, Card.name)).rows(tx, {}))


def test_a_time_without_zone_is_refused_here_too(store: Store) -> None:
    naive = datetime(2026, 7, 1, 12)  # noqa: DTZ001  the fault under test
    with pytest.raises(ValueError, match="without a zone"):
        store.write_now(lambda tx: announce(tx, "card", "c1", "opened", now=naive))


def test_a_prepared_update_hits_only_the_row_that_is_as_it_was(store: Store) -> None:
    store.write_now(_card)
    closing = updating(Card, ("status", "contacts"), guard="contacts")

    def close(tx: Tx, was: int) -> int:
        return closing.run(tx, {"id": "c1", "status": "closed", "contacts": was + 1, "was_contacts": was})

    assert [store.write_now(lambda tx, each=was: close(tx, each)) for was in (7, 1, 1)] == [0, 1, 0]


def test_a_value_handed_to_another_row_is_sealed_anew_there(store: Store) -> None:
    """A personal text keeps the sealed form it was read with; that form must not travel to another row."""

    def copy(tx: Tx) -> str:
        read = tx.get_one(Card, "c1")
        times = {"first_contact_at": NOW, "last_contact_at": NOW, "due_at": NOW}
        other = Card(kind="callback", number=read.number, name=read.name, **times)
        tx.add(other)
        return other.id

    store.write_now(_card)
    other = store.write_now(copy)
    one, two = (store.read_now(lambda tx, each=each: tx.get_one(Card, each)) for each in ("c1", other))
    assert (two.number, two.name) == (one.number, one.name) == ("+491711234567", "Erika")


def test_a_call_that_moved_on_meanwhile_is_not_overwritten(store: Store) -> None:
    begun = Standing("call-1", "praxis", "v1")

    def start(tx: Tx) -> None:
        begin(tx, begun, line="sip", dialled="+4935112345600", number="", number_kind="withheld", at=NOW)

    store.write_now(start)
    after = Standing("call-1", "praxis", "v1", turn=1, events=1)
    store.write_now(lambda tx: move(tx, begun, after))
    with pytest.raises(OvertakenError):
        store.write_now(lambda tx: move(tx, begun, after))
    assert store.read_now(lambda tx: standing(tx, "call-1")) == after
    assert store.read_now(lambda tx: standing(tx, "call-2")) is None


def test_a_journal_entry_needs_its_call(store: Store) -> None:
    entry = {"id": "e", "call_id": "nobody", "position": 1, "turn": 0, "at": NOW, "event": "{}"}
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        store.write_now(lambda tx: inserting(CallEvent).run_many(tx, [entry]))
    assert store.read_now(lambda tx: tx.exec(select(Call)).all()) == []

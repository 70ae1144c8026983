"""What the database promises."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import OperationalError, StatementError
from sqlmodel import SQLModel, select

from callflow.sealing import Sealer, SealError
from callflow.store import Attachment, Card, Link, Store, Submission, Tx, WrongKeyError, sqlite_version
from callflow.store.columns import Envelope
from callflow.store.migrate import upgrade
from tests.support.stores import NOW, database_bytes, open_store


def _card(**values: object) -> Card:
    times = {"first_contact_at": NOW, "last_contact_at": NOW, "due_at": NOW}
    return Card.model_validate({"kind": "callback", **times, **values})


def _add(tx: Tx, card: Card) -> str:
    tx.add(card)
    return card.id


def test_migrations_build_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'rufweiche.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_personal_columns_read_like_texts_and_stand_sealed_on_disk(store: Store, tmp_path: Path) -> None:
    card = _card(number="+491711234567", name="Erika Mustermann", concern="rezept")
    card_id = store.write_now(lambda tx: _add(tx, card))
    read = store.read_now(lambda tx: tx.get_one(Card, card_id))
    assert (read.number, read.name, read.concern) == ("+491711234567", "Erika Mustermann", "rezept")
    on_disk = database_bytes(tmp_path)
    assert [word for word in (b"1711234567", b"Erika", b"rezept") if word in on_disk] == []


def test_a_changed_personal_column_is_sealed_anew(store: Store, tmp_path: Path) -> None:
    card_id = store.write_now(lambda tx: _add(tx, _card(name="Erika")))

    def rename(tx: Tx) -> None:
        tx.get_one(Card, card_id).name = "Maximiliane"

    store.write_now(rename)
    assert store.read_now(lambda tx: tx.get_one(Card, card_id)).name == "Maximiliane"
    assert b"Maximiliane" not in database_bytes(tmp_path)


def test_rows_are_found_by_the_blind_index(store: Store) -> None:
    store.write_now(lambda tx: [_add(tx, _card(number=number)) for number in ("+491711234567", "+498211")])
    blind = store.sealer.blind("+491711234567")
    found = store.read_now(lambda tx: tx.exec(select(Card).where(Card.number_blind == blind)).all())
    assert [card.number for card in found] == ["+491711234567"]


def test_a_sealed_value_moved_to_another_row_does_not_open(store: Store) -> None:
    one, other = (store.write_now(lambda tx, n=n: _add(tx, _card(name=n))) for n in ("Erika", "Max"))
    swap = text("UPDATE cards SET name = (SELECT name FROM cards WHERE id = :one) WHERE id = :other")
    store.write_now(lambda tx: tx.connection().execute(swap, {"one": one, "other": other}))
    with pytest.raises(SealError):
        store.read_now(lambda tx: tx.get_one(Card, other))


def test_a_bare_column_select_shows_only_the_sealed_form(store: Store) -> None:
    store.write_now(lambda tx: _add(tx, _card(name="Erika")))
    (name,) = store.read_now(lambda tx: tx.exec(select(Card.name)).all())
    assert isinstance(name, Envelope)


def test_a_bulk_update_cannot_write_a_personal_column_in_the_clear(store: Store) -> None:
    with pytest.raises(StatementError, match="through their rows"):
        store.write_now(lambda tx: tx.exec(update(Card).values(name="Erika")))


def test_binary_columns_are_sealed_too(store: Store, tmp_path: Path) -> None:
    def attach(tx: Tx) -> str:
        link = Link(token_hash="x", created_at=NOW, due_at=NOW, expires_at=NOW)
        tx.add(link)
        tx.flush()
        attachment = Attachment(
            link_id=link.id, media_type="image/png", size=8, content=b"\x89PNG-secret", at=NOW
        )
        tx.add(attachment)
        return attachment.id

    attachment_id = store.write_now(attach)
    assert store.read_now(lambda tx: tx.get_one(Attachment, attachment_id)).content == b"\x89PNG-secret"
    assert b"PNG-secret" not in database_bytes(tmp_path)


def test_a_rows_repr_shows_its_id_alone() -> None:
    card = _card(number="+491711234567", name="Erika")
    assert (repr(card), str(card)) == (f"Card({card.id})", f"Card({card.id})")


def test_times_come_back_as_the_same_instant_in_utc(store: Store) -> None:
    berlin = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    card_id = store.write_now(lambda tx: _add(tx, _card(due_at=berlin)))
    due = store.read_now(lambda tx: tx.get_one(Card, card_id)).due_at
    assert (due, due.tzinfo) == (berlin, UTC)


def test_a_time_without_zone_is_refused(store: Store) -> None:
    card = _card()
    card.due_at = datetime(2026, 7, 1, 12)  # noqa: DTZ001  the fault under test
    with pytest.raises(StatementError, match="without a zone"):
        store.write_now(lambda tx: _add(tx, card))


def test_a_failing_work_leaves_nothing(store: Store) -> None:
    def fail(tx: Tx) -> None:
        _add(tx, _card())
        tx.flush()
        raise LookupError("no")

    with pytest.raises(LookupError):
        store.write_now(fail)
    assert store.read_now(lambda tx: tx.exec(select(Card)).all()) == []


def test_a_reader_cannot_write(store: Store) -> None:
    def sneak(tx: Tx) -> None:
        _add(tx, _card())
        tx.flush()

    with pytest.raises(OperationalError):
        store.read_now(sneak)


async def test_a_hundred_writers_at_once_all_get_through(store: Store) -> None:
    await asyncio.gather(*(store.write(lambda tx: _add(tx, _card())) for _ in range(100)))
    cards = await store.read(lambda tx: tx.exec(select(Card)).all())
    assert len(cards) == 100


async def test_readers_go_on_while_a_write_is_under_way(store: Store) -> None:
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), asyncio.Event()

    def slow(tx: Tx) -> None:
        _add(tx, _card())
        tx.flush()
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(timeout=30)

    writing = asyncio.create_task(store.write(slow))
    await begun.wait()
    assert await store.read(lambda tx: tx.exec(select(Card)).all()) == []
    go_on.set()
    await writing
    assert len(await store.read(lambda tx: tx.exec(select(Card)).all())) == 1


async def test_a_cancelled_writer_does_not_undo_its_commit(store: Store) -> None:
    writing = asyncio.create_task(store.write(lambda tx: _add(tx, _card())))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await store.write(lambda _tx: None)  # the one writer has finished the work before this
    assert len(await store.read(lambda tx: tx.exec(select(Card)).all())) == 1


def test_the_database_runs_with_wal_full_sync_and_foreign_keys(store: Store) -> None:
    def pragmas(tx: Tx) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [tx.connection().exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert (store.write_now(pragmas), store.read_now(pragmas)) == (["wal", 2, 1], ["wal", 2, 1])
    with pytest.raises(Exception, match="FOREIGN KEY"):
        store.write_now(lambda tx: tx.add(Submission(link_id="none", at=NOW)))


def test_a_database_does_not_open_with_the_key_of_another(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with pytest.raises(WrongKeyError):
        Store(tmp_path / "rufweiche.db", Sealer(bytes(32)))


def test_errors_of_the_database_hold_no_values(store: Store) -> None:
    card = _card(id="twice")
    store.write_now(lambda tx: _add(tx, card))
    with pytest.raises(Exception, match="UNIQUE") as caught:
        store.write_now(lambda tx: _add(tx, _card(id="twice", number="+491711234567", call_id="visible")))
    assert [word for word in ("1711234567", "visible") if word in str(caught.value)] == []


def test_the_sqlite_version_is_told() -> None:
    assert sqlite_version() == sqlite3.sqlite_version


_KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from tests.support.stores import NOW, open_store
from callflow.store import Card

store = open_store(Path(sys.argv[1]))
stop_after = int(sys.argv[2])
count = 0

def put(tx):
    tx.add(Card(kind="missed", name=f"card {count}", first_contact_at=NOW, last_contact_at=NOW, due_at=NOW))

while True:
    if count == stop_after:
        def die(tx):
            put(tx)
            tx.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        store.write_now(die)
    store.write_now(put)
    count += 1
    print(count, flush=True)
"""


@pytest.mark.parametrize("stop_after", [1, 7])
def test_after_kill_9_every_committed_row_is_there_and_no_half_one(tmp_path: Path, stop_after: int) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), str(stop_after)],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert told.returncode == -signal.SIGKILL
    store = open_store(tmp_path)
    names = {card.name for card in store.read_now(lambda tx: tx.exec(select(Card)).all())}
    store.close()
    assert names == {f"card {number}" for number in range(len(told.stdout.split()))}
    assert len(names) == stop_after


def test_the_journal_of_calls_outlives_its_new_form(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.connect() as connection:
        upgrade(connection, "0004")
        values = "'c', '', '', x'00', '', '', '', '', 1, '', x'00', x'00', '', 1, 1, '2026-03-02 09:00:00'"
        columns = (
            "id, line, dialled, number, number_blind, number_kind, flow, version, turn, answered, state, "
            "reaction, outcome, events, steps, started_at"
        )
        connection.execute(text(f"INSERT INTO calls ({columns}) VALUES ({values})"))  # noqa: S608  our own words
        for table, own in (("call_events", "turn, event"), ("call_steps", "node, exit")):
            connection.execute(
                text(
                    f"INSERT INTO {table} (id, call_id, position, at, {own}) "  # noqa: S608  our own words
                    "VALUES ('e', 'c', 1, '2026-03-02 09:00:00', 7, x'0102')"
                )
            )
        connection.commit()
        upgrade(connection)
        kept = [
            connection.execute(text(f"SELECT id, call_id, position, {own} FROM {table}")).one()  # noqa: S608
            for table, own in (("call_events", "turn, event"), ("call_steps", "node, exit"))
        ]
    engine.dispose()
    assert [tuple(row) for row in kept] == [("e", "c", 1, 7, b"\x01\x02")] * 2

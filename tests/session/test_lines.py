"""The app's end of the line socket, met by a line that speaks nothing but frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from callflow import inbox
from callflow.effects import Clip
from callflow.events import Caller, CallStarted, DigitsPressed, HungUp
from callflow.frames import (
    Acknowledged,
    Command,
    Decoder,
    Frame,
    Happening,
    Hello,
    Measured,
    Refused,
    Working,
    encode,
)
from callflow.lines import GREETED_AGAIN_S, LineServer
from callflow.session import EndedAlone, Sessions
from callflow.spool import SpooledCall, SpoolReader, SpoolWriter
from callflow.store import Call, Store
from callflow.takeover import Takeover
from tests.support.reception import DIALLED, MOBILE, sessions
from tests.support.stores import NOW, Clock

STARTED = CallStarted(DIALLED, Caller(MOBILE), NOW, "sip")


class Line:
    """A line process reduced to its socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    async def read(self) -> Frame:
        """Return the next frame; that the app is at it is no answer."""
        async with asyncio.timeout(30):
            while not self._frames:
                data = await self._reader.read(65_536)
                if not data:
                    raise EOFError
                frames = self._decoder.feed(data)
                self._frames = [frame for frame in frames if not isinstance(frame, Working)]
        return self._frames.pop(0)

    def send(self, *frames: Frame) -> None:
        self._writer.write(b"".join(encode(frame) for frame in frames))

    def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)


@pytest.fixture
def house(store: Store, clock: Clock) -> Sessions:
    return sessions(store, clock)


@pytest.fixture
def counters() -> list[tuple[str, dict[str, float]]]:
    return []


@pytest.fixture
async def server(
    house: Sessions, clock: Clock, tmp_path: Path, counters: list[tuple[str, dict[str, float]]]
) -> AsyncIterator[LineServer]:
    takeover = Takeover(SpoolReader(tmp_path / "spool", house.store.sealer), house, clock)
    running = LineServer(tmp_path / "run" / "app.sock", house, takeover, lambda *each: counters.append(each))
    await running.start()
    yield running
    await running.close()


@asynccontextmanager
async def _line(tmp_path: Path, *calls: str) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "run" / "app.sock")
    line = Line(reader, writer)
    line.send(Hello("line", "sip", calls))
    assert await line.read() == Hello("app", "app")
    yield line
    writer.close()
    await writer.wait_closed()


async def test_a_call_over_the_socket_is_commanded_and_acknowledged(
    server: LineServer, store: Store, tmp_path: Path
) -> None:
    async with _line(tmp_path) as line:
        line.send(Happening(1, "call-a", 0, STARTED))
        command = await line.read()
        assert isinstance(command, Command)
        assert (command.reply_to, command.call, command.turn > 0) == (1, "call-a", True)
        assert command.effect.spoken[0] == Clip("greeting")
        assert server.connected == ("sip",)
        line.send(Happening(2, "call-a", command.turn, HungUp("caller")))
        assert await line.read() == Acknowledged(2, "call-a")
    (card,) = store.read_now(lambda tx: inbox.queue(tx, now=NOW))
    assert (card.kind, card.number) == ("missed", MOBILE)


@pytest.mark.usefixtures("server")
async def test_happenings_of_one_call_are_handled_in_the_order_they_came(
    store: Store, tmp_path: Path
) -> None:
    async with _line(tmp_path) as line:
        line.send(Happening(1, "call-a", 0, STARTED), Happening(2, "call-a", 0, HungUp("caller")))
        assert {type(await line.read()), type(await line.read())} == {Command, Acknowledged}
    assert [call.outcome for call in store.read_now(lambda tx: tx.exec(select(Call)).all())] == ["missed"]


@pytest.mark.usefixtures("server")
async def test_twenty_calls_at_once_are_all_answered(store: Store, tmp_path: Path) -> None:
    async with _line(tmp_path) as line:
        line.send(*(Happening(number, f"call-{number}", 0, STARTED) for number in range(20)))
        replies = [await line.read() for _ in range(20)]
    assert sorted(reply.reply_to for reply in replies if isinstance(reply, Command)) == list(range(20))
    assert len(store.read_now(lambda tx: tx.exec(select(Call)).all())) == 20


@pytest.mark.usefixtures("server")
async def test_a_happening_that_cannot_be_handled_is_refused_and_the_next_one_is_not(
    house: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_tx: object, _event: object) -> None:
        raise OSError("disk full")

    async with _line(tmp_path) as line:
        with monkeypatch.context() as broken:
            broken.setattr(type(house.recognition), "caller", fail)
            line.send(Happening(1, "call-a", 0, STARTED))
            assert await line.read() == Refused(1, "call-a", "fault")
        line.send(Happening(2, "call-a", 0, STARTED))
        assert isinstance(await line.read(), Command)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("rubbish", [b"\xff\xff\xff\xff", b"\0\0\0\2{}", encode(Acknowledged(1, "x"))])
async def test_a_line_that_speaks_rubbish_loses_its_connection_and_no_other(
    tmp_path: Path, rubbish: bytes
) -> None:
    async with _line(tmp_path) as other, _line(tmp_path) as line:
        line.send_bytes(rubbish)
        with pytest.raises(EOFError):
            await line.read()
        other.send(Happening(1, "call-a", 0, STARTED))
        assert isinstance(await other.read(), Command)


@pytest.mark.usefixtures("server")
async def test_calls_that_the_line_no_longer_holds_end_with_a_card(
    house: Sessions, store: Store, tmp_path: Path
) -> None:
    for call in ("held", "gone"):
        await house.happened(call, 0, STARTED)
    async with _line(tmp_path, "held") as line:
        line.send(Happening(1, "held", 1, DigitsPressed("1")))
        await line.read()
        await _ended(store, "gone")
    assert store.read_now(lambda tx: tx.get_one(Call, "held")).ended_at is None


async def _ended(store: Store, call: str) -> None:
    loop, committed = asyncio.get_running_loop(), asyncio.Event()
    store.on_commit(lambda: loop.call_soon_threadsafe(committed.set))
    async with asyncio.timeout(30):
        while (await store.read(lambda tx: tx.get_one(Call, call))).ended_at is None:
            await committed.wait()
            committed.clear()


def _spooled(call: str, outcome: str, hours: float = 1.0) -> SpooledCall:
    return SpooledCall(call, DIALLED, "01711234567", NOW - timedelta(hours=hours), "sip", outcome)  # type: ignore[arg-type]


async def test_the_spool_is_read_into_cards_once_and_emptied(
    house: Sessions, store: Store, clock: Clock, tmp_path: Path
) -> None:
    writer = SpoolWriter(tmp_path / "spool", "sip", store.sealer, slots=8)
    for call, outcome in (("a", "not_reached"), ("b", "transferred"), ("c", "hung_up")):
        writer.write(_spooled(call, outcome))
    takeover = Takeover(SpoolReader(tmp_path / "spool", store.sealer), house, clock)
    assert [await takeover.read(), await takeover.read()] == [3, 0]
    outcomes = {call.id: call.outcome for call in store.read_now(lambda tx: tx.exec(select(Call)).all())}
    (card,) = store.read_now(lambda tx: inbox.queue(tx, now=NOW))
    assert (outcomes, card.contacts) == ({"a": "missed", "b": "transferred", "c": "missed"}, 2)
    writer.close()


async def test_a_record_read_twice_because_we_died_before_freeing_it_counts_once(
    house: Sessions, store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path / "spool", "sip", store.sealer, slots=8)
    writer.write(_spooled("a", "hung_up"))
    reader = SpoolReader(tmp_path / "spool", store.sealer)
    with monkeypatch.context() as dying:
        dying.setattr(SpoolReader, "done", lambda *_: None)
        await Takeover(reader, house, clock).read()
    await Takeover(reader, house, clock).read()
    (card,) = store.read_now(lambda tx: inbox.queue(tx, now=NOW))
    assert card.contacts == 1
    writer.close()


async def test_a_record_that_cannot_be_kept_holds_up_no_other_and_is_tried_again(
    house: Sessions, store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path / "spool", "sip", store.sealer, slots=8)
    for call in ("bad", "good"):
        writer.write(_spooled(call, "hung_up"))
    writer.close()
    takeover = Takeover(SpoolReader(tmp_path / "spool", store.sealer), house, clock)
    kept = Sessions.ended_alone

    async def full_disk(sessions: Sessions, ended: EndedAlone) -> None:
        if ended.call == "bad":
            raise OSError(28, "No space left on device")
        await kept(sessions, ended)

    monkeypatch.setattr("callflow.takeover.AGAIN_S", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(Sessions, "ended_alone", full_disk)
        assert await takeover.read() == 1
    again = asyncio.create_task(takeover.run())
    await _books_of(store, "bad")
    again.cancel()


async def _books_of(store: Store, call: str) -> None:
    loop, committed = asyncio.get_running_loop(), asyncio.Event()
    store.on_commit(lambda: loop.call_soon_threadsafe(committed.set))
    async with asyncio.timeout(30):
        while await store.read(lambda tx: tx.get(Call, call)) is None:
            await committed.wait()
            committed.clear()


@pytest.mark.usefixtures("server")
async def test_a_line_whose_greeting_failed_is_made_to_greet_again_and_its_calls_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full_disk(*_: object) -> list[str]:
        raise OSError(28, "No space left on device")

    due: asyncio.Queue[Callable[..., object]] = asyncio.Queue()
    call_later = asyncio.get_running_loop().call_later

    def put_off(delay: float, callback: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        if delay != GREETED_AGAIN_S:
            return call_later(delay, callback, *args)
        due.put_nowait(callback)
        return call_later(3600, callback)

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", put_off)
    monkeypatch.setattr(Sessions, "lost", full_disk)
    async with _line(tmp_path) as line:
        line.send(Happening(1, "a", 0, STARTED))
        assert isinstance(await line.read(), Command)
        async with asyncio.timeout(30):
            (await due.get())()
        with pytest.raises(EOFError):
            await line.read()


@pytest.mark.usefixtures("server")
async def test_a_call_that_the_line_handles_alone_right_now_is_not_taken_for_lost(
    house: Sessions, store: Store, tmp_path: Path
) -> None:
    for call in ("alone", "gone"):
        await house.happened(call, 0, STARTED)
    writer = SpoolWriter(tmp_path / "spool", "sip", store.sealer, slots=8)
    writer.write(_spooled("alone", "under_way", hours=0.1))
    async with _line(tmp_path):
        await _ended(store, "gone")
    assert store.read_now(lambda tx: tx.get_one(Call, "alone")).ended_at is None
    writer.close()


@pytest.mark.usefixtures("server")
async def test_measurements_are_passed_on(
    counters: list[tuple[str, dict[str, float]]], tmp_path: Path
) -> None:
    async with _line(tmp_path) as line:
        line.send(Measured({"calls": 2.0}), Happening(1, "call-a", 0, STARTED))
        await line.read()
    assert counters == [("sip", {"calls": 2.0})]


async def test_the_socket_is_the_owners_alone_and_gone_after_closing(
    server: LineServer, tmp_path: Path
) -> None:
    path = tmp_path / "run" / "app.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    await server.close()
    assert not path.exists()

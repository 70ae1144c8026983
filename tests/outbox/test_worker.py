"""The worker: every intent ends sent, failed or unknown, and nothing is given to a provider twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from callflow.outbox import queue
from callflow.outbox.console import Console
from callflow.outbox.queue import LeaseLostError, Sms
from callflow.outbox.retry import Policy
from callflow.outbox.transport import (
    AmbiguousError,
    BrokenError,
    CannotAskError,
    Parcel,
    Receipt,
    RefusedError,
    TransientError,
    Transport,
)
from callflow.outbox.worker import Worker
from callflow.store import Intent, Store, Tx
from tests.support.stores import NOW, Clock, temporary_store

TO = "+491711234567"
MINUTE = timedelta(minutes=1)


@dataclass
class Provider:
    """A provider that remembers what it took, and fails as told."""

    name: str = "provider"
    faults: list[str] = field(default_factory=list)
    askable: bool = True
    taken: list[str] = field(default_factory=list)
    tries: int = 0
    delivery: str = "accepted"

    async def send(self, parcel: Parcel) -> Receipt:
        self.tries += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault in ("", "lost_answer", "crash_after"):
            self.taken.append(parcel.id)
        errors = {
            "refused": RefusedError("21614"),
            "broken": BrokenError("20003"),
            "transient": TransientError("429"),
            "lost_request": AmbiguousError("timeout"),
            "lost_answer": AmbiguousError("timeout"),
            "crash_before": RuntimeError("bug"),
            "crash_after": RuntimeError("bug"),
        }
        if fault:
            raise errors[fault]
        return Receipt(f"{self.name}-{parcel.id}", self.delivery)  # type: ignore[arg-type]

    async def ask(self, parcel: Parcel, since: datetime) -> Receipt | None:
        del since
        if not self.askable:
            raise CannotAskError("no list")
        return Receipt(f"{self.name}-{parcel.id}") if parcel.id in self.taken else None

    async def follow_up(self, provider_id: str) -> Receipt | None:
        return Receipt(provider_id, self.delivery)  # type: ignore[arg-type]


@dataclass
class Office:
    """A store, a worker and the list of what was reported lost."""

    store: Store
    clock: Clock
    providers: list[Transport]
    lost: list[str] = field(default_factory=list)

    @property
    def worker(self) -> Worker:
        def lost(_tx: Tx, intent: Intent, _now: datetime) -> None:
            self.lost.append(intent.id)

        return Worker(self.store, {"sms": self.providers}, lost, self.clock)

    def put(self, text: str = "Hallo x", expires: datetime | None = None) -> str:
        sms = Sms(TO, text, text, expires=expires)
        return self.store.write_now(lambda tx: queue.put_sms(tx, sms, now=self.clock()))

    def get(self, intent: str) -> Intent:
        return self.store.read_now(lambda tx: tx.get_one(Intent, intent))

    async def work(self, minutes: int = 30) -> None:
        """Let that much time pass, working whenever something is due."""
        for _ in range(minutes * 6):
            while await self.worker.once():
                pass
            self.clock.forward(seconds=10)


@pytest.fixture
def office(store: Store, clock: Clock) -> Callable[..., Office]:
    return lambda *providers: Office(store, clock, list(providers))


def _results(office: Office, intent: str) -> list[tuple[str, str]]:
    tried = office.store.read_now(lambda tx: queue.attempts(tx, intent))
    return [(attempt.transport, attempt.result) for attempt in tried]


async def test_an_intent_is_sent_and_its_text_forgotten(office: Callable[..., Office]) -> None:
    provider = Provider()
    room = office(provider)
    intent = room.put()
    assert [await room.worker.once(), await room.worker.once()] == [True, False]
    sent = room.get(intent)
    assert (sent.status, sent.provider_id, sent.delivery) == ("sent", f"provider-{intent}", "accepted")
    assert (sent.body, sent.reference, provider.taken, room.lost) == ("", "", [intent], [])


@pytest.mark.parametrize(
    ("faults", "status", "tries", "lost"),
    [
        ([], "sent", 1, 0),
        (["transient"], "sent", 2, 0),
        (["broken", "transient"], "sent", 3, 0),
        (["transient"] * 9, "failed", 4, 1),
        (["refused"], "failed", 1, 1),
        (["transient", "refused"], "failed", 2, 1),
        (["lost_answer"], "sent", 1, 0),
        (["transient", "lost_answer"], "sent", 2, 0),
        (["lost_request"], "unknown", 1, 1),
        (["crash_after"], "sent", 1, 0),
        (["crash_before"], "unknown", 1, 1),
    ],
)
async def test_each_misfortune_ends_as_it_must(
    office: Callable[..., Office], faults: list[str], status: str, tries: int, lost: int
) -> None:
    provider = Provider(faults=faults)
    room = office(provider)
    intent = room.put()
    await room.work()
    assert (room.get(intent).status, provider.tries, len(room.lost)) == (status, tries, lost)
    assert len(provider.taken) == (status == "sent")


async def test_a_provider_that_cannot_be_asked_leaves_doubt_and_a_card_not_a_second_sms(
    office: Callable[..., Office],
) -> None:
    provider, spare = Provider(faults=["lost_answer"], askable=False), Provider("spare")
    room = office(provider, spare)
    intent = room.put()
    await room.work()
    assert (room.get(intent).status, room.lost) == ("unknown", [intent])
    assert (provider.tries, spare.tries) == (1, 0)


async def test_the_next_transport_is_tried_at_once_when_nothing_was_sent(
    office: Callable[..., Office],
) -> None:
    room = office(Provider("first", ["broken"]), Provider("second", ["transient"]), Provider("third"))
    intent = room.put()
    while await room.worker.once():
        pass
    assert _results(room, intent) == [("first", "broken"), ("second", "transient"), ("third", "sent")]


async def test_a_refusal_of_the_person_is_not_tried_elsewhere(office: Callable[..., Office]) -> None:
    spare = Provider("spare")
    room = office(Provider("first", ["refused"]), spare)
    intent = room.put()
    await room.work()
    assert (room.get(intent).error, spare.tries, room.lost) == ("21614", 0, [intent])


async def test_what_need_not_arrive_any_more_is_not_sent(office: Callable[..., Office], clock: Clock) -> None:
    provider = Provider()
    room = office(provider)
    intents = [room.put(f"Hallo {number}", expires=NOW + MINUTE) for number in range(2)]
    clock.forward(minutes=1)
    await room.work(1)
    assert [(room.get(intent).status, room.get(intent).error) for intent in intents] == [
        ("failed", "expired")
    ] * 2
    assert (provider.tries, sorted(room.lost)) == (0, sorted(intents))


async def test_a_message_that_is_undelivered_is_told_once_by_polling(
    office: Callable[..., Office], clock: Clock
) -> None:
    provider = Provider()
    room = office(provider)
    intent = room.put()
    await room.worker.once()
    provider.delivery = "undelivered"
    assert await room.worker.poll() is False
    clock.forward(seconds=31)
    assert await room.worker.poll() is True
    clock.forward(hours=24)
    assert await room.worker.poll() is False
    assert (room.get(intent).delivery, room.lost) == ("undelivered", [intent])


async def test_a_message_the_provider_gave_up_at_once_is_told_once(office: Callable[..., Office]) -> None:
    room = office(Provider(delivery="failed"))
    intent = room.put()
    await room.work()
    assert (room.get(intent).status, room.lost) == ("sent", [intent])


async def test_a_dead_workers_intent_is_asked_for_and_not_sent_again(
    office: Callable[..., Office], clock: Clock
) -> None:
    provider = Provider()
    room = office(provider)
    intent = room.put()
    taken = await room.store.write(room.worker._take)  # noqa: SLF001  the worker dies right after this commit
    assert taken is not None
    await provider.send(taken.parcel)
    assert await room.worker.once() is False  # its lease holds
    clock.now += Policy().lease
    await room.work()
    assert (room.get(intent).status, provider.tries, provider.taken) == ("sent", 1, [intent])


async def test_a_worker_that_slept_through_its_lease_writes_nothing(
    office: Callable[..., Office], clock: Clock
) -> None:
    room = office(Provider())
    intent = room.put()
    taken = await room.store.write(room.worker._take)  # noqa: SLF001  two workers interleaved by hand
    assert taken is not None
    clock.now += Policy().lease
    await room.worker.once()
    with pytest.raises(LeaseLostError):
        room.store.write_now(lambda tx: queue.held(tx, intent, taken.lease))


async def test_a_cancelled_intent_is_not_sent_and_a_started_one_not_cancelled(
    office: Callable[..., Office],
) -> None:
    provider = Provider()
    room = office(provider)
    early, late = room.put("Hallo a"), room.put("Hallo b")
    assert room.store.write_now(lambda tx: queue.cancel(tx, early, now=NOW)) is True
    await room.work(1)
    assert room.store.write_now(lambda tx: queue.cancel(tx, late, now=NOW)) is False
    assert (provider.taken, room.get(early).status) == ([late], "cancelled")


async def test_the_console_shows_the_message_and_keeps_its_text_for_the_demo_page(
    office: Callable[..., Office],
) -> None:
    shown: list[tuple[str, str]] = []
    room = office(Console(lambda *each: shown.append(each)))
    intent = room.put("Hallo https://praxis.example/f/abc")
    await room.worker.once()
    assert shown == [(TO, "Hallo https://praxis.example/f/abc")]
    assert (room.get(intent).status, room.get(intent).delivery) == ("sent", "delivered")
    assert room.get(intent).body == "Hallo https://praxis.example/f/abc"


async def test_a_running_worker_wakes_when_something_is_queued(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callflow.outbox.worker._IDLE_S", 600.0)  # so that only waking it helps
    shown = asyncio.Event()
    loop = asyncio.get_running_loop()
    room = office(Console(lambda *_: loop.call_soon(shown.set)))
    running = asyncio.create_task(room.worker.run())
    await asyncio.to_thread(room.put)
    async with asyncio.timeout(30):
        await shown.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_running_worker_outlives_a_database_that_cannot_be_read(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, failed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    room = office(Console(lambda *_: loop.call_soon(shown.set)))

    async def unreadable(*_: object) -> None:
        failed.set()
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "read", unreadable)
        running = asyncio.create_task(room.worker.run())
        async with asyncio.timeout(20):
            await failed.wait()
    await asyncio.to_thread(room.put)
    async with asyncio.timeout(20):
        await shown.wait()
    running.cancel()


def test_an_sms_without_a_reference_of_its_own_is_refused(store: Store) -> None:
    for reference in ("", "elsewhere"):
        with pytest.raises(ValueError, match="part of its text"):
            store.write_now(lambda tx, each=reference: queue.put_sms(tx, Sms(TO, "Hallo", each), now=NOW))


FAULTS = st.sampled_from(
    ["", "refused", "broken", "transient", "lost_request", "lost_answer", "crash_before", "crash_after"]
)


class Outbox(RuleBasedStateMachine):
    """Random intents, faults, deaths and clocks; what the providers took is the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self._context = temporary_store()
        self.store = self._context.__enter__()
        self.first, self.second = Provider("first"), Provider("second", askable=False)
        self.office = Office(self.store, Clock(), [self.first, self.second])
        self.intents: list[str] = []

    def teardown(self) -> None:
        asyncio.run(self._to_the_end())
        ends = {self.office.get(intent).status for intent in self.intents}
        assert ends <= {"sent", "failed", "unknown"}
        for intent in self.intents:
            told = self.office.lost.count(intent)
            assert told == (self.office.get(intent).status in ("failed", "unknown"))
        self.at_most_once()
        self._context.__exit__(None, None, None)

    @rule()
    def put(self) -> None:
        self.intents.append(self.office.put(f"Hallo {len(self.intents)}."))

    @rule(faults=st.lists(FAULTS, max_size=3), other=st.lists(FAULTS, max_size=3))
    def misfortune(self, faults: list[str], other: list[str]) -> None:
        self.first.faults, self.second.faults = faults, other

    @rule()
    def work(self) -> None:
        asyncio.run(self.office.worker.once())

    @rule(sent=st.booleans())
    def worker_dies(self, *, sent: bool) -> None:
        taken = self.store.write_now(self.office.worker._take)  # noqa: SLF001  death after this commit
        if taken is not None and sent and not taken.doubtful:
            provider = self.first if taken.transport == "first" else self.second
            provider.taken.append(taken.id)

    @rule(seconds=st.sampled_from([1, 15, 200, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.office.clock.forward(seconds=seconds)

    @invariant()
    def at_most_once(self) -> None:
        taken = self.first.taken + self.second.taken
        assert len(taken) == len(set(taken))

    async def _to_the_end(self) -> None:
        for _ in range(40):
            while await self.office.worker.once():
                pass
            self.office.clock.forward(seconds=200)


Outbox.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOutbox = Outbox.TestCase

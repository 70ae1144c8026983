"""How good a call sounded stands in its record, whoever ended it."""

from __future__ import annotations

import pytest

from callflow import journal
from callflow.events import Caller, CallStarted, HungUp
from callflow.quality import SoundQuality
from callflow.session import EndedAlone, Sessions
from callflow.store import Call, Store
from tests.support.reception import DIALLED, MOBILE, Telephone, sessions
from tests.support.stores import NOW, Clock

POOR = SoundQuality(loss=0.031, jitter_ms=12.5, remote_loss=0.004, round_trip_ms=48.0)


@pytest.fixture
def house(store: Store, clock: Clock) -> Sessions:
    return sessions(store, clock)


def sound(store: Store, call: str) -> SoundQuality:
    return store.read_now(lambda tx: tx.get_one(Call, call).sound)


async def test_a_caller_who_hangs_up_leaves_the_sound_of_the_call(house: Sessions, store: Store) -> None:
    phone = await Telephone(house).dial()
    await phone.tell(HungUp("caller", sound=POOR))
    assert sound(store, phone.call) == POOR
    assert HungUp("caller") in store.read_now(lambda tx: journal.events(tx, phone.call))


async def test_so_does_a_call_that_the_flow_has_ended_before(house: Sessions, store: Store) -> None:
    phone = await (await Telephone(house).dial()).silent_to_the_end()
    ended = store.read_now(lambda tx: tx.get_one(Call, phone.call).ended_at)
    await phone.tell(HungUp("us", sound=POOR))
    assert ended is not None
    assert sound(store, phone.call) == POOR


async def test_a_line_that_knows_nothing_leaves_nothing(house: Sessions, store: Store) -> None:
    phone = await Telephone(house).dial()
    await phone.tell(HungUp("error"))
    assert sound(store, phone.call) == SoundQuality()


async def test_the_sound_of_a_call_that_nobody_knows_is_dropped(house: Sessions, store: Store) -> None:
    await house.happened("nobody", 0, HungUp("caller", sound=POOR))
    assert store.read_now(lambda tx: tx.get(Call, "nobody")) is None


def alone(call: str, sound: SoundQuality = POOR) -> EndedAlone:
    return EndedAlone(call, CallStarted(DIALLED, Caller(MOBILE), NOW, "sip"), human=True, sound=sound)


async def test_a_call_that_its_line_ended_alone_keeps_its_sound_once_it_is_taken_over(
    house: Sessions, store: Store
) -> None:
    phone = await Telephone(house).dial()
    for call in (phone.call, "unheard of"):
        await house.ended_alone(alone(call))
        assert sound(store, call) == POOR


async def test_a_call_that_was_passed_on_alone_is_taken_over_before_it_is_over_and_gets_its_sound_then(
    house: Sessions, store: Store
) -> None:
    await house.ended_alone(alone("c1", SoundQuality()))
    assert sound(store, "c1") == SoundQuality()
    await house.ended_alone(alone("c1"))
    assert sound(store, "c1") == POOR


async def test_a_call_whose_sound_is_known_keeps_it_when_its_line_dies_and_the_spool_does_not_know(
    house: Sessions, store: Store
) -> None:
    await house.ended_alone(alone("c1"))
    await house.ended_alone(alone("c1", SoundQuality()))
    assert sound(store, "c1") == POOR


@pytest.mark.parametrize(
    ("heard", "grade", "over"),
    [
        (SoundQuality(), "unknown", ()),
        (SoundQuality(0.0, 0.0), "good", ()),
        (SoundQuality(0.01, 30.0, 0.01, 300.0), "good", ()),
        (SoundQuality(0.011, 1.0), "fair", ("loss",)),
        (SoundQuality(0.0, 30.1), "fair", ("jitter_ms",)),
        (SoundQuality(0.0, 1.0, 0.0, 301.0), "fair", ("round_trip_ms",)),
        (SoundQuality(0.0, 1.0, 0.05, None), "fair", ("remote_loss",)),
        (SoundQuality(None, None, 0.051, None), "bad", ("remote_loss",)),
        (SoundQuality(0.051, 40.0, 0.0, 10.0), "bad", ("loss", "jitter_ms")),
    ],
)
def test_sound_is_judged_by_the_limits(heard: SoundQuality, grade: str, over: tuple[str, ...]) -> None:
    assert (heard.grade, heard.over) == (grade, over)

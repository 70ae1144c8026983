"""Calls through session, engine, handlers and database: what they leave, and when."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlmodel import select

from callflow import directory, engine, inbox, journal
from callflow.codec import STATES
from callflow.effects import Ask, Clip, Gather, Play, Transfer
from callflow.events import (
    Caller,
    CallStarted,
    DigitsPressed,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    Told,
)
from callflow.flow import State
from callflow.masking import masked
from callflow.outbox import queue
from callflow.outbox.caps import Caps
from callflow.session import EndedAlone, Reaction, Sessions
from callflow.store import Call, Card, Link, Store
from tests.support.reception import DIALLED, LANDLINE, MOBILE, Telephone, example_flow, handlers, sessions
from tests.support.stores import NOW, Clock, database_bytes


@pytest.fixture
def house(store: Store, clock: Clock) -> Sessions:
    return sessions(store, clock)


def _cards(store: Store) -> list[tuple[str, str, str, str]]:
    cards = store.read_now(lambda tx: tx.exec(select(Card)).all())
    return sorted((card.kind, card.concern, card.urgency, card.number) for card in cards)


def _links(store: Store) -> list[tuple[str, str]]:
    return [(link.concern, link.number) for link in store.read_now(lambda tx: tx.exec(select(Link)).all())]


def _call(store: Store, call: str) -> Call:
    return store.read_now(lambda tx: tx.get_one(Call, call))


async def test_a_mobile_caller_who_wants_the_link_leaves_a_link_and_an_sms_and_no_card(
    house: Sessions, store: Store
) -> None:
    phone = await (await Telephone(house).dial()).press("1", "1")
    await phone.finish()
    (intent,) = store.read_now(queue.recent)
    assert (_links(store), _cards(store)) == ([("rezept", MOBILE)], [])
    assert (intent.target, intent.status, intent.call_id) == (MOBILE, "queued", phone.call)
    assert intent.reference.startswith("https://praxis.example/f/")
    assert intent.reference in intent.body
    assert _call(store, phone.call).outcome == "deflected"


async def test_the_confirmation_is_spoken_after_the_link_is_on_disk(house: Sessions, store: Store) -> None:
    phone = await Telephone(house).dial()
    await phone.press("1")
    await phone.tell(DigitsPressed("1"))
    assert phone.heard[-1] == "link_sent"
    assert _links(store) == [("rezept", MOBILE)]


async def test_a_declined_link_becomes_a_callback_card(house: Sessions, store: Store) -> None:
    phone = await (await Telephone(house).dial()).press("3", "2", "1")
    await phone.finish()
    assert _cards(store) == [("callback", "termin", "routine", MOBILE)]
    assert _call(store, phone.call).outcome == "callback"


async def test_a_landline_caller_types_a_mobile_number_for_the_link(house: Sessions, store: Store) -> None:
    phone = await (await Telephone(house, LANDLINE).dial()).press("1", "1", "01719876543", "1")
    await phone.finish()
    assert (_links(store), _cards(store)) == ([("rezept", "+491719876543")], [])


async def test_urgency_goes_to_the_top_of_the_inbox(house: Sessions, store: Store) -> None:
    await (await (await Telephone(house).dial()).press("3", "2", "1")).finish()
    await (await (await Telephone(house, LANDLINE).dial()).press("9", "1")).finish()
    first, second = store.read_now(lambda tx: inbox.queue(tx, now=NOW))
    assert (first.urgency, first.number, second.urgency) == ("urgent", LANDLINE, "routine")
    assert first.due_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(("keys", "concern"), [((), ""), (("1",), "rezept"), (("4", "2"), "au")])
async def test_hanging_up_anywhere_leaves_a_missed_card_with_what_is_known(
    house: Sessions, store: Store, keys: tuple[str, ...], concern: str
) -> None:
    phone = await (await Telephone(house).dial()).press(*keys)
    await phone.finish()
    assert _cards(store) == [("missed", concern, "routine", MOBILE)]
    assert (_call(store, phone.call).outcome, _call(store, phone.call).ended_at) == ("missed", NOW)


async def test_a_withheld_number_leaves_a_card_without_one(house: Sessions, store: Store) -> None:
    await (await Telephone(house, "anonymous").dial()).finish()
    assert _cards(store) == [("missed", "", "routine", "")]


async def test_a_silent_caller_ends_with_a_card(house: Sessions, store: Store) -> None:
    phone = await (await Telephone(house).dial()).silent_to_the_end()
    assert [kind for kind, *_ in _cards(store)] == ["callback"]
    assert _call(store, phone.call).ended_at is not None


async def test_zero_passes_the_call_to_the_reception(house: Sessions) -> None:
    phone = await (await Telephone(house).dial()).press("0")
    assert isinstance(phone.effect, Transfer)
    assert phone.effect.destination == "empfang"


async def test_numbers_are_made_regular_before_anything_is_kept(house: Sessions, store: Store) -> None:
    phone = await Telephone(house, "0171 1234567").dial()
    assert (_call(store, phone.call).number, _call(store, phone.call).number_kind) == (MOBILE, "mobile")


async def test_known_and_repeat_callers_are_recognised(house: Sessions, store: Store, clock: Clock) -> None:
    entry = directory.Entry(MOBILE, "Erika Mustermann", urgent=True, language="de")
    store.write_now(lambda tx: directory.put(tx, [entry], source="test", now=NOW))
    await (await Telephone(house).dial()).finish()
    clock.forward(hours=1)
    phone = await Telephone(house).dial()
    caller = STATES.validate_json(_call(store, phone.call).state).caller
    assert caller == Caller(MOBILE, "mobile", known=True, urgent=True, repeat=1, language="de")
    await phone.finish()
    (card,) = store.read_now(lambda tx: inbox.queue(tx, now=clock()))
    assert (card.name, card.urgency, card.contacts) == ("Erika Mustermann", "urgent", 2)


async def test_an_event_told_twice_gets_the_same_reaction_and_counts_once(
    house: Sessions, store: Store
) -> None:
    phone = await Telephone(house).dial()
    await phone.press("1")
    turn, accept = phone.reaction.turn, DigitsPressed("1")
    first = await house.happened(phone.call, turn, accept)
    again = await house.happened(phone.call, turn, accept)
    assert (first, len(_links(store))) == (again, 1)
    assert isinstance(again.effect, Play)


async def test_a_call_that_is_announced_twice_is_one_call(house: Sessions, store: Store) -> None:
    started = CallStarted(DIALLED, Caller(MOBILE), NOW, "sip")
    first, again = [await house.happened("call-x", 0, started) for _ in range(2)]
    assert (first, len(store.read_now(lambda tx: tx.exec(select(Call)).all()))) == (again, 1)


async def test_a_line_can_ask_what_a_call_was_told_last(house: Sessions) -> None:
    phone = await Telephone(house).dial()
    assert await house.standing(phone.call) == phone.reaction
    assert await house.standing("never") is None
    await phone.silent_to_the_end()
    assert (await house.standing(phone.call) or phone.reaction).effect is None


async def test_an_event_of_an_older_turn_is_ignored(house: Sessions) -> None:
    phone = await Telephone(house).dial()
    old = phone.reaction.turn
    await phone.press("1")
    late = await house.happened(phone.call, old, DigitsPressed("9"))
    assert late == Reaction(phone.reaction.turn, None)


async def test_hanging_up_counts_at_any_turn_and_once(house: Sessions, store: Store) -> None:
    phone = await Telephone(house).dial()
    await phone.press("1")
    reactions = [await house.happened(phone.call, turn, HungUp("caller")) for turn in (0, 0, 99)]
    assert [reaction.effect for reaction in reactions] == [None, None, None]
    assert _cards(store) == [("missed", "rezept", "routine", MOBILE)]


async def test_events_of_a_call_we_never_saw_are_answered_with_nothing(house: Sessions, store: Store) -> None:
    assert await house.happened("never", 3, DigitsPressed("1")) == Reaction()
    assert _cards(store) == []


async def test_a_call_goes_on_after_a_restart_where_it_was(
    house: Sessions, store: Store, clock: Clock
) -> None:
    phone = await (await Telephone(house).dial()).press("1")
    phone.sessions = sessions(store, clock)
    await phone.press("1")
    assert _links(store) == [("rezept", MOBILE)]


async def test_a_handler_that_fails_leaves_nothing_and_the_call_where_it_was(
    house: Sessions, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await (await Telephone(house).dial()).press("1")

    def fail(*_args: object, **_values: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(queue, "put_sms", fail)
        with pytest.raises(OSError, match="disk full"):
            await house.happened(phone.call, phone.reaction.turn, DigitsPressed("1"))
    assert (_links(store), _cards(store)) == ([], [])
    await phone.press("1")
    assert _links(store) == [("rezept", MOBILE)]


async def test_a_number_over_its_daily_limit_gets_a_card_instead_of_another_sms(
    store: Store, clock: Clock
) -> None:
    house = sessions(store, clock, Caps(per_number_a_day=2))
    for _ in range(3):
        await (await (await Telephone(house).dial()).press("1", "1")).finish()
    assert len(store.read_now(queue.recent)) == 2
    assert _cards(store) == [("sms_failed", "rezept", "routine", MOBILE)]
    clock.forward(hours=24)
    await (await (await Telephone(house).dial()).press("1", "1")).finish()
    assert len(store.read_now(queue.recent)) == 3


async def test_calls_that_a_line_lost_are_ended_with_a_card(house: Sessions, store: Store) -> None:
    kept, lost = [await Telephone(house).dial() for _ in range(2)]
    await lost.press("2")
    assert await house.lost("sip", {kept.call}) == [lost.call]
    assert await house.lost("other", ()) == []
    assert _cards(store) == [("missed", "ueberweisung", "routine", MOBILE)]
    assert _call(store, kept.call).ended_at is None


def _alone(call: str, *, human: bool = False, recording: str = "") -> EndedAlone:
    started = CallStarted(DIALLED, Caller("01711234567"), NOW - timedelta(hours=1), "sip")
    return EndedAlone(call, started, human, recording)


async def test_a_call_handled_without_us_becomes_one_card_however_often_it_is_read(
    house: Sessions, store: Store
) -> None:
    for _ in range(2):
        await house.ended_alone(_alone("spooled"))
    (card,) = store.read_now(lambda tx: inbox.queue(tx, now=NOW))
    assert (card.kind, card.number, card.contacts) == ("missed", MOBILE, 1)
    assert card.first_contact_at == NOW - timedelta(hours=1)


async def test_a_call_that_a_human_took_without_us_leaves_no_card(house: Sessions, store: Store) -> None:
    phone = await (await Telephone(house).dial()).press("1")
    await house.ended_alone(_alone(phone.call, human=True))
    assert (_cards(store), _call(store, phone.call).outcome) == ([], "transferred")


async def test_a_call_we_knew_and_lost_keeps_its_concern(house: Sessions, store: Store) -> None:
    phone = await (await Telephone(house).dial()).press("1")
    await house.ended_alone(_alone(phone.call))
    assert _cards(store) == [("missed", "rezept", "routine", MOBILE)]


async def test_a_voice_message_of_a_call_ended_without_us_is_not_lost(house: Sessions, store: Store) -> None:
    await house.ended_alone(_alone("spooled", recording="rec-1"))
    (card,) = store.read_now(lambda tx: inbox.queue(tx, now=NOW))
    assert (card.kind, card.recording) == ("voice", "rec-1")


async def test_the_journal_replays_to_the_same_steps_and_holds_no_number(
    house: Sessions, store: Store
) -> None:
    phone = await (await Telephone(house, LANDLINE).dial()).press("1", "1", "01719876543", "1")
    await phone.finish()
    events = store.read_now(lambda tx: journal.events(tx, phone.call))
    text = json.dumps([repr(event) for event in events])
    assert [number for number in (LANDLINE[3:], "1719876543") if number in text] == []
    flow, state, steps = example_flow(), engine.begin(example_flow(), "replay"), []
    for event in events:
        state, effects = engine.step(flow, state, event)
        steps += [(effect.node, effect.exit) for effect in effects if effect.kind == "log_step"]
    assert steps == store.read_now(lambda tx: journal.steps(tx, phone.call))
    assert state.ended


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (DigitsPressed("1"), DigitsPressed("1")),
        (DigitsPressed("24121980"), DigitsPressed("00000000")),
        (TimedOut("01711234567"), TimedOut("015123456789")),
        (Recorded("rec-77", 900), Recorded("masked", 900)),
        (PromptFinished(), PromptFinished()),
    ],
)
def test_masked_events_keep_their_sort_and_nothing_else(event: DigitsPressed, kept: DigitsPressed) -> None:
    assert masked(event) == kept


async def test_no_datum_of_a_caller_stands_in_the_log_or_on_disk(
    house: Sessions, store: Store, tmp_path: Path
) -> None:
    entry = directory.Entry(MOBILE, "Erika Mustermann", note="Palliativ")
    store.write_now(lambda tx: directory.put(tx, [entry], source="test", now=NOW))
    with structlog.testing.capture_logs() as log:
        for keys in (("1", "1"), ("3", "2", "1"), ("4", "1"), ("9", "1")):
            await (await (await Telephone(house).dial()).press(*keys)).finish()
        await (await Telephone(house, LANDLINE).dial()).press("1", "1", "01719876543", "1")
        await Telephone(house).tell(DigitsPressed("01711234567"))
    card = store.read_now(lambda tx: inbox.queue(tx, now=NOW))[0]
    store.write_now(lambda tx: inbox.note(tx, card.id, "anna", "nimmt Ramipril", now=NOW))
    personal = (
        MOBILE[3:],
        LANDLINE[3:],
        "1719876543",
        "Mustermann",
        "Palliativ",
        "Ramipril",
        "praxis.example/f/",
    )
    reasons = ("rezept", "ueberweisung", "termin", "befund")
    on_disk = database_bytes(tmp_path)
    assert [word for word in (*personal, *reasons) if word.encode() in on_disk] == []
    assert [word for word in (*personal, *reasons) if word in json.dumps(log, default=str)] == []


async def test_a_clip_is_given_for_every_prompt(house: Sessions) -> None:
    phone = await Telephone(house).dial()
    assert isinstance(phone.effect, Play | Gather)
    assert all(isinstance(clip, Clip) for clip in phone.effect.spoken)
    assert phone.heard[0] == "greeting"


def test_a_question_nobody_knows_is_answered_unknown(store: Store) -> None:
    state = State("call", "version")
    answer = store.read_now(lambda tx: handlers().answer(tx, state, Ask("nonsense"), now=NOW))
    assert answer == Told("unknown")

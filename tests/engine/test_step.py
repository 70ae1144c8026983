"""Steps of the engine at their edges: what golden calls don't tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callflow.codec import STATES
from callflow.effects import Ask, EndCall, Gather, HangUp, LogStep, OpenCard, Play, SendLink
from callflow.engine import begin, step
from callflow.events import (
    Caller,
    CallStarted,
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Told,
    TransferAnswered,
)
from callflow.flow import State, changed
from tests.support.flows import flow_of

FLOW = flow_of("praxis", "praxis")
MOBILE = Caller("+491712345678", "mobile")
STARTED = CallStarted("+4935112345600", MOBILE, datetime(2026, 11, 23, 9, tzinfo=UTC))


def after(*events: Event, caller: Caller = MOBILE) -> State:
    state, _ = step(FLOW, begin(FLOW, "c1"), replace(STARTED, caller=caller))
    for event in events:
        state, _ = step(FLOW, state, event)
    return state


MENU = (PromptFinished(), Told("open"))
OFFER = (*MENU, DigitsPressed("1"))


def test_a_call_told_twice_begins_once() -> None:
    state = after()
    assert step(FLOW, state, STARTED) == (state, ())


def test_the_first_thing_is_the_greeting_that_any_key_stops() -> None:
    _, effects = step(FLOW, begin(FLOW, "c1"), STARTED)
    (play,) = effects
    assert isinstance(play, Play)
    assert ([prompt.name for prompt in play.spoken], play.keys) == (["greeting"], "0123456789*#")  # type: ignore[union-attr]


def test_every_step_has_its_own_turn() -> None:
    assert [after(*OFFER[:count]).turn for count in range(4)] == [1, 2, 3, 4]


def test_a_key_pressed_during_the_greeting_counts_in_the_menu() -> None:
    state, effects = step(FLOW, after(DigitsPressed("1")), Told("open"))
    assert (state.node, state.concern, state.typed) == ("anliegen", "rezept", "")
    assert isinstance(effects[-1], Gather)


def test_the_card_is_opened_before_the_caller_hears_of_it() -> None:
    _, effects = step(FLOW, after(*OFFER, DigitsPressed("2")), DigitsPressed("1"))
    assert [type(effect) for effect in effects] == [OpenCard, Play]


def test_the_link_is_sent_before_the_caller_hears_of_it() -> None:
    _, effects = step(FLOW, after(*OFFER), DigitsPressed("1"))
    assert effects[0] == SendLink("rezept", "+491712345678", "de")


def test_no_second_link_goes_out_for_the_same_concern() -> None:
    again = changed(after(*OFFER, DigitsPressed("1")), node="hauptmenue", phase="")
    _, effects = step(FLOW, again, DigitsPressed("1"))
    assert not any(isinstance(effect, SendLink) for effect in effects)


def test_another_concern_after_a_link_leaves_its_own_card() -> None:
    again = changed(after(*OFFER, DigitsPressed("1")), node="hauptmenue", phase="")
    asked, _ = step(FLOW, again, DigitsPressed("3"))
    _, effects = step(FLOW, asked, HungUp())
    assert OpenCard("missed", "termin", "routine", "+491712345678") in effects


def test_a_call_to_a_human_is_over_for_the_books_when_answered() -> None:
    ringing = after(*MENU, DigitsPressed("0"), Told("open"))
    state, effects = step(FLOW, ringing, TransferAnswered())
    assert effects == (LogStep("verbinden", "answered"), EndCall("transferred"))
    assert step(FLOW, state, HungUp()) == (state, ())


def test_somebody_marked_as_urgent_is_urgent_from_the_first_ring() -> None:
    assert after(caller=replace(MOBILE, urgent=True)).urgency == "urgent"


def test_while_a_number_is_typed_its_digits_are_no_keys_but_a_single_nine_is() -> None:
    typing = after(*OFFER, DigitsPressed("1"), caller=Caller("+493512345678", "landline"))
    assert typing.phase == "typing"
    typed, _ = step(FLOW, typing, DigitsPressed("01719876543"))
    assert (typed.phase, typed.scratch) == ("confirm", "+491719876543")
    urgent, _ = step(FLOW, typing, DigitsPressed("9"))
    assert urgent.concern == "dringend"


@pytest.mark.parametrize("number", ["112", "110", "116117", "09001234567", "0171"])
def test_a_number_nobody_may_call_is_not_read_back(number: str) -> None:
    typing = after(*OFFER, DigitsPressed("2"), caller=Caller())
    state, effects = step(FLOW, typing, DigitsPressed(number))
    assert state.phase == "typing"
    assert next(prompt.name for prompt in effects[-1].spoken) == "callback_wrong_number"  # type: ignore[union-attr]


def test_an_event_that_fits_nothing_counts_as_silence() -> None:
    menu = after(*MENU)
    state, effects = step(FLOW, menu, TransferAnswered())
    assert (state.node, state.tries) == ("hauptmenue", 1)
    assert isinstance(effects[-1], Gather)


def test_a_state_of_a_flow_that_changed_beneath_it_ends_with_an_apology_and_a_card() -> None:
    lost = changed(after(*MENU), node="gibt-es-nicht")
    state, effects = step(FLOW, lost, PromptFinished())
    assert state.ended
    assert [type(effect) for effect in effects] == [OpenCard, EndCall, HangUp]


def test_an_endless_loop_that_no_checker_saw_ends_with_an_apology_and_a_card() -> None:
    circle = replace(FLOW, links={**FLOW.links, "dringend": {"then": "dringend"}})
    state, effects = step(circle, after(*MENU), DigitsPressed("9"))
    assert state.ended
    assert isinstance(effects[-1], HangUp)


def test_nobody_answers_the_question_for_hours_counts_as_open() -> None:
    state, _ = step(FLOW, after(PromptFinished()), PromptFinished())
    assert state.node == "hauptmenue"


def test_a_hang_up_before_the_first_ring_reached_us_is_still_counted() -> None:
    state, effects = step(FLOW, begin(FLOW, "c1"), HungUp())
    assert state.ended
    assert EndCall("missed") in effects


def test_a_state_is_the_same_after_a_journey_through_json() -> None:
    state = after(*OFFER)
    assert STATES.validate_json(STATES.dump_json(state)) == state


def test_questions_are_asked_alone() -> None:
    _, effects = step(FLOW, after(), PromptFinished())
    assert effects == (LogStep("begruessung", "then"), Ask("hours", "praxis"))

"""Whatever the checker accepts, the engine carries through: no flow and no caller can break a call."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from callflow.codec import STATES
from callflow.effects import Ask, Effect, EndCall, LineEffect, OpenCard, Prompt
from callflow.engine import begin, step
from callflow.engine.walker import events_after, walk
from callflow.events import Caller, CallStarted, Event, HungUp, TransferAnswered
from callflow.flow import Flow, State
from callflow.language import Surroundings, look
from tests.engine.strategies import EVENTS, SHARED, STARTS, flows
from tests.support.flows import practice_folder, surroundings

PRACTICE = surroundings()
AROUND = Surroundings(
    PRACTICE.prompts,
    PRACTICE.destinations,
    PRACTICE.concerns,
    PRACTICE.calendars,
    PRACTICE.languages,
    {"gemeinsam": SHARED.encode()},
)
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
slow = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def accepted(text: str) -> Flow:
    flow, _ = look(practice_folder("praxis") / "flows/zufall.yaml", AROUND, text.encode())
    assume(flow is not None)
    assert flow is not None
    return flow


def sound(effects: tuple[Effect, ...], state: State, event: Event) -> None:
    """Record effects, then exactly one line effect or question; none at all after the end."""
    asking = [isinstance(effect, LineEffect | Ask) for effect in effects]
    if asking and asking[-1]:
        assert sum(asking) == 1
    else:
        assert not any(asking)
        assert state.ended or isinstance(event, CallStarted)


def known(effects: tuple[Effect, ...]) -> None:
    for effect in effects:
        for prompt in getattr(effect, "spoken", ()):
            assert isinstance(prompt, Prompt)
            assert prompt.text or PRACTICE.prompts.text(prompt.name, prompt.language) is not None
            asked = PRACTICE.prompts.placeholders(prompt.name, prompt.language)
            assert asked <= {name for name, _ in prompt.values} | {"practice.name"}


@slow
@given(flows(), STARTS, st.lists(EVENTS, max_size=25))
def test_any_events_at_any_time_leave_a_sound_call(text: str, caller: Caller, events: list[Event]) -> None:
    flow = accepted(text)
    state = begin(flow, "c1")
    ends = 0
    for event in [CallStarted("+493511", caller, AT), *events, HungUp()]:
        state, effects = step(flow, state, event)
        sound(effects, state, event)
        known(effects)
        ends += sum(isinstance(effect, EndCall) for effect in effects)
        assert STATES.validate_json(STATES.dump_json(state)) == state
    assert state.ended
    assert ends == 1


@slow
@given(flows(), STARTS, st.data())
def test_however_a_call_ends_it_is_handled_or_a_card(text: str, caller: Caller, data: st.DataObject) -> None:
    flow = accepted(text)
    effects: tuple[Effect, ...] = ()
    state, effects = step(flow, begin(flow, "c1"), CallStarted("+493511", caller, AT))
    happened: list[Effect] = list(effects)
    human = False
    for _ in range(40):
        if state.ended:
            break
        event = data.draw(st.sampled_from(events_after(flow, effects)))
        state, effects = step(flow, state, event)
        human = human or isinstance(event, TransferAnswered)
        happened.extend(effects)
    if not state.ended:
        state, effects = step(flow, state, HungUp())
        happened.extend(effects)
    left = any(isinstance(effect, OpenCard) for effect in happened) or bool(state.links) or human
    assert state.ended
    assert left or state.left == "told"


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(flows())
def test_every_way_through_an_accepted_flow_is_sound(text: str) -> None:
    flow = accepted(text)
    for taken in walk(flow, most=1500):
        sound(taken.effects, taken.after, taken.event)
        known(taken.effects)
        assert taken.after.node in flow.nodes

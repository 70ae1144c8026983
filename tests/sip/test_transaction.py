"""The transaction tables (RFC 3261 17, RFC 6026)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.transaction import (
    CLIENT_INVITE,
    CLIENT_OTHER,
    SERVER_INVITE,
    SERVER_OTHER,
    TIMERS,
    Action,
    Event,
    Machine,
    State,
    Table,
    status_event,
)
from tests.sip.diagrams import chapter

TABLES = {
    "client INVITE": CLIENT_INVITE,
    "client": CLIENT_OTHER,
    "server INVITE": SERVER_INVITE,
    "server": SERVER_OTHER,
}
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


def walk(table: Table, *events: Event) -> tuple[State, list[Action]]:
    machine = Machine(table, reliable=False)
    actions = [action for event in events for action in machine.take(event) if action not in TIMERS]
    return machine.state, actions


@pytest.mark.parametrize(
    ("table", "events", "state", "actions"),
    [
        (
            CLIENT_INVITE,
            [Event.START, Event.A, Event.PROVISIONAL, Event.A, Event.SUCCESS, Event.SUCCESS, Event.M],
            State.TERMINATED,
            [Action.SEND, Action.RESEND, Action.PASS, Action.PASS, Action.PASS],
        ),
        (
            CLIENT_INVITE,
            [Event.START, Event.FAILURE, Event.FAILURE, Event.D],
            State.TERMINATED,
            [Action.SEND, Action.ACK, Action.PASS, Action.ACK],
        ),
        (CLIENT_INVITE, [Event.START, Event.B], State.TERMINATED, [Action.SEND, Action.TIMEOUT]),
        (
            CLIENT_OTHER,
            [Event.START, Event.E, Event.PROVISIONAL, Event.E, Event.SUCCESS, Event.SUCCESS, Event.K],
            State.TERMINATED,
            [Action.SEND, Action.RESEND, Action.PASS, Action.RESEND, Action.PASS],
        ),
        (
            SERVER_INVITE,
            [
                Event.START,
                Event.PROVISIONAL,
                Event.REQUEST,
                Event.FAILURE,
                Event.G,
                Event.ACK,
                Event.REQUEST,
                Event.I,
            ],
            State.TERMINATED,
            [Action.PASS, Action.SEND, Action.RESEND, Action.SEND, Action.RESEND],
        ),
        (
            SERVER_INVITE,
            [Event.START, Event.SUCCESS, Event.REQUEST, Event.SUCCESS, Event.ACK, Event.L],
            State.TERMINATED,
            [Action.PASS, Action.SEND, Action.SEND, Action.PASS],
        ),
        (
            SERVER_INVITE,
            [Event.START, Event.FAILURE, Event.H],
            State.TERMINATED,
            [Action.PASS, Action.SEND, Action.TIMEOUT],
        ),
        (
            SERVER_OTHER,
            [Event.START, Event.REQUEST, Event.SUCCESS, Event.REQUEST, Event.J],
            State.TERMINATED,
            [Action.PASS, Action.SEND, Action.RESEND],
        ),
    ],
)
def test_each_machine_walks_as_the_rfc_draws_it(
    table: Table, events: list[Event], state: State, actions: list[Action]
) -> None:
    assert walk(table, *events) == (state, actions)


@each_table
@given(events=st.lists(st.sampled_from(Event), max_size=40))
def test_no_order_of_events_upsets_a_machine(table: Table, events: list[Event]) -> None:
    machine = Machine(table, reliable=False)
    for event in events:
        was = machine.state
        actions = machine.take(event)
        if was is State.TERMINATED:
            assert (machine.state, actions) == (State.TERMINATED, ())


@each_table
@given(events=st.lists(st.sampled_from(Event), max_size=20))
def test_whatever_happened_a_transaction_that_answered_ends_by_its_timers_alone(
    table: Table, events: list[Event]
) -> None:
    machine = Machine(table, reliable=False)
    waiting: set[Event] = set()
    for event in events:
        waiting |= {TIMERS[action] for action in machine.take(event) if action in TIMERS}
    for _ in range(4):
        for timer in sorted(waiting - {Event.A, Event.E, Event.G}):
            machine.take(timer)
    holding = {State.CALLING, State.TRYING, State.PROCEEDING}
    assert machine.state in {State.TERMINATED, *holding}


@each_table
def test_every_row_leads_somewhere_that_can_be_left(table: Table) -> None:
    states = {state for state, _ in table}
    for state, _ in table.values():
        assert state is State.TERMINATED or state in states


def gaps(table: Table, timer: Event, *, proceeding: bool = False) -> list[float | None]:
    machine = Machine(table, reliable=False)
    machine.take(Event.START)
    if proceeding:
        machine.take(Event.PROVISIONAL)
    return [machine.wait_s(timer) for _ in range(6)]


def test_repetitions_double_and_stop_growing_at_t2_except_an_invites() -> None:
    assert gaps(CLIENT_INVITE, Event.A) == [0.5, 1, 2, 4, 8, 16]
    assert gaps(CLIENT_OTHER, Event.E) == [0.5, 1, 2, 4, 4, 4]
    assert gaps(CLIENT_OTHER, Event.E, proceeding=True) == [4, 4, 4, 4, 4, 4]
    assert gaps(SERVER_INVITE, Event.G) == [0.5, 1, 2, 4, 4, 4]


@pytest.mark.parametrize(
    ("timer", "unreliable", "reliable"),
    [
        (Event.A, 0.5, None),
        (Event.B, 32, 32),
        (Event.D, 32, 0),
        (Event.E, 0.5, None),
        (Event.F, 32, 32),
        (Event.G, 0.5, None),
        (Event.H, 32, 32),
        (Event.I, 5, 0),
        (Event.J, 32, 0),
        (Event.K, 5, 0),
        (Event.L, 32, 32),
        (Event.M, 32, 32),
    ],
)
def test_each_timer_has_the_length_of_table_4(
    timer: Event, unreliable: float, reliable: float | None
) -> None:
    assert Machine(CLIENT_INVITE, reliable=False).wait_s(timer) == unreliable
    assert Machine(CLIENT_INVITE, reliable=True).wait_s(timer) == reliable


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (100, Event.PROVISIONAL),
        (199, Event.PROVISIONAL),
        (200, Event.SUCCESS),
        (299, Event.SUCCESS),
        (300, Event.FAILURE),
    ],
)
def test_statuses_are_classed(status: int, event: Event) -> None:
    assert status_event(status) is event


def test_the_diagrams_of_the_documentation_are_the_tables() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sip.md").read_text()
    assert text.endswith(chapter())

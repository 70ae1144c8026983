"""The hold queue is fair, and an open request is told without telling what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import select

from callflow.codec import LINE_EFFECTS, STATES
from callflow.effects import Gather, Prompt, Transfer
from callflow.events import DigitsPressed, HungUp, PromptFinished, TimedOut, TransferAnswered, TransferFailed
from callflow.flow import Flow
from callflow.moments import day_words
from callflow.session import Sessions
from callflow.store import Call, Card, Store, Tx
from tests.support.flows import checked
from tests.support.reception import OneFlow, Telephone, sessions
from tests.support.stores import NOW, Clock

FLOW = """
flow: test
start: gruss
everywhere: {"0": warten, "9": wahl}
nodes:
  gruss: {say: {text: Im Notfall wählen Sie 112., then: stand}}
  stand: {status: {then: warten, none: warten}}
  warten: {wait: {destination: empfang, callback: rueckruf, given_up: rueckruf}}
  wahl: {menu: {text: Zum Warten die 1., choices: {"1": warten}, no_input: warten, no_match: warten}}
  rueckruf: {callback: {then: ende}}
  ende: {hangup: {}}
"""


def flow() -> Flow:
    found, problems = checked(FLOW)
    assert found is not None, problems
    return found


@pytest.fixture
def house(store: Store, clock: Clock) -> Sessions:
    return replace(sessions(store, clock), flows=OneFlow(flow()))


def minutes(phone: Telephone, house: Sessions) -> str:
    """Tell the expected wait as the engine was told it."""
    call = house.store.read_now(lambda tx: tx.get_one(Call, phone.call))
    return dict(STATES.validate_json(call.state).variables)["queue.minutes"]


async def waiting(house: Sessions, clock: Clock, number: str) -> Telephone:
    clock.forward(seconds=1)
    return await (await Telephone(house, number).dial()).listen()


def position(phone: Telephone, house: Sessions) -> str:
    """Tell the position as the engine was told it."""
    call = house.store.read_now(lambda tx: tx.get_one(Call, phone.call))
    return dict(STATES.validate_json(call.state).variables)["queue.position"]


def node(phone: Telephone, house: Sessions) -> str:
    """Tell where in the flow the call is."""
    call = house.store.read_now(lambda tx: tx.get_one(Call, phone.call))
    return STATES.validate_json(call.state).node


async def test_the_first_caller_rings_and_the_others_hold_with_their_positions(
    house: Sessions, clock: Clock
) -> None:
    phones = [await waiting(house, clock, f"+49171123456{index}") for index in range(3)]
    assert [type(phone.effect) for phone in phones] == [Transfer, Gather, Gather]
    assert [position(phone, house) for phone in phones] == ["1", "2", "3"]


async def test_when_the_first_is_answered_the_next_one_rings(house: Sessions, clock: Clock) -> None:
    first, second, third = [await waiting(house, clock, f"+49171123456{index}") for index in range(3)]
    await first.tell(TransferAnswered())
    await third.tell(TimedOut())
    assert isinstance(third.effect, Gather)
    await second.tell(TimedOut())
    assert isinstance(second.effect, Transfer)


async def test_an_unanswered_ring_keeps_its_place(house: Sessions, clock: Clock) -> None:
    first, second = [await waiting(house, clock, f"+49171123456{index}") for index in range(2)]
    await first.tell(TransferFailed("busy"))
    await second.tell(TimedOut())
    assert isinstance(second.effect, Gather)
    await first.tell(TimedOut())
    assert isinstance(first.effect, Transfer)


async def test_who_hangs_up_frees_the_place(house: Sessions, clock: Clock) -> None:
    first, second = [await waiting(house, clock, f"+49171123456{index}") for index in range(2)]
    await first.tell(HungUp())
    await second.tell(TimedOut())
    assert isinstance(second.effect, Transfer)


async def test_a_call_that_was_lost_long_ago_holds_no_place(house: Sessions, clock: Clock) -> None:
    await waiting(house, clock, "+491711234560")
    clock.forward(hours=3)
    assert isinstance((await waiting(house, clock, "+491711234561")).effect, Transfer)


async def test_nobody_is_told_how_long_it_takes_before_it_was_measured(house: Sessions, clock: Clock) -> None:
    phones = [await waiting(house, clock, f"+49171123456{index}") for index in range(2)]
    assert [minutes(phone, house) for phone in phones] == ["", ""]


async def test_who_waits_hears_how_long_others_have_waited_for_one_place(
    house: Sessions, clock: Clock
) -> None:
    phones = [await waiting(house, clock, f"+49171123456{index}") for index in range(4)]
    await phones[0].tell(TransferAnswered())
    for phone in phones[1:]:
        clock.forward(minutes=3)
        await phone.tell(TimedOut())
        await phone.tell(TransferAnswered())
    ahead, last = [await waiting(house, clock, f"+49171123457{index}") for index in range(2)]
    assert isinstance(ahead.effect, Transfer)
    assert (position(last, house), minutes(last, house)) == ("2", "4")


async def leave_a_card(house: Sessions) -> None:
    await (await Telephone(house).dial()).tell(HungUp())


async def status_told(house: Sessions) -> dict[str, str]:
    """Call again and return the facts that the status was told with, {} if none was known."""
    phone = await Telephone(house).dial()
    await phone.tell(PromptFinished())
    call = house.store.read_now(lambda tx: tx.get_one(Call, phone.call))
    effect = LINE_EFFECTS.validate_json(call.reaction)
    prompts = [prompt for prompt in effect.spoken if isinstance(prompt, Prompt) and prompt.name == "status"]
    values = dict(prompts[0].values) if prompts else {}
    return {name: value for name, value in values.items() if name.startswith("request.")}


async def test_nobody_without_a_request_is_told_of_one(house: Sessions) -> None:
    assert await status_told(house) == {}


@pytest.mark.parametrize(("status", "state"), [("open", "open"), ("claimed", "working"), ("closed", "done")])
async def test_a_request_is_told_as_it_stands_and_never_what_it_is_about(
    house: Sessions, store: Store, clock: Clock, status: str, state: str
) -> None:
    await leave_a_card(house)

    def work_on(tx: Tx) -> None:
        card = tx.exec(select(Card)).one()
        card.status = status
        card.closed_at = NOW if status == "closed" else None

    await store.write(work_on)
    clock.forward(days=1)
    assert await status_told(house) == {"request.state": state, "request.since": "gestern"}


async def test_a_request_done_long_ago_is_none(house: Sessions, store: Store, clock: Clock) -> None:
    await leave_a_card(house)

    def close(tx: Tx) -> None:
        card = tx.exec(select(Card)).one()
        card.status, card.closed_at = "closed", NOW

    await store.write(close)
    clock.forward(days=15)
    assert await status_told(house) == {}


@pytest.mark.parametrize(
    ("ago", "german", "english"),
    [
        (0, "heute", "today"),
        (1, "gestern", "yesterday"),
        (3, "Freitag", "Friday"),
        (12, "dem 11. November", "November 11"),
    ],
)
def test_a_day_is_said_as_people_say_it(ago: int, german: str, english: str) -> None:
    today = date(2026, 11, 23)
    assert day_words(today - timedelta(days=ago), today) == german
    assert day_words(today - timedelta(days=ago), today, "en") == english


async def test_who_leaves_the_wait_for_a_menu_and_comes_back_has_the_old_place(
    house: Sessions, clock: Clock
) -> None:
    _, second, third = [await waiting(house, clock, f"+49171123456{index}") for index in range(3)]
    await second.tell(DigitsPressed("9"))
    assert node(second, house) == "wahl"
    await third.tell(TimedOut())
    assert position(third, house) == "2"  # who is in the menu holds nobody up
    await second.tell(DigitsPressed("1"))
    await third.tell(TimedOut())
    assert [position(phone, house) for phone in (second, third)] == ["2", "3"]

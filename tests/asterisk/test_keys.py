"""A key counts once, however often Asterisk tells it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.effects import Gather, HangUp
from callflow.events import CallStarted, DigitsPressed, Event
from callflow.session import Reaction
from sip.asterisk_keys import AGAIN_S, ToldKeys
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, desk, line_up
from tests.support.simple_phone import Phone


class Asking:
    """Sessions that ask for digits once and remember the answer."""

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.heard: asyncio.Queue[Event] = asyncio.Queue()

    async def happened(self, _call: str, turn: int, event: Event) -> Reaction:
        if isinstance(event, CallStarted):
            return Reaction(1, Gather((), digits=self.digits, first_ms=20_000, between_ms=2000))
        self.heard.put_nowait(event)
        return Reaction(2, HangUp()) if isinstance(event, DigitsPressed) else Reaction(turn)

    async def lost(self, _line: str, _holding: object) -> list[str]:
        return []


@pytest.mark.parametrize("keys", ["123456789", "1111111"])
async def test_keys_that_arrive_without_a_gap_count_once_each(
    keys: str, switch: Asterisk, ports: practice.Ports, patient: Phone
) -> None:
    """Asterisk tells nearly every one of them twice."""
    asking = Asking(digits=len(keys) + 1)
    shared = desk(switch, practice.plan(ports), asking, Coder(), {})
    async with line_up(practice.access(ports), shared) as line, asyncio.timeout(30):
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711234567")
        await talk.until(lambda: bool(talk.sound.heard))
        for key in keys:
            await talk.sound.press(key)
        assert await asking.heard.get() == DigitsPressed(keys)
        await talk.ended.wait()
        await line.drained()


AT = datetime(2026, 11, 23, tzinfo=UTC).timestamp()


def test_an_end_told_again_is_the_same_key() -> None:
    told = ToldKeys()
    told.begins("1")
    assert told.ends("1", "80", AT)
    assert not told.ends("1", "80", AT + 0.1)


def test_an_end_whose_begin_the_network_lost_is_a_key() -> None:
    told = ToldKeys()
    assert told.ends("1", "80", AT)
    assert told.ends("2", "80", AT + 0.2)
    assert told.ends("1", "80", AT + AGAIN_S)


def test_the_same_key_pressed_twice_is_two_keys() -> None:
    told = ToldKeys()
    told.begins("1")
    first = told.ends("1", "80", AT)
    told.begins("1")
    assert (first, told.ends("1", "80", AT + 0.1)) == (True, True)


@given(st.lists(st.tuples(st.sampled_from("0123456789*#"), st.booleans()), max_size=20))
def test_whatever_is_put_back_each_key_counts_once(keys: list[tuple[str, bool]]) -> None:
    """A key that was put back is told again before the next one begins, or after that one began."""
    told, counted, waiting = ToldKeys(), "", ""
    for number, (key, put_back) in enumerate(keys):
        at = AT + number * 0.1
        told.begins(key)
        again = waiting and told.ends(waiting, "80", at)
        counted += (waiting if again else "") + (key if told.ends(key, "80", at) else "")
        waiting = key if put_back else ""
    assert len(counted) == len(keys)

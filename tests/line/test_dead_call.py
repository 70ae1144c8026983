"""A caller whose sound has died does not hold a line for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.effects import Gather, LineEffect
from callflow.events import CallStarted, HungUp
from callflow.frames import Happening
from sip.caller import SmallPhone
from tests.line.house import clip, running


def ask(told: Happening) -> LineEffect | None:
    return Gather((clip("menu"),), first_ms=3_600_000) if isinstance(told.event, CallStarted) else None


@pytest.mark.parametrize("line", ["embedded", "pyvoip"])
async def test_a_call_without_sound_is_ended_told_as_an_error_and_its_caller_hears_a_bye(
    tmp_path: Path, line: str
) -> None:
    async with running(tmp_path, ask, kind=line, media_timeout_s=6) as house, SmallPhone() as phone:
        talk = phone.dial(house.uri, "+491711234567")
        assert await talk.answered(20)
        assert await talk.hearing.until(lambda: talk.hearing.spoke, 20)
        talk.stream.hold("inactive")
        assert await talk.ended == "caller"
        await house.app.until(lambda: HungUp("error") in house.app.events())
    assert [event for event in house.app.events() if isinstance(event, HungUp)] == [HungUp("error")]

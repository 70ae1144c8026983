"""What the caller hears of a destination that rings without sound of its own: one ringing tone, unbroken."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

from callflow.effects import HangUp, LineEffect, Transfer
from callflow.events import CallStarted, HungUp, TransferFailed
from callflow.frames import Happening
from callflow.g711 import FRAME
from sip.caller import SmallPhone
from sip.line_config import Destination
from sip.media.recording import dbfs
from tests.line.house import running
from tests.sip.peer import LIMIT_S, answer_to, bare_peer

HOST = "127.0.0.1"
FRAMES_PER_S = 50
LOUD_DBFS = -40  # the tone has -27, and between its tones nothing is heard at all
# Seconds between responses: they fall into tones and pauses, early and late.
PAUSES_S = (0.4, 0.9, 1.7, 2.1, 0.3, 0.8, 0.9)
PROVISIONAL = (180, 183, 180, 181, 182)


def passes_on(told: Happening) -> LineEffect | None:
    if isinstance(told.event, CallStarted):
        return Transfer((), "empfang", ring_ms=60_000)
    return HangUp(()) if isinstance(told.event, TransferFailed) else None


def turns(alaw: bytes) -> list[int]:
    """Give the frames at which a tone begins or ends."""
    loud = [dbfs(alaw[at : at + FRAME]) > LOUD_DBFS for at in range(0, len(alaw) - FRAME + 1, FRAME)]
    return [at for at, (before, after) in enumerate(pairwise([False, *loud])) if before != after]


async def test_the_ringing_tone_goes_on_unbroken_however_often_the_destination_says_that_it_rings(
    tmp_path: Path,
) -> None:
    async with bare_peer() as far, SmallPhone() as phone:
        destination = Destination(uri=f"sip:100@{HOST}:{far.port}", method="bridge")
        async with running(tmp_path, passes_on, {"empfang": destination}) as house:
            talk = phone.dial(house.uri, "+491711234567")
            assert await talk.answered(LIMIT_S)
            invite = await far.request("INVITE")
            extra = f"Contact: <sip:far@{HOST}:{far.port}>"
            for number, pause in enumerate(PAUSES_S):
                far.send(answer_to(invite, PROVISIONAL[number % len(PROVISIONAL)], "far", extra=extra))
                await asyncio.sleep(pause)  # of the loop's own time, which does not wait for the clock's
            far.send(answer_to(invite, 486, "far"))
            assert await talk.over(LIMIT_S) == "caller"
            await house.app.until(lambda: HungUp("us") in house.app.events())
    gaps = [
        round((after - before) / FRAMES_PER_S, 1)
        for before, after in pairwise(turns(bytes(talk.hearing.alaw)))
    ]
    assert gaps == [1.0, 4.0, 1.0]

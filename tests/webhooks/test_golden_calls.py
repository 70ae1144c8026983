"""The golden calls, carried by Twilio: the same flow as TwiML, repeated requests or not."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from callflow import numbers
from callflow.directory import Recognition
from callflow.golden import ZONE, Case, Scene, read_case
from callflow.prompts.cache import Cache
from callflow.session import Sessions
from callflow.store import Store
from tests.support.flows import golden_calls
from tests.support.left_behind import expected, left_behind
from tests.support.reception import DIALLED, OneFlow, Silence, example_flow, handlers
from tests.support.twilio_caller import TwilioCall
from webhooks.signature import Signature
from webhooks.twiml import Site, Target
from webhooks.voice import Voice

CALLS = golden_calls("praxis")
TOKEN = "a-token-of-the-tests"
PUBLIC = "https://praxis.example"
BASE = f"{PUBLIC}/webhooks"
DIAL = {
    "answered": "completed",
    "busy": "busy",
    "no_answer": "no-answer",
    "refused": "failed",
    "failed": "failed",
}


def _line(store: Store, case: Case, folder: Path) -> FastAPI:
    app = FastAPI()
    site = Site(BASE, {"empfang": Target(number="+4935199")})
    at = case.at.replace(tzinfo=ZONE)
    house = Sessions(store, OneFlow(example_flow()), Silence(), handlers(), Recognition(), lambda: at)
    voice = Voice("twilio", house, site, Signature(TOKEN, PUBLIC), Cache(folder), house.clock)
    app.include_router(voice.router())
    return app


class Story:
    """Plays a golden call's scenes."""

    def __init__(self, call: TwilioCall) -> None:
        self.call = call
        self._heard = 0

    async def play(self, scene: Scene) -> None:
        if scene.hears:
            await self._hear(scene.hears)
        elif scene.presses:
            await self.call.press(scene.presses)
        elif scene.does == "hangs up":
            await self.call.hang_up()
        elif scene.does == "waits":
            await self.call.wait()
        elif scene.answer:
            await self.call.dialled_out(DIAL[scene.answer])
        elif scene.speaks is not None:
            await self.call.speak(scene.speaks)

    async def _hear(self, names: tuple[str, ...]) -> None:
        wanted = list(names)
        while len(self.call.heard) < self._heard + len(wanted) and self.call.asked is not None:
            await self.call.wait()  # an announcement that keys may stop goes on by itself
        assert self.call.heard[self._heard : self._heard + len(wanted)] == wanted
        self._heard += len(wanted)


@pytest.mark.parametrize("times", [1, 2], ids=["once", "each request twice"])
@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
async def test_the_golden_call_goes_over_twilio_as_it_is_written(
    path: Path, times: int, store: Store, tmp_path: Path
) -> None:
    case = read_case(path)
    caller = numbers.e164(case.number) or "anonymous"
    transport = httpx.ASGITransport(_line(store, case, tmp_path))
    async with httpx.AsyncClient(transport=transport) as client:
        call = TwilioCall(client, BASE, TOKEN, caller, DIALLED, times=times)
        await call.begin()
        story = Story(call)
        for scene in case.story:
            await story.play(scene)
    assert call.ended
    assert left_behind(store) == expected(case)

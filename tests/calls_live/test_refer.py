"""REFER from both lines to an independent phone, which calls a second SIP peer."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.effects import HangUp, LineEffect, Transfer
from callflow.events import CallStarted, HungUp, TransferAnswered, TransferFailed, TransferProblem
from callflow.frames import Happening
from sip.line_config import Destination
from tests.calls_live.phones import MOBILE, Baresip, sipp
from tests.line.house import clip, running
from tests.support.ports import free_port

PATIENCE_S = 20  # the app here is in one loop with the line: where one is held up, both are
pytestmark = pytest.mark.asyncio(loop_scope="package")


def transfer(told: Happening) -> LineEffect | None:
    if isinstance(told.event, CallStarted):
        return Transfer((), "empfang", ring_ms=30_000)
    return HangUp((clip("bye"),)) if isinstance(told.event, TransferFailed) else None


@pytest.mark.parametrize("kind", ["embedded", "pyvoip"])
async def test_a_caller_is_passed_on_by_refer(phone: Baresip, tmp_path: Path, kind: str) -> None:
    port = free_port()
    desk = {"empfang": Destination(uri=f"sip:100@127.0.0.1:{port}")}
    async with (
        sipp("answer.xml", port) as reception,
        running(tmp_path, transfer, desk, kind=kind, answer_s=PATIENCE_S) as house,
    ):
        call = await (await phone.dial(house.uri, MOBILE, follow_refer=True)).answered()
        await house.app.until(lambda: HungUp("us") in house.app.events())
        await call.over()
        await phone.hang_up_all()
        assert await reception.done() == 0
    assert house.app.events()[1:] == [TransferAnswered(), HungUp("us")]


@pytest.mark.parametrize("kind", ["embedded", "pyvoip"])
@pytest.mark.parametrize(("scenario", "problem"), [("busy.xml", "busy"), ("decline.xml", "refused")])
async def test_a_caller_whom_the_destination_does_not_take_stays_with_us(
    phone: Baresip, tmp_path: Path, kind: str, scenario: str, problem: TransferProblem
) -> None:
    port = free_port()
    desk = {"empfang": Destination(uri=f"sip:100@127.0.0.1:{port}")}
    async with (
        sipp(scenario, port) as reception,
        running(tmp_path, transfer, desk, kind=kind, answer_s=PATIENCE_S) as house,
    ):
        call = await (await phone.dial(house.uri, MOBILE, follow_refer=True)).answered()
        await call.over()
        await house.app.until(lambda: HungUp("us") in house.app.events())
        assert await reception.done() == 0
    assert house.app.events()[1:] == [TransferFailed(problem), HungUp("us")]

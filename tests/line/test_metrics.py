"""What a line counts reaches whoever watches the house, and each call's sound its record."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from callflow.effects import Gather, HangUp, LineEffect
from callflow.events import CallStarted, HungUp
from callflow.frames import Happening
from callflow.metrics import Gauges
from callflow.quality import SoundQuality
from sip import process
from sip.caller import SmallPhone
from sip.process import Line
from sip.signalling.phone_settings import LOOPBACK, Account, Listen, PhoneSettings
from tests.line.house import clip, line_config, running
from tests.sip.registrar import registrar
from webhooks import metrics


def goodbye(told: Happening) -> LineEffect | None:
    return None if isinstance(told.event, HungUp) else HangUp((clip("bye"),))


def listening(told: Happening) -> LineEffect | None:
    return Gather((clip("menu"),), first_ms=600_000) if isinstance(told.event, CallStarted) else None


def test_figures_are_written_as_prometheus_reads_them() -> None:
    gauges = Gauges()
    gauges.take("telefon", {"active": 2.0, "calls": 7.0, "trunk_up/box": 1.0, "app_slowest_ms": 12.5})
    gauges.take("gone", {"active": 9.0})
    lines = gauges.text(("telefon",)).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'rufweiche_line_connected{line="telefon"} 1',
        'rufweiche_line_active{line="telefon"} 2',
        'rufweiche_line_app_slowest_ms{line="telefon"} 12.5',
        'rufweiche_line_trunk_up{line="telefon",trunk="box"} 1',
        'rufweiche_line_events_total{line="telefon",kind="calls"} 7',
    ]
    assert "# TYPE rufweiche_line_events_total counter" in lines
    assert gauges.trunks() == {"box": True}


def test_no_name_breaks_out_of_its_label() -> None:
    gauges = Gauges()
    gauges.take('a"} 1\nx', {'k"\n': 1.0})
    assert 'kind="k__"' in gauges.text(('a"} 1\nx',))
    assert all("{" in line or line.startswith("#") for line in gauges.text(('a"} 1\nx',)).splitlines())


async def test_a_program_reads_them_at_metrics() -> None:
    app = FastAPI()
    app.include_router(metrics.router(lambda: "rufweiche_line_active 1\n"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        answer = await client.get("/metrics")
    assert (answer.text, answer.headers["content-type"]) == ("rufweiche_line_active 1\n", metrics.FORM)


async def test_bad_input_calls_and_their_sound_are_counted_and_told_to_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "REPORT_S", 0.1)
    async with running(tmp_path, goodbye) as house, SmallPhone() as phone:
        host, port = house.uri.removeprefix("sip:praxis@").split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stray:
            stray.sendto(b"no SIP at all\r\n\r\n", (host, int(port)))
        talk = phone.dial(house.uri, "+491711234567")
        assert await talk.answered(20)
        await talk.over(20)
        await house.app.until(lambda: any(one.get("rtp_sent", 0) > 0 for one in house.app.measured))
        (end,) = [event for event in house.app.events() if isinstance(event, HungUp)]
    figures = house.app.measured[-1]
    malformed = sum(value for name, value in figures.items() if name.startswith("malformed_"))
    assert (figures["calls"], figures["active"], figures["refused"], malformed) == (1, 0, 0, 1)
    assert "internal_error" not in figures
    assert end.sound is not None
    assert (end.sound.loss, end.sound.jitter_ms >= 0) == (0.0, True)


async def until(seen: Callable[[], bool]) -> None:
    while not seen():  # noqa: ASYNC110  figures of a stream have no event
        await asyncio.sleep(0.02)


async def test_the_end_of_a_call_tells_how_both_sides_heard_it(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, listening, kind=kind) as house, SmallPhone() as phone:
        talk = phone.dial(house.uri, "+491711234567")
        assert await talk.answered(20)
        await house.app.until(lambda: bool(house.line.calls))
        (call,) = house.line.calls.values()
        async with asyncio.timeout(20):
            await until(lambda: min(call.sound.received, talk.stream.stats.received) > 1)
            talk.stream.close()  # its last report leaves with that
            await until(lambda: call.sound.remote_loss is not None)
        talk.hang_up()
        await house.app.until(lambda: HungUp("caller") in house.app.events())
        (end,) = [event for event in house.app.events() if isinstance(event, HungUp)]
    assert end.sound is not None
    assert replace(end.sound, jitter_ms=None) == SoundQuality(loss=0.0, remote_loss=0.0)
    assert end.sound.jitter_ms is not None


async def test_a_registration_is_told_as_it_stands(tmp_path: Path) -> None:
    async with registrar() as pbx:
        account = Account("box", "620", "fritz.invalid", registrar=f"127.0.0.1:{pbx.port}")
        phone = PhoneSettings(listen=(Listen("udp", "127.0.0.1", 0),), accounts=(account,), peers=(LOOPBACK,))
        line = Line(line_config(tmp_path, {}, phone=phone))
        stop = asyncio.Event()
        running_line = asyncio.create_task(line.run(stop))
        async with asyncio.timeout(20):
            while not pbx.seen:
                await pbx.inbox.get()
            await line.phone.until_registered("box")  # type: ignore[attr-defined]
        assert line.figures()["trunk_up/box"] == 1.0
        stop.set()
        await running_line

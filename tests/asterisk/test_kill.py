"""The whole house behind a real Asterisk, killed while callers are in the menu."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from callflow.plan import Plan
from callflow.sealing import Sealer, load_key
from callflow.store import Call, Card, Store
from tests.support import asterisk_site as practice
from tests.support import rendered
from tests.support.asterisk_box import Asterisk
from tests.support.ports import free_port
from tests.support.simple_phone import Phone, Talk
from tests.support.watch import watching

ROOT = Path(__file__).parents[2]
CALLERS = [f"+4917112345{n:02}" for n in range(10)]


@pytest.fixture
def own(ports: practice.Ports) -> practice.Ports:
    return practice.Ports(pbx=ports.pbx, provider=ports.provider)


@pytest.fixture
def switch(classic: Asterisk, own: practice.Ports) -> Iterator[Asterisk]:
    """Our Asterisk, which waits for a sign of life as long as in a practice."""
    assert classic.daemon.process.poll() is None
    asterisk = practice.switch(practice.plan(own), grace=practice.Site().grace_seconds)
    yield asterisk
    asterisk.stop()


@pytest.fixture
def config(tmp_path: Path, switch: Asterisk, own: practice.Ports) -> Path:
    """The example practice with the tests' number plan."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    outside, inside = switch.folder.outside, switch.folder.inside
    plan = json.loads(practice.plan(own).model_dump_json())
    plan["lines"]["anlage"] |= {
        "sounds": str(outside / "sounds"),
        "sounds_in_asterisk": str(inside / "sounds"),
        "recordings": str(outside / "recordings"),
        "recordings_in_asterisk": str(inside / "recordings"),
    }
    Plan.model_validate(plan)
    (folder / "lines.yaml").write_text(json.dumps(plan))  # JSON is YAML
    return folder


@contextlib.asynccontextmanager
async def serving(
    config: Path, data: Path
) -> AsyncIterator[tuple[subprocess.Popen[bytes], httpx.AsyncClient]]:
    """Run the house in a process group of its own, until its line is up."""
    http = free_port()
    rendered.lend(data.parents[1] / "rendered", data)
    process = subprocess.Popen(  # noqa: ASYNC220  # starting takes milliseconds, and kill needs the plain handle
        [
            *(sys.executable, "-m", "callflow", "serve", "--data", str(data), "--config", str(config)),
            *("--http", f"127.0.0.1:{http}", "--sip", f"127.0.0.1:{free_port()}"),
            *("--prompts", str(ROOT / "ivr_prompts")),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "RUFWEICHE_AMI_SECRET": practice.SECRET},
        start_new_session=True,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as web, asyncio.timeout(150):
            while not await line_up(web):
                assert process.poll() is None
                await asyncio.sleep(0.1)
            yield process, web
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def kill(house: subprocess.Popen[bytes], data: Path) -> None:
    """End everything of the house as a power cut would; its processes have groups of their own."""
    log = (data / "log" / "serve.log").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in log]
    children = {entry["number"] for entry in entries if entry["event"] == "process started"}
    house.kill()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


async def line_up(web: httpx.AsyncClient) -> bool:
    try:
        answer = await web.get("/health")
    except httpx.HTTPError:
        return False
    return bool(answer.json()["trunks"].get("pbx"))


def cards(data: Path) -> list[tuple[str, str]]:
    store = Store(data / "rufweiche.db", Sealer(load_key(data / "key")))
    try:
        return sorted((c.number, c.kind) for c in store.read_now(lambda tx: tx.exec(select(Card)).all()))
    finally:
        store.close()


def calls(data: Path) -> list[tuple[str, str]]:
    store = Store(data / "rufweiche.db", Sealer(load_key(data / "key")))
    try:
        return sorted((c.number, c.outcome) for c in store.read_now(lambda tx: tx.exec(select(Call)).all()))
    finally:
        store.close()


@pytest.mark.timeout(240)
async def test_callers_of_a_killed_house_reach_the_reception_and_leave_cards(  # noqa: PLR0913, PLR0917  # fixtures
    tmp_path: Path,
    config: Path,
    own: practice.Ports,
    switch: Asterisk,
    patient: Phone,
    reception: Phone,
    speaking: rendered.Speaking,
    record_property: Callable[[str, object], None],
) -> None:
    data = tmp_path / "data"
    await asyncio.to_thread(speaking.finish)
    async with serving(config, data) as (house, _):
        talks = [
            await patient.call(practice.NUMBER, practice.OURS, own.sip, caller=caller) for caller in CALLERS
        ]
        for talk in talks:
            await talk.until(lambda: len(talk.sound.heard) > 25)  # noqa: B023  # awaited before it changes
        async with watching() as watch:
            kill(house, data)
            rung, after = await all_ring(reception)
        record_property("seconds until each caller rang", after)
        print("after the kill each caller rang within", *(f"{seconds:.2f} s" for seconds in after))  # noqa: T201  # shown with -rP
        assert len(after) == len(CALLERS)
        assert max(after) - watch.held <= 5
        for human in rung:
            await human.until(lambda: len(human.sound.heard) > 5)  # noqa: B023  # as above
        assert not any(talk.ended.is_set() for talk in talks)
        # One who calls while the house is dead hears it ring and reaches the reception too.
        late = await patient.call(practice.NUMBER, practice.OURS, own.sip, caller="+4917199999999")
        async with asyncio.timeout(30):
            rung.append(await reception.arrived.get())
        await rung[-1].until(lambda: len(rung[-1].sound.heard) > 5)
        await over([*talks, late], rung)
    wanted = [*((caller, "missed") for caller in CALLERS), ("+4917199999999", "transferred")]
    async with serving(config, data):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while await asyncio.to_thread(calls, data) != wanted:  # noqa: ASYNC110  # another process writes
                    await asyncio.sleep(0.1)
    assert calls(data) == wanted
    assert cards(data) == [(caller, "missed") for caller in CALLERS]
    assert switch.daemon.process.poll() is None


async def all_ring(reception: Phone) -> tuple[list[Talk], list[float]]:
    """Return what arrives at the reception, and after how many seconds each."""
    clock = asyncio.get_running_loop().time
    began, rung, after = clock(), list[Talk](), list[float]()
    async with asyncio.timeout(30):
        for _ in CALLERS:
            rung.append(await reception.arrived.get())
            after.append(round(clock() - began, 2))
    return rung, after


async def over(talks: list[Talk], rung: list[Talk]) -> None:
    for talk in talks:
        talk.hang_up()
    async with asyncio.timeout(30):
        for human in rung:
            await human.ended.wait()

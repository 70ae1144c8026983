"""The line as a process of its own: its command line, its signals, its exit status."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sip.caller import SmallPhone
from sip.line_config import LineConfig
from sip.signalling.phone_settings import Listen, PhoneSettings
from tests.line.house import heard, line_config, make_clips

LONG_MS = 2000  # a process that is held up for a moment leaves out what it should have said meanwhile


@asynccontextmanager
async def started(config: LineConfig, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    config.save(folder / "line.json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sip.process", "--config", str(folder / "line.json")),
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:  # a test that fails leaves nothing to the next
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process, event: str) -> dict[str, object]:
    """Wait for a line of the log."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while True:
            logged: dict[str, object] = json.loads(await process.stderr.readline())
            if logged["event"] == event:
                return logged


async def test_the_process_takes_calls_until_sigterm_and_ends_with_zero(tmp_path: Path) -> None:
    config = line_config(tmp_path, {})
    make_clips(config.prompts, LONG_MS)
    async with started(config, tmp_path) as process, SmallPhone() as phone:
        await line_of(process, "line up")
        assert config.ready is not None
        (udp,) = json.loads(config.ready.read_text())["sip"]
        talk = phone.dial(f"sip:praxis@127.0.0.1:{udp[2]}", "+4930123")
        assert await talk.answered(30)
        assert await talk.hearing.until(lambda: talk.hearing.spoke, 30)
        process.send_signal(signal.SIGTERM)
        assert await talk.over(20) == "caller"
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert heard(bytes(talk.hearing.alaw)) == ["fallback", "sorry"]


async def test_a_port_in_use_ends_the_process_with_one_and_names_the_address(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        phone = PhoneSettings(listen=(Listen("udp", "127.0.0.1", port),))
        async with started(line_config(tmp_path, {}, phone=phone), tmp_path) as process:
            logged = await line_of(process, "line cannot start")
            assert await asyncio.wait_for(process.wait(), 30) == 1
    assert str(port) in str(logged["error"])


def test_the_configuration_file_is_for_its_owner_alone_and_reads_back_the_same(tmp_path: Path) -> None:
    config = line_config(tmp_path, {})
    config.save(tmp_path / "line.json")
    assert (tmp_path / "line.json").stat().st_mode & 0o777 == 0o600
    assert LineConfig.load(tmp_path / "line.json") == config

"""Independent phones for live calls: baresip as the caller, sipp as the destination of transfers."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import baresip
import numpy as np

from callflow.g711 import FRAME, to_alaw
from sip.hearing import Hearing
from tests.sip.sipp import bound

SCENARIOS = Path(__file__).parent / "scenarios"
MOBILE = "+491711234567"
LANDLINE = "+493012345678"


@dataclass(slots=True)
class BaresipCall:
    """One call of the baresip phone, with an ear."""

    call: baresip.Call
    established: asyncio.Event
    closed: asyncio.Event
    hearing: Hearing = field(default_factory=Hearing)
    _pcm: bytes = b""
    _ear: asyncio.Task[None] | None = None

    async def answered(self) -> Self:
        waiting = [asyncio.create_task(event.wait()) for event in (self.established, self.closed)]
        await asyncio.wait(waiting, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        assert self.established.is_set(), "not answered"
        self._ear = asyncio.create_task(self._listen())
        return self

    async def press(self, *groups: str, quiet_s: float = 0.8) -> None:
        """Press each group once the far side has spoken and fallen silent."""
        for keys in groups:
            assert await self.hearing.silence(quiet_s, 30), "the far side never stopped speaking"
            self.hearing.forget()
            await self.call.send_dtmf(keys)

    async def press_now(self, keys: str) -> None:
        self.hearing.forget()
        await self.call.send_dtmf(keys)

    async def hears(self, limit_s: float = 30) -> None:
        """Wait until the far side speaks."""
        assert await self.hearing.until(lambda: self.hearing.spoke, limit_s), "nothing was heard"

    async def hang_up(self) -> None:
        with contextlib.suppress(baresip.BaresipError):
            await self.call.hangup()
        await self.over()

    async def over(self, limit_s: float = 60) -> None:
        """Wait for the call's end."""
        await asyncio.wait_for(self.closed.wait(), limit_s)

    async def _listen(self) -> None:
        # baresip offers received sound for polling only.
        while not self.closed.is_set():
            with contextlib.suppress(baresip.AudioNotActive, baresip.AudioRestarted):
                self._take(self.call.audio.read(1 << 16))
            await asyncio.sleep(0.02)
        self.hearing.close()

    def _take(self, pcm: bytes) -> None:
        self._pcm += pcm
        while len(self._pcm) >= 2 * FRAME:
            frame, self._pcm = self._pcm[: 2 * FRAME], self._pcm[2 * FRAME :]
            self.hearing.write(to_alaw(np.frombuffer(frame, dtype=np.int16)))


class Baresip:
    """The baresip stack of this process; one user agent per calling number.

    Its own `wait_established` misses an answer that comes before `dial` has returned, which ours do: here
    all events are collected from the start, by call.

    Args:
        ca: certificate authority that TLS servers must be signed by.
    """

    def __init__(self, ca: Path) -> None:
        self._ca = ca
        self._runtime = baresip.Runtime()
        self._agents: dict[str, baresip.UserAgent] = {}
        self._transferred: list[baresip.Call] = []
        self._events: defaultdict[tuple[int, baresip.Event], asyncio.Event] = defaultdict(asyncio.Event)

    async def __aenter__(self) -> Self:
        await self._runtime.start(
            baresip.Config(
                net_interface="127.0.0.1",
                max_concurrent_calls=None,
                extra_config_text=f"sip_cafile {self._ca}\nsip_verify_server yes\n",
            )
        )
        self._runtime.subscribe(lambda event: self._events[event.call, event.event].set())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runtime.close()

    async def dial(
        self, target: str, number: str, *, follow_refer: bool = False, secure: bool = False
    ) -> BaresipCall:
        """Call `target` as `number`.

        Args:
            target: SIP URI.
            number: who calls.
            follow_refer: go where a REFER sends it.
            secure: speak TLS, and have no call without SRTP.
        """
        if number not in self._agents:
            account = baresip.Account(
                number,
                "127.0.0.1",
                "",
                reg_interval=0,
                transport="tls" if secure else "udp",
                audio_codecs=("pcma",),
                extra_params=("mediaenc=srtp-mand",) if secure else (),
            )
            policy = "auto" if follow_refer else "reject"
            self._agents[number] = await baresip.UserAgent.create(
                self._runtime, account, transfer_policy=policy
            )
            self._agents[number].on_transfer_call(self._transferred.append)
        call = await self._agents[number].dial(target)
        seen = (
            self._events[call.handle, kind]
            for kind in (baresip.Event.CALL_ESTABLISHED, baresip.Event.CALL_CLOSED)
        )
        return BaresipCall(call, *seen)

    async def hang_up_all(self) -> None:
        """End the calls that REFERs have led to."""
        while self._transferred:
            with contextlib.suppress(baresip.StaleHandleError):  # its own end came first
                await self._transferred.pop().hangup()


@dataclass(slots=True)
class Sipp:
    """A sipp process that takes one call."""

    port: int
    process: asyncio.subprocess.Process

    async def done(self, limit_s: float = 60) -> int:
        """Wait for the end of its call and return its exit status: 0 when the scenario went through."""
        return await asyncio.wait_for(self.process.wait(), limit_s)


@asynccontextmanager
async def sipp(scenario: str, port: int, calls: int = 1) -> AsyncIterator[Sipp]:
    """Run a sipp scenario as the called side on `port`."""
    process = await asyncio.create_subprocess_exec(
        "sipp",
        *("-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-p", str(port)),
        # One that was held up finds the INVITE several times, which it would take for a fault.
        *("-default_behaviors", "all,-abortunexp"),
        *("-m", str(calls), "-nostdin", "-timeout", "60s", "-timeout_error"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await bound(port, process)
        yield Sipp(port, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

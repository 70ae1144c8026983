"""Calls over IPv6 from end to end: signalling, session descriptions and sound, with baresip as the peer.

The machine's loopback must have ::1, as every Linux has unless it was taken away; without it these tests fail
and say so, for nothing else would show that IPv6 works.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import baresip
import numpy as np
import pytest

from callflow.effects import Gather, HangUp, LineEffect, Transfer
from callflow.events import CallStarted, DigitsPressed, HungUp, TransferAnswered
from callflow.frames import Happening
from callflow.g711 import to_alaw
from sip.caller import SmallPhone, own_address
from sip.line_config import Destination
from sip.signalling.leg import Leg
from sip.signalling.phone_settings import Listen, PhoneSettings
from tests.line.house import clip, heard, running

LIMIT_S = 30.0
CONFIG = baresip.Config(net_interface="::1", extra_config_text="audio_jitter_buffer_type off\n")
# The app here is in one loop with the line: where one is held up, both are.
SIX = {"phone": PhoneSettings(listen=(Listen("udp", "::1", 0),)), "rtp_host": "::1", "answer_s": LIMIT_S}
ACCOUNT = baresip.Account("anna", "[::1]", "", reg_interval=0, audio_codecs=("pcma",))


@pytest.fixture(autouse=True, scope="module")
def _loopback() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.fail(f"this machine's loopback has no IPv6 (::1): {error}; IPv6 cannot be shown here")


@asynccontextmanager
async def telephone() -> AsyncIterator[baresip.UserAgent]:
    runtime = baresip.Runtime()
    await runtime.start(CONFIG)
    try:
        yield await baresip.UserAgent.create(runtime, ACCOUNT)
    finally:
        await runtime.close()


def menu(told: Happening) -> LineEffect | None:
    """Say the menu for half a minute, so that a slow machine's telephone hears it too; take one key."""
    match told.event:
        case CallStarted():
            return Gather((clip("menu"),) * 50)
        case HungUp():
            return None
    return HangUp((clip("bye"),))


async def listened(call: baresip.Call) -> list[str]:
    """Listen until something of a clip was heard; return its name."""
    pcm = b""
    names: list[str] = []
    async with asyncio.timeout(LIMIT_S):
        while not names:
            await asyncio.sleep(0.05)
            with contextlib.suppress(baresip.BaresipError):  # its sound starts a little later than the call
                pcm += call.audio.read(65_536)
            names = heard(to_alaw(np.frombuffer(pcm, np.int16)))
    return names


async def pressed(call: baresip.Call, key: str) -> None:
    """Press a key as soon as baresip can."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            with contextlib.suppress(baresip.BaresipError):
                await call.send_dtmf(key)
                return
            await asyncio.sleep(0.02)


async def test_a_telephone_over_ipv6_hears_the_prompt_and_its_key_counts(tmp_path: Path) -> None:
    async with running(tmp_path, menu, **SIX) as house, telephone() as anna:
        call = await anna.dial(house.uri)
        assert await listened(call) == ["menu"]
        await pressed(call, "4")
        await house.app.until(lambda: HungUp("us") in house.app.events())
    assert house.app.events()[1:] == [DigitsPressed("4"), HungUp("us")]


def passing_on(told: Happening) -> LineEffect | None:
    return Transfer((), "desk") if isinstance(told.event, CallStarted) else None


async def test_we_call_a_telephone_over_ipv6_and_the_caller_s_keys_reach_it(tmp_path: Path) -> None:
    async with telephone() as desk, SmallPhone("::1") as caller:
        place = await found(desk)
        taken: asyncio.Queue[baresip.Call] = asyncio.Queue()
        keys: asyncio.Queue[str] = asyncio.Queue()
        desk.on_incoming(taken.put_nowait)
        ways = {"desk": Destination(uri=place, method="bridge")}
        async with running(tmp_path, passing_on, ways, **SIX) as house:
            talk = caller.dial(house.uri)
            assert await talk.answered(LIMIT_S)
            call = await asyncio.wait_for(taken.get(), LIMIT_S)
            call.on_dtmf(lambda event: keys.put_nowait(event.digit))
            await call.answer()
            await house.app.until(lambda: TransferAnswered() in house.app.events())
            await talk.press("7")
            assert await asyncio.wait_for(keys.get(), LIMIT_S) == "7"
            talk.hang_up()
            await house.app.until(lambda: HungUp("caller") in house.app.events())


async def found(desk: baresip.UserAgent) -> str:
    """Find baresip's address: the Contact of a call that it makes, which finds us busy."""
    places: asyncio.Queue[str] = asyncio.Queue()

    def refused(leg: Leg) -> None:
        assert leg.dialog is not None
        places.put_nowait(str(leg.dialog.target))
        leg.refuse(486)

    async with SmallPhone("::1", refused) as other:
        with contextlib.suppress(baresip.BaresipError):
            await desk.dial(other.uri)
        return await asyncio.wait_for(places.get(), LIMIT_S)


def test_the_calling_tool_finds_its_own_address_for_an_ipv6_uri() -> None:
    assert own_address("sip:praxis@[::1]:5060") == "::1"

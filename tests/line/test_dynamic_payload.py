"""A caller whose offer gives A-law or µ-law a number of its own (RFC 3551 3, RFC 3264 6.1)."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from callflow.effects import Gather, HangUp, LineEffect
from callflow.events import CallStarted, DigitsPressed, HungUp
from callflow.frames import Happening
from sip.caller import Talk
from sip.media import rtp
from sip.media.engine import MediaEngine
from sip.signalling.leg import Leg
from sip.signalling.offer import EVENTS, Codec, Local
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Listen, PhoneSettings
from tests.line.house import clip, heard, running

HOST = "127.0.0.1"
KEYS = replace(EVENTS, payload=98)


def _menu(told: Happening) -> LineEffect | None:
    match told.event:
        case CallStarted():
            return Gather((clip("menu"),), digits=1, first_ms=20_000)
        case HungUp():
            return None
    return HangUp((clip("bye"),))


def _refuse(leg: Leg) -> None:
    leg.refuse(486)


@pytest.mark.parametrize("codec", [Codec(96, "PCMA"), Codec(97, "PCMU"), Codec(0, "PCMA"), Codec(8, "PCMU")])
async def test_a_caller_hears_and_is_heard_under_the_numbers_of_its_offer(
    tmp_path: Path, codec: Codec
) -> None:
    engine = MediaEngine(HOST, (43_000, 43_999))
    phone = Phone(PhoneSettings(listen=(Listen("udp", HOST, 0),)), _refuse)
    async with running(tmp_path, _menu) as house:
        engine.start()
        await phone.open()
        stream = engine.open()
        leg = phone.call(house.uri, Local(HOST, stream.port, codecs=(codec, KEYS)), caller="+491711234567")
        talk = Talk(leg, stream)
        assert await talk.answered(20), talk.outcome
        assert await talk.hearing.silence(0.2, 20)
        await talk.press("4")
        await asyncio.wait_for(talk.over(20), 25)
        await house.app.until(lambda: HungUp("us") in house.app.events())
        await phone.close()
        engine.stop()
    assert leg.sound is not None
    assert (leg.sound.codec, leg.sound.events) == (codec, replace(KEYS, fmtp="0-16"))
    assert DigitsPressed("4") in house.app.events()
    assert heard(bytes(talk.hearing.alaw)) == ["menu", "bye"]
    assert talk.hearing.active_dbfs() == pytest.approx(-15.3, abs=0.5)


@pytest.mark.parametrize(
    ("number", "law", "silence"), [(97, rtp.PCMU, 0xFF), (0, rtp.PCMA, 0xD5), (96, 8, 0xD5)]
)
async def test_what_leaves_is_the_law_that_the_number_stands_for(number: int, law: int, silence: int) -> None:
    engine = MediaEngine(HOST, (44_000, 44_999))
    engine.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.settimeout(0)
        stream = engine.open()
        stream.connect(HOST, peer.getsockname()[1], number, laws={number: law})
        packet = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 2000), 20)
        stream.close()
    engine.stop()
    assert (packet[1] & 0x7F, set(packet[12:])) == (number, {silence})

"""A call whose sound is protected by SRTP, over the whole line."""

from __future__ import annotations

import asyncio
from pathlib import Path

from callflow.effects import Gather, HangUp, LineEffect
from callflow.events import CallStarted, DigitsPressed, HungUp
from callflow.frames import Happening
from sip.caller import Talk
from sip.media import srtp
from sip.media.engine import MediaEngine
from sip.signalling.leg import Leg
from sip.signalling.offer import Local
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Listen, PhoneSettings
from sip.signalling.sdp import Crypto
from tests.line.house import clip, heard, running

HOST = "127.0.0.1"


def _menu(told: Happening) -> LineEffect | None:
    match told.event:
        case CallStarted():
            return Gather((clip("menu"),), digits=1, first_ms=10_000)
        case HungUp():
            return None
    return HangUp((clip("bye"),))


def _refuse(leg: Leg) -> None:
    leg.refuse(486)


async def test_a_phone_that_offers_srtp_hears_the_prompts_and_is_heard_protected(tmp_path: Path) -> None:
    engine = MediaEngine(HOST, (42_000, 42_999))
    phone = Phone(PhoneSettings(listen=(Listen("udp", HOST, 0),)), _refuse)
    async with running(tmp_path, _menu) as house:
        engine.start()
        await phone.open()
        stream = engine.open()
        keys = (Crypto(1, srtp.SUITE, stream.srtp_key),)
        leg = phone.call(
            house.uri, Local(HOST, stream.port, crypto=keys, srtp="required"), caller="+491711234567"
        )
        talk = Talk(leg, stream)
        assert await talk.answered(10), talk.outcome
        assert await talk.hearing.silence(0.2, 10)
        await talk.press("4")
        await asyncio.wait_for(talk.over(10), 12)
        await house.app.until(lambda: HungUp("us") in house.app.events())
        await phone.close()
        engine.stop()
    assert leg.sound is not None
    assert leg.sound.remote_crypto is not None
    assert DigitsPressed("4") in house.app.events()
    assert heard(bytes(talk.hearing.alaw)) == ["menu", "bye"]
    assert stream.stats.malformed == 0

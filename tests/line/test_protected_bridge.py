"""Calls that we make to a destination, protected as its trunk demands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callflow.effects import HangUp, LineEffect, Transfer
from callflow.events import CallStarted, Event, HungUp, TransferAnswered, TransferFailed
from callflow.frames import Happening
from sip.caller import SmallPhone
from sip.line_config import Destination
from sip.media import srtp
from sip.media.engine import MediaEngine, Stream
from sip.parts import connect
from sip.signalling.leg import Leg
from sip.signalling.offer import Local, Srtp
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import LOOPBACK, Listen, Peer, PhoneSettings
from sip.signalling.sdp import Crypto
from tests.line.house import clip, running

HOST = "127.0.0.1"


def _transfer(told: Happening) -> LineEffect | None:
    if isinstance(told.event, CallStarted):
        return Transfer((), "empfang", ring_ms=20_000)
    return HangUp((clip("bye"),)) if isinstance(told.event, TransferFailed) else None


@dataclass
class Desk:
    """The destination's telephone; `able` is whether it knows SRTP."""

    able: bool
    engine: MediaEngine
    legs: asyncio.Queue[Leg] = field(default_factory=asyncio.Queue)
    streams: list[Stream] = field(default_factory=list)
    phone: Phone = field(init=False)

    def __post_init__(self) -> None:
        self.phone = Phone(PhoneSettings(listen=(Listen("udp", HOST, 0),)), self._take)

    def _take(self, leg: Leg) -> None:
        stream = self.engine.open()
        self.streams.append(stream)
        leg.on_sound = lambda sound: connect(stream, sound)
        keys = (Crypto(1, srtp.SUITE, stream.srtp_key),) if self.able else ()
        leg.answer(Local(HOST, stream.port, crypto=keys))
        self.legs.put_nowait(leg)


@asynccontextmanager
async def desk(*, able: bool) -> AsyncIterator[Desk]:
    engine = MediaEngine(HOST, (45_000, 45_999))
    engine.start()
    made = Desk(able, engine)
    await made.phone.open()
    try:
        yield made
    finally:
        await made.phone.close()
        engine.stop()


async def _passed_on(folder: Path, wanted: Srtp, *, able: bool) -> tuple[str, list[Event]]:
    """Pass a caller on; give what was agreed about SRTP ("" for no call) and what the app was told."""
    async with desk(able=able) as far, SmallPhone() as caller:
        host, port = far.phone.address()
        trunk = Peer("trunk", ("192.0.2.1",), host=f"{host}:{port}", srtp=wanted)
        phone = PhoneSettings(listen=(Listen("udp", HOST, 0),), peers=(trunk, LOOPBACK))
        reception = {"empfang": Destination(uri="100", method="bridge", line="trunk")}
        async with running(folder, _transfer, reception, phone=phone) as house:
            talk = caller.dial(house.uri, "+491711234567")
            assert await talk.answered(20)
            await house.app.until(lambda: len(house.app.events()) > 1)
            agreed = ""
            if house.app.events()[1] == TransferAnswered():
                leg = await asyncio.wait_for(far.legs.get(), 20)
                assert leg.sound is not None
                agreed = leg.sound.srtp
                async with asyncio.timeout(20):
                    while far.streams[0].stats.received < 3:  # noqa: ASYNC110 - packets have no event
                        await asyncio.sleep(0.02)
                assert far.streams[0].stats.malformed == 0
            talk.hang_up()
            await house.app.until(lambda: any(isinstance(event, HungUp) for event in house.app.events()))
            return agreed, house.app.events()[1:2]


@pytest.mark.parametrize(
    ("wanted", "able", "agreed"),
    [
        ("off", True, "off"),
        ("offered", True, "offered"),
        ("offered", False, "off"),
        ("required", True, "required"),
    ],
)
async def test_a_bridged_call_is_protected_as_its_trunk_wants(
    tmp_path: Path, *, wanted: Srtp, able: bool, agreed: str
) -> None:
    assert await _passed_on(tmp_path, wanted, able=able) == (agreed, [TransferAnswered()])


async def test_where_srtp_is_required_a_destination_without_it_fails_rather_than_speaks_in_the_clear(
    tmp_path: Path,
) -> None:
    assert await _passed_on(tmp_path, "required", able=False) == ("", [TransferFailed("refused")])

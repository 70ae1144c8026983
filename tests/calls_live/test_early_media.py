"""What a caller hears of a destination that we call before it answers (RFC 3960), over real SIP and RTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from callflow.effects import HangUp, LineEffect, Transfer
from callflow.events import CallStarted, HungUp, TransferAnswered, TransferFailed
from callflow.frames import Happening
from sip.caller import SmallPhone, Talk
from sip.hearing import Hearing
from sip.line_config import Destination
from sip.media.engine import MediaEngine, Stream
from sip.signalling.message import Request
from sip.signalling.sdp import read
from sip.signalling.uri import parse_name_addr
from tests.calls_live.phones import MOBILE
from tests.line.house import House, clip, heard, running, tone
from tests.sip.peer import LIMIT_S, Peer, answer_to, bare_peer

HOST = "127.0.0.1"
RINGING = "menu"  # of all clips nearest to 425 Hz, our ringing tone
EARLY, LATER, GOODBYE, SPEECH = "fallback", "sorry", "bye", "bye"
RECENT = 2400  # A-law bytes: the last 0.3 s


def passes_on(told: Happening) -> LineEffect | None:
    if isinstance(told.event, CallStarted):
        return Transfer((), "empfang", ring_ms=30_000)
    return HangUp((clip(GOODBYE),)) if isinstance(told.event, TransferFailed) else None


async def hears(ear: Hearing, name: str) -> None:
    """Wait until nothing but this tone is heard."""
    assert await ear.until(lambda: heard(bytes(ear.alaw[-RECENT:])) == [name], LIMIT_S), (
        f"{name} is not heard, but {heard(bytes(ear.alaw))}"
    )


def repeat(stream: Stream, name: str) -> None:
    """Say the same again and again."""
    stream.play([tone(name)], lambda: repeat(stream, name))


@dataclass
class Desk:
    """A destination written by hand: each of its telephones has a tag, a port for sound, and an ear."""

    peer: Peer
    engine: MediaEngine
    invite: Request = field(init=False)
    ears: dict[str, Hearing] = field(default_factory=dict)

    def telephone(self, tag: str, says: str = "") -> bytes:
        """Put a telephone there that says something, if anything; give its session description."""
        stream, ear = self.engine.open(), Hearing()
        self.ears[tag] = ear
        if says:
            (audio,) = read(self.invite.body)
            stream.connect(HOST, audio.port, event_payload_type=None)
            stream.record(ear)
            repeat(stream, says)
        lines = ("v=0", f"o=- 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0")
        return "\r\n".join((*lines, f"m=audio {stream.port} RTP/AVP 8", "")).encode()

    def answer(self, status: int, tag: str, body: bytes = b"", extra: str = "") -> None:
        contact = f"Contact: <sip:{tag}@{HOST}:{self.peer.port}>\n{extra}"
        self.peer.send(answer_to(self.invite, status, tag, body, contact))

    def hang_up(self, tag: str) -> None:
        """Say BYE."""
        sender = f"{self.invite.headers.get('To')};tag={tag}"
        lines = (
            f"BYE {parse_name_addr(self.invite.headers.get('Contact')).uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.peer.port};branch=z9hG4bK-bye-{tag}",
            f"From: {sender}",
            f"To: {self.invite.headers.get('From')}",
            f"Call-ID: {self.invite.call_id}",
            "CSeq: 1 BYE",
        )
        self.peer.send("\r\n".join((*lines, "", "")).encode())


@asynccontextmanager
async def passed_on(folder: Path) -> AsyncIterator[tuple[House, Talk, Desk]]:
    """Call the line, which calls the destination: its INVITE is there."""
    engine = MediaEngine(HOST)
    engine.start()
    try:
        async with bare_peer() as peer, SmallPhone() as phone:
            desk = Desk(peer, engine)
            destination = Destination(uri=f"sip:100@{HOST}:{peer.port}", method="bridge")
            async with running(folder, passes_on, {"empfang": destination}) as house:
                talk = phone.dial(house.uri, MOBILE)
                assert await talk.answered(LIMIT_S)
                desk.invite = await peer.request("INVITE")
                yield house, talk, desk
    finally:
        engine.stop()


async def test_the_caller_hears_the_destinations_own_ringing_and_then_the_answer(tmp_path: Path) -> None:
    async with passed_on(tmp_path) as (house, talk, desk):
        desk.answer(180, "far")
        await hears(talk.hearing, RINGING)
        desk.answer(183, "far", desk.telephone("far", EARLY))
        await hears(talk.hearing, EARLY)
        assert TransferAnswered() not in house.app.events()
        repeat(talk.stream, SPEECH)
        await hears(desk.ears["far"], SPEECH)
        desk.answer(200, "far", b"")
        await house.app.until(lambda: TransferAnswered() in house.app.events())
        desk.hang_up("far")
        assert await talk.over(LIMIT_S) == "caller"
        await house.app.until(lambda: HungUp("destination") in house.app.events())
    assert heard(bytes(talk.hearing.alaw)) == [RINGING, EARLY]


async def test_another_telephone_of_the_destination_may_answer_than_the_one_that_was_heard(
    tmp_path: Path,
) -> None:
    async with passed_on(tmp_path) as (house, talk, desk):
        desk.answer(183, "first", desk.telephone("first", EARLY))
        await hears(talk.hearing, EARLY)
        desk.answer(200, "second", desk.telephone("second", LATER))
        await hears(talk.hearing, LATER)
        assert (await desk.peer.request("ACK")).to.tag == "second"
        repeat(talk.stream, SPEECH)
        await hears(desk.ears["second"], SPEECH)
        talk.hang_up()
        bye = await desk.peer.request("BYE")
        desk.peer.send(answer_to(bye, 200))
        assert bye.to.tag == "second"
        await house.app.until(lambda: HungUp("caller") in house.app.events())
    assert house.app.events()[1:] == [TransferAnswered(), HungUp("caller")]
    assert heard(bytes(talk.hearing.alaw)) in ([EARLY, LATER], [RINGING, EARLY, LATER])


async def test_a_destination_that_describes_sound_and_sends_none_is_heard_ringing(tmp_path: Path) -> None:
    async with passed_on(tmp_path) as (house, talk, desk):
        body = desk.telephone("far")
        desk.answer(180, "far", body)
        await hears(talk.hearing, RINGING)
        desk.answer(180, "far", body)
        desk.answer(200, "far", desk.telephone("far", LATER))
        await hears(talk.hearing, LATER)
        await house.app.until(lambda: TransferAnswered() in house.app.events())
        talk.hang_up()
        desk.peer.send(answer_to(await desk.peer.request("BYE"), 200))


async def test_after_an_announcement_without_an_answer_the_caller_is_ours_again(tmp_path: Path) -> None:
    async with passed_on(tmp_path) as (house, talk, desk):
        desk.answer(183, "far", desk.telephone("far", EARLY))
        await hears(talk.hearing, EARLY)
        desk.answer(486, "far")
        assert await talk.over(LIMIT_S) == "caller"
        await house.app.until(lambda: HungUp("us") in house.app.events())
    assert house.app.events()[1:] == [TransferFailed("busy"), HungUp("us")]
    assert heard(bytes(talk.hearing.alaw))[-2:] == [EARLY, GOODBYE]


async def test_a_caller_who_hangs_up_before_the_answer_ends_the_ringing_there(tmp_path: Path) -> None:
    async with passed_on(tmp_path) as (house, talk, desk):
        desk.answer(183, "far", desk.telephone("far", EARLY))
        await hears(talk.hearing, EARLY)
        talk.hang_up()
        cancel = await desk.peer.request("CANCEL")
        assert cancel.via.branch == desk.invite.via.branch
        desk.peer.send(answer_to(cancel, 200, "far"))
        desk.answer(487, "far")
        await house.app.until(lambda: HungUp("caller") in house.app.events())
    assert house.app.events()[1:] == [HungUp("caller")]


async def test_a_destination_that_answers_and_hangs_up_at_once_ends_the_call(tmp_path: Path) -> None:
    async with passed_on(tmp_path) as (house, talk, desk):
        desk.answer(200, "far", desk.telephone("far", LATER))
        desk.hang_up("far")
        assert await talk.over(LIMIT_S) == "caller"
        await house.app.until(lambda: HungUp("destination") in house.app.events())
    assert house.app.events()[1:] == [TransferAnswered(), HungUp("destination")]

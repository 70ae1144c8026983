"""Each guard around pyVoIP: the defect as pyVoIP 1.6.8 has it alone, and its absence on our pyVoIP line."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from sip.media.engine import MediaEngine
from sip.pyvoip import MOST_CALLS
from sip.pyvoip_phone import PyVoipLeg, PyVoipPhone
from sip.signalling.message import Response
from sip.signalling.offer import Local
from sip.signalling.phone_settings import LOOPBACK, Account, Listen, PhoneSettings
from tests.calls_live.phones import free_port
from tests.line.pbx import OFFER, Pbx

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyVoIP.VoIP
    from pyVoIP import RTP

# pyVoIP starts threads, leaves sockets open and warns about both.
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass
class Line:
    """A registered phone, bare or guarded, and the PBX that it is registered at."""

    pbx: Pbx
    guarded: bool

    async def invite(self, call: str = "c1", **more: str) -> Response | None:
        """Begin a call with an offer and return the answer."""
        self.pbx.send(self.pbx.write("INVITE", call, body=OFFER, **more))
        return await self.pbx.answer("INVITE")

    def ack(self, answer: Response, call: str = "c1") -> str:
        """Acknowledge; returns the To parameters of the dialog."""
        to = f";tag={answer.to.tag}"
        self.pbx.send(self.pbx.write("ACK", call, to=to, seq=1))
        return to


def answering(engine: MediaEngine) -> Callable[[PyVoipLeg], None]:
    return lambda leg: leg.answer(Local("127.0.0.1", engine.open().port))


@asynccontextmanager
async def guarded(on_invite: Callable[[PyVoipLeg], None] | None = None) -> AsyncIterator[Line]:
    """Our pyVoIP line."""
    pbx, engine = await Pbx().open(), MediaEngine("127.0.0.1")
    engine.start()
    account = Account("pbx", "line", "127.0.0.1", "secret", registrar=f"127.0.0.1:{pbx.port}")
    settings = PhoneSettings(listen=(Listen("udp", "127.0.0.1", 0),), accounts=(account,), peers=(LOOPBACK,))
    phone = PyVoipPhone(settings, on_invite or answering(engine))
    await phone.open()
    await asyncio.wait_for(pbx.registered.wait(), 5)
    try:
        yield Line(pbx, guarded=True)
    finally:
        await phone.close()
        engine.stop()
        pbx.close()


@asynccontextmanager
async def bare() -> AsyncIterator[Line]:
    """PyVoIP as it comes."""
    pbx = await Pbx().open()
    phone = pyVoIP.VoIP.VoIPPhone(
        *("127.0.0.1", pbx.port, "line", "secret"),
        myIP="127.0.0.1",
        callCallback=lambda call: call.answer(),
        sipPort=free_port(),
        rtpPortLow=20_000,
        rtpPortHigh=29_000,
    )
    phone.sip.deregister = lambda: True  # it waits up to 30 s for an answer that its other thread reads
    await asyncio.to_thread(phone.start)
    try:
        yield Line(pbx, guarded=False)
    finally:
        await asyncio.to_thread(phone.stop)
        pbx.close()


@pytest.fixture(params=[bare, guarded])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    async with request.param() as opened:
        yield opened


def lasting_threads() -> set[threading.Thread]:
    """Return this process's threads; those that asyncio keeps for short work are nobody's."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


async def test_it_answers_after_a_second_in_a_thread_of_its_own_we_at_once_in_none(line: Line) -> None:
    loop = asyncio.get_running_loop()
    since, threads = loop.time(), lasting_threads()
    assert await line.invite() is not None
    assert (loop.time() - since < 0.5) is line.guarded
    grown = len(lasting_threads() - threads)
    assert grown == 0 if line.guarded else grown >= 2


@pytest.mark.parametrize("method", ["OPTIONS", "INFO", "UPDATE", "REFER"])
async def test_it_never_replies_to_these_methods_within_a_call_we_do(line: Line, method: str) -> None:
    answer = await line.invite()
    assert answer is not None
    to = line.ack(answer)
    line.pbx.send(line.pbx.write(method, "c1", seq=2, to=to, Refer_To="<sip:x@127.0.0.1>"))
    reply = await line.pbx.answer(method, 1.0)
    assert (reply.status if reply else None) == (
        None if not line.guarded else 603 if method == "REFER" else 200
    )


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(
            lambda raw: raw.replace(b"\r\nVia:", b"\r\nv:").replace(b"\r\nCall-ID", b"\r\ni"), id="compact"
        ),
        pytest.param(lambda raw: raw.replace(b"\r\nContact: ", b"\r\ncontact: "), id="lower-case"),
        pytest.param(lambda raw: raw.replace(b"From: <", b'From: "J\xf6rg" <'), id="latin-1"),
        pytest.param(lambda raw: raw.replace(b"To: ", b"To:"), id="no-space"),
    ],
)
async def test_it_drops_valid_invites_we_answer_them(line: Line, spoil: Callable[[bytes], bytes]) -> None:
    line.pbx.send(spoil(line.pbx.write("INVITE", "c1", body=OFFER)))
    answer = await line.pbx.answer("INVITE")
    assert (answer.status if answer else None) == (200 if line.guarded else None)


async def test_it_drops_an_invite_without_an_offer_we_make_the_offer(line: Line) -> None:
    line.pbx.send(line.pbx.write("INVITE", "c1"))
    answer = await line.pbx.answer("INVITE")
    assert (answer is not None and b"m=audio" in answer.body) is line.guarded


async def test_it_never_repeats_its_200_we_do_until_the_ack(line: Line) -> None:
    first = await line.invite()
    again = await line.pbx.answer("INVITE", 1.2)
    assert first is not None
    assert (again is not None) is line.guarded
    line.ack(first)
    while await line.pbx.answer("INVITE", 0.1):
        pass  # what was on its way
    assert await line.pbx.answer("INVITE", 1.2) is None


async def test_a_late_invite_starts_its_sound_anew_ours_only_repeats_the_answer(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    def start(client: RTP.RTPClient) -> None:
        started.append(client)
        client.sin = client.sout = socket.socket()

    monkeypatch.setattr(RTP.RTPClient, "start", start)
    first = await line.invite()
    again = await line.invite()
    assert first is not None
    assert again is not None
    assert again.to.tag == first.to.tag
    assert len(started) == (0 if line.guarded else 2)


async def test_a_bye_for_no_call_is_taken_for_granted_there_and_answered_481_here(line: Line) -> None:
    line.pbx.send(line.pbx.write("BYE", "nobody", seq=2, to=";tag=gone"))
    reply = await line.pbx.answer("BYE")
    assert reply is not None
    assert reply.status == (481 if line.guarded else 200)


async def test_its_answer_to_a_bye_bears_a_new_tag_ours_the_calls(line: Line) -> None:
    answer = await line.invite()
    assert answer is not None
    to = line.ack(answer)
    line.pbx.send(line.pbx.write("BYE", "c1", seq=2, to=to))
    reply = await line.pbx.answer("BYE")
    assert reply is not None
    assert (reply.to.tag == answer.to.tag) is line.guarded


async def test_it_lets_a_cancelled_call_ring_on_we_end_it_with_487() -> None:
    async with bare() as line:
        line.pbx.send(line.pbx.write("INVITE", "c1", body=OFFER))
        line.pbx.send(line.pbx.write("CANCEL", "c1"))
        answer = await line.pbx.answer("INVITE")
        assert answer is not None
        assert answer.status == 200
    ended: list[str] = []
    async with guarded(lambda leg: setattr(leg, "on_ended", ended.append)) as line:
        line.pbx.send(line.pbx.write("INVITE", "c1", body=OFFER))
        line.pbx.send(
            line.pbx.write(
                "CANCEL", "c1", Via=f"SIP/2.0/UDP 127.0.0.1:{line.pbx.port};branch=z9hG4bKc1INVITE1"
            )
        )
        answer = await line.pbx.answer("INVITE")
        assert answer is not None
        assert (answer.status, ended) == (487, ["caller"])


async def test_its_bye_ignores_the_route_and_is_sent_once_ours_takes_it_and_is_repeated() -> None:
    legs: list[PyVoipLeg] = []
    engine = MediaEngine("127.0.0.1")
    engine.start()

    def take(leg: PyVoipLeg) -> None:
        legs.append(leg)
        answering(engine)(leg)

    async with guarded(take) as line:
        answer = await line.invite(Record_Route=f"<sip:127.0.0.1:{line.pbx.port};lr>")
        assert answer is not None
        line.ack(answer)
        legs[0].hang_up()
        byes = [await line.pbx.request("BYE", 2.0) for _ in range(2)]
        routes = [bye.headers.get("Route") for bye in byes if bye]
        assert routes == [f"<sip:127.0.0.1:{line.pbx.port};lr>"] * 2
    engine.stop()
    async with bare_with_call() as (line, call):
        await asyncio.to_thread(call.hangup)
        raw = await asyncio.wait_for(line.pbx.inbox.get(), 2)
        assert (raw.startswith(b"BYE "), b"\r\nRoute:" in raw) == (True, False)
        assert await line.pbx.request("BYE", 2.0) is None


@asynccontextmanager
async def bare_with_call() -> AsyncIterator[tuple[Line, pyVoIP.VoIP.VoIPCall]]:
    """PyVoIP as it comes, with an answered call."""
    calls: asyncio.Queue[pyVoIP.VoIP.VoIPCall] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    pbx = await Pbx().open()

    def take(call: pyVoIP.VoIP.VoIPCall) -> None:
        call.answer()
        loop.call_soon_threadsafe(calls.put_nowait, call)

    phone = pyVoIP.VoIP.VoIPPhone(
        *("127.0.0.1", pbx.port, "line", "secret"), myIP="127.0.0.1", callCallback=take, sipPort=free_port()
    )
    phone.sip.deregister = lambda: True  # as above
    await asyncio.to_thread(phone.start)
    line = Line(pbx, guarded=False)
    answer = await line.invite(Record_Route=f"<sip:127.0.0.1:{pbx.port};lr>")
    assert answer is not None
    line.ack(answer)
    try:
        yield line, await asyncio.wait_for(calls.get(), 5)
    finally:
        await asyncio.to_thread(phone.stop)
        pbx.close()


async def test_the_call_after_the_most_is_refused_with_503_and_a_time_to_come_back() -> None:
    async with guarded(lambda _leg: None) as line:
        for number in range(MOST_CALLS):
            line.pbx.send(line.pbx.write("INVITE", f"c{number}", body=OFFER))
        refused = await line.invite("one-more")
        assert refused is not None
        assert (refused.status, refused.headers.get("Retry-After")) == (503, "30")


class Client(RTP.RTPClient):  # type: ignore[misc]
    """pyVoIP's own sound, without threads: what we do not use."""

    def __init__(self) -> None:
        codecs = {8: RTP.PayloadType.PCMA, 101: RTP.PayloadType.EVENT}
        self.pressed: list[str] = []
        super().__init__(
            codecs, "127.0.0.1", 0, "127.0.0.1", 9, RTP.TransmitType.SENDRECV, self.pressed.append
        )


# What our line says and hears in its place: tests/line/test_line.py runs every call on both lines.


def test_its_sound_sends_mu_law_as_a_law() -> None:
    silence = Client().encode_packet(b"\x80" * 4)
    assert silence == b"\xff" * 4  # mu-law silence; A-law silence is 0xd5


def test_its_sound_misses_a_key_whose_first_packet_lost_the_marker() -> None:
    client = Client()
    event = bytes.fromhex("8065000100000001000000010a0a00a0")  # '*', no marker
    client.parse_packet(event)
    assert client.pressed == []
    client.parse_packet(bytes([event[0], 0xE5]) + event[2:])
    assert client.pressed == ["*"]


def test_its_sound_cannot_write_the_sequence_number_after_the_last() -> None:
    client = Client()
    client.outSequence = 0x10000
    sent: list[bytes] = []

    class Socket:
        def sendto(self, packet: bytes, _to: object) -> None:
            sent.append(packet)
            client.NSD = False

    client.sout = Socket()
    client.trans()
    assert len(sent[0]) == 12 + 160 - 2

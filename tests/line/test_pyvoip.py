"""Each guard around pyVoIP: the defect as pyVoIP 1.6.8 has it alone, and its absence on our pyVoIP line.

What pyVoIP does alone is shown by a program of its own, `tests.line.bare_pyvoip`, once for all (`bare`).
"""

from __future__ import annotations

import asyncio
import random
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from sip import pyvoip_registrar
from sip.media.engine import MediaEngine, Stream
from sip.media.ports import PortPool
from sip.pyvoip import MOST_CALLS
from sip.pyvoip_phone import PyVoipLeg, PyVoipPhone
from sip.signalling.message import Response
from sip.signalling.offer import Local
from sip.signalling.phone_settings import LOOPBACK, Account, Listen, PhoneSettings
from tests.line.conftest import Shown
from tests.line.pbx import OFFER, Pbx
from tests.line.spoilt import SPOILT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pyVoIP import RTP


@dataclass
class Line:
    """Our registered pyVoIP line and the PBX that it is registered at."""

    pbx: Pbx
    phone: PyVoipPhone

    async def invite(self, call: str = "c1", **more: str) -> Response:
        """Begin a call with an offer and return the answer."""
        self.pbx.send(self.pbx.write("INVITE", call, body=OFFER, **more))
        return await self.answered("INVITE", call)

    async def answered(self, method: str, call: str = "c1") -> Response:
        """Return the end answer to a request of this call: another call's may be said again meanwhile."""
        answer = await self.pbx.of(call).answer(method)
        assert answer is not None
        return answer

    def ack(self, answer: Response, call: str = "c1") -> str:
        """Acknowledge; returns the To parameters of the dialog."""
        to = f";tag={answer.to.tag}"
        self.pbx.send(self.pbx.write("ACK", call, to=to, seq=1))
        return to

    async def cancelled(self, call: str) -> int:
        """Begin a call, give up at once, and return how its INVITE was answered."""
        self.pbx.send(self.pbx.write("INVITE", call, body=OFFER))
        via = f"SIP/2.0/UDP 127.0.0.1:{self.pbx.port};branch=z9hG4bK{call}INVITE1"
        self.pbx.send(self.pbx.write("CANCEL", call, Via=via))
        return (await self.answered("INVITE", call)).status

    async def bye(self, to: str, call: str = "c1") -> Response:
        self.pbx.send(self.pbx.write("BYE", call, seq=2, to=to))
        return await self.answered("BYE", call)


def answering(engine: MediaEngine) -> Callable[[PyVoipLeg], None]:
    def take(leg: PyVoipLeg) -> None:
        stream: Stream = engine.open()
        leg.on_ended = lambda _by: stream.close()
        leg.answer(Local("127.0.0.1", stream.port))

    return take


def settings(pbx: Pbx) -> PhoneSettings:
    account = Account("pbx", "line", "127.0.0.1", "secret", registrar=f"127.0.0.1:{pbx.port}")
    return PhoneSettings(listen=(Listen("udp", "127.0.0.1", 0),), accounts=(account,), peers=(LOOPBACK,))


@asynccontextmanager
async def guarded(
    on_invite: Callable[[PyVoipLeg], None] | None = None, ports: tuple[int, int] = (16384, 32767)
) -> AsyncIterator[Line]:
    """Our pyVoIP line."""
    pbx, engine = await Pbx().open(), MediaEngine("127.0.0.1", ports)
    engine.start()
    phone = PyVoipPhone(settings(pbx), on_invite or answering(engine))
    await phone.open()
    await asyncio.wait_for(pbx.registered.wait(), 20)
    try:
        yield Line(pbx, phone)
    finally:
        await phone.close()
        engine.stop()
        pbx.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with guarded() as opened:
        yield opened


def free_pair() -> int:
    """Return an even port that is free together with the next one."""
    port, voice, control = PortPool("127.0.0.1", (12_000, 32_000), random.Random()).take()  # noqa: S311
    voice.close()
    control.close()
    return port


def lasting_threads() -> set[threading.Thread]:
    """Return this process's threads; those that asyncio keeps for short work are nobody's."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


async def test_it_answers_after_a_second_in_a_thread_of_its_own_we_at_once_in_none(
    bare: Shown, line: Line
) -> None:
    assert bare["call"]["seconds"] >= 1.0
    assert (bare["call"]["answered_in"], bare["call"]["sound_in"]) == ("Phone Call: first", [1, 1])
    loop, threads, took = asyncio.get_running_loop(), lasting_threads(), []
    for call in ("c1", "c2", "c3", "c4", "c5"):
        since = loop.time()
        line.ack(await line.invite(call), call)
        took.append(loop.time() - since)
    assert min(took) < 1.0
    assert lasting_threads() - threads == set()


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("INFO", 200), ("UPDATE", 200), ("REFER", 603)]
)
async def test_it_never_replies_to_these_methods_within_a_call_we_do(
    bare: Shown, line: Line, method: str, status: int
) -> None:
    assert bare[method] is None
    to = line.ack(await line.invite())
    line.pbx.send(line.pbx.write(method, "c1", seq=2, to=to, Refer_To="<sip:x@127.0.0.1>"))
    assert (await line.answered(method)).status == status


@pytest.mark.parametrize("name", SPOILT)
async def test_it_drops_valid_invites_we_answer_them(bare: Shown, line: Line, name: str) -> None:
    assert bare[name] is False
    line.pbx.send(SPOILT[name](line.pbx.write("INVITE", "c1", body=OFFER)))
    assert (await line.answered("INVITE")).status == 200


async def test_it_drops_an_invite_without_an_offer_we_make_the_offer(bare: Shown, line: Line) -> None:
    assert bare["no_offer"] is False
    line.pbx.send(line.pbx.write("INVITE", "c1"))
    assert b"m=audio" in (await line.answered("INVITE")).body


async def test_it_never_repeats_its_200_we_do_until_the_ack(bare: Shown, line: Line) -> None:
    assert bare["repeats_its_200"] is False
    first = await line.invite()
    assert (await line.answered("INVITE")).to.tag == first.to.tag
    line.ack(first)
    await line.bye(f";tag={first.to.tag}")
    own = line.pbx.of("c1")
    while not own.inbox.empty():
        own.inbox.get_nowait()  # what was on its way
    assert await own.answer("INVITE", 40) is None


@pytest.mark.parametrize("name", ["late INVITE", "re-INVITE"])
async def test_a_second_invite_starts_its_sound_anew_ours_only_answers_it(
    bare: Shown, line: Line, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert bare[f"second {name}"] is True
    started: list[object] = []
    monkeypatch.setattr(RTP.RTPClient, "start", started.append)
    first = await line.invite()
    if name == "re-INVITE":
        line.pbx.send(line.pbx.write("INVITE", "c1", body=OFFER, seq=2, to=line.ack(first)))
        again = await line.answered("INVITE")
    else:
        again = await line.invite()
    assert (again.status, again.to.tag, started) == (200, first.to.tag, [])


async def test_a_bye_for_no_call_is_taken_for_granted_there_and_answered_481_here(
    bare: Shown, line: Line
) -> None:
    assert bare["unknown_bye"] == 200
    assert (await line.bye(";tag=gone", "nobody")).status == 481


async def test_its_answer_to_a_bye_bears_a_new_tag_ours_the_calls(bare: Shown, line: Line) -> None:
    of_answer, of_goodbye = bare["goodbye"]["tags"]
    assert of_answer != of_goodbye
    answer = await line.invite()
    assert (await line.bye(line.ack(answer))).to.tag == answer.to.tag


async def test_it_lets_a_cancelled_call_ring_on_we_end_it_with_487(bare: Shown) -> None:
    assert bare["cancelled"]["status"] == 200
    ended: list[str] = []
    async with guarded(lambda leg: setattr(leg, "on_ended", ended.append)) as line:
        assert (await line.cancelled("c1"), ended) == (487, ["caller"])


async def test_its_bye_ignores_the_route_and_is_sent_once_ours_takes_it_and_is_repeated(bare: Shown) -> None:
    assert bare["hung_up"] == {"is_bye": True, "routed": False, "repeated": False}
    legs: list[PyVoipLeg] = []

    def take(leg: PyVoipLeg) -> None:
        legs.append(leg)
        leg.answer(Local("127.0.0.1", 40_000))

    async with guarded(take) as line:
        route = f"<sip:127.0.0.1:{line.pbx.port};lr>"
        line.ack(await line.invite(Record_Route=route))
        legs[0].hang_up()
        byes = [await line.pbx.of("c1").request("BYE") for _ in range(2)]
        assert [bye.headers.get("Route") for bye in byes if bye] == [route, route]


async def test_it_keeps_a_finished_calls_port_and_deadlocks_freeing_it_ours_comes_back(bare: Shown) -> None:
    assert bare["second_call"] == {"ports_of_no_call": 1, "deadlock": True, "calls": 0}
    only = free_pair()
    async with guarded(ports=(only, only + 1)) as line:
        for call in ("one", "two", "three"):
            answer = await line.invite(call)
            assert answer.status == 200
            assert f"m=audio {only} ".encode() in answer.body
            assert (await line.bye(line.ack(answer, call), call)).status == 200


async def test_it_gives_up_for_ever_after_three_refusals_we_go_on_until_admitted(
    bare: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bare["refused"] == {"tries": 3, "goes_on": False}
    monkeypatch.setattr(pyvoip_registrar, "FIRST_RETRY_S", 0.001)
    pbx = await Pbx("403 Forbidden").open()
    phone = PyVoipPhone(settings(pbx), lambda _leg: None)
    await phone.open()
    async with asyncio.timeout(30):
        for _ in range(4):
            await pbx.registrations.get()
        pbx.registering = "200 OK"
        await pbx.registered.wait()
    await phone.close()
    pbx.close()


@pytest.mark.parametrize("status", [404, 480, 486, 503])
async def test_it_refuses_with_486_whatever_is_meant_we_with_what_the_line_says(
    bare: Shown, status: int
) -> None:
    assert (bare["unwanted"], bare["nobody"]) == (486, 486)
    async with guarded(lambda leg: leg.refuse(status)) as line:
        assert (await line.invite()).status == status


async def test_an_offer_without_a_codec_of_ours_is_refused_with_488() -> None:
    async with guarded() as line:
        line.pbx.send(line.pbx.write("INVITE", "c1", body=OFFER.replace(b"RTP/AVP 8 101", b"RTP/AVP 18 101")))
        assert (await line.answered("INVITE")).status == 488


async def test_it_keeps_calls_that_ended_unanswered_and_the_tags_of_all_ours_keeps_none(bare: Shown) -> None:
    assert (bare["cancelled"]["kept"], bare["goodbye"]["kept"]) == (True, {"tag": True, "tags": True})
    engine = MediaEngine("127.0.0.1")
    engine.start()
    ways = iter((answering(engine), lambda _leg: None, lambda leg: leg.refuse(480)))

    def take(leg: PyVoipLeg) -> None:
        next(ways)(leg)

    async with guarded(take) as line:
        assert (await line.bye(line.ack(await line.invite()))).status == 200
        assert await line.cancelled("c2") == 487
        assert (await line.invite("c3")).status == 480
        assert line.phone.switch.kept == 0
    engine.stop()


async def test_the_call_after_the_most_is_refused_with_503_and_a_time_to_come_back() -> None:
    async with guarded(lambda _leg: None) as line:
        for number in range(MOST_CALLS):
            line.pbx.send(line.pbx.write("INVITE", f"c{number}", body=OFFER))
        refused = await line.invite("one-more")
        assert (refused.status, refused.headers.get("Retry-After")) == (503, "30")


class Client(RTP.RTPClient):  # type: ignore[misc]
    """pyVoIP's own sound, without threads: what we do not use."""

    def __init__(self) -> None:
        codecs = {8: RTP.PayloadType.PCMA, 101: RTP.PayloadType.EVENT}
        self.pressed: list[str] = []
        super().__init__(
            codecs, "127.0.0.1", 0, "127.0.0.1", 9, RTP.TransmitType.SENDRECV, self.pressed.append
        )


# What our line says and hears in its place: tests/line/test_line.py runs every call on both lines; wraps and
# lost markers are shown in tests/media/test_wire.py and test_telephone_event.py, for the engine is the same.


async def test_none_of_its_sound_is_made_on_our_line(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr(RTP.RTPClient, "__init__", lambda client, *_rest, **_more: made.append(client))
    line.ack(await line.invite())
    assert made == []


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


def test_its_sound_keeps_every_packet_for_ever() -> None:
    client = Client()
    for at in range(1000):
        client.pmin.write(160 * at, b"\xff" * 160)
        client.pmin.read(160)  # it was heard
    assert len(client.pmin.log) == 1000


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

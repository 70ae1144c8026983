"""Whole streams against packets as telephones send them: lengths, wraps, clocks, comfort noise, reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from sip.media import rtcp, rtp, telephone_event, tones
from sip.media.engine import MediaEngine, MemorySink, Recording, Stream
from sip.media.telephone_event import KEYS
from tests.media.peers import HOST, Peer, done, happening, joined

PACKET_TIMES = [10, 20, 30, 40, 50, 60]
SOUND = tones.tone((440.0,), 600, -12)
PORTS = (10_000, 31_998)
MANY = 128  # streams from which on the clock reads; in a practice it is more


async def heard(stream: Stream, speak: Callable[[], object], max_ms: int) -> bytes:
    """Record what a stream hears of what `speak` begins to say."""
    sink, (ended, on_ended) = MemorySink(), happening()
    stream.record(sink, on_ended, max_ms=max_ms)
    speak()
    recording: Recording = await ended
    assert recording.ms == max_ms
    return bytes(sink.alaw)


@pytest.mark.parametrize("ptime_ms", PACKET_TIMES)
async def test_sound_in_packets_of_any_length_is_heard_whole(engine: MediaEngine, ptime_ms: int) -> None:
    one, other = joined(engine, ptime_ms=ptime_ms)
    sound = await heard(other, lambda: one.play([SOUND]), 1200)
    assert SOUND in sound


@pytest.mark.parametrize("ptime_ms", PACKET_TIMES)
async def test_keys_among_packets_of_any_length_are_heard(engine: MediaEngine, ptime_ms: int) -> None:
    one, other = joined(engine, ptime_ms=ptime_ms)
    keys: list[str] = []
    other.on_key = keys.append
    await done(lambda finished: one.send_keys("15#", finished))
    await asyncio.sleep(0.1)
    assert keys == ["1", "5", "#"]


def spoken(first: int, began: int, packets: int) -> list[rtp.Packet]:
    """Return a talk whose packets can be told apart, whatever their numbers wrap around."""
    return [
        rtp.Packet(
            rtp.PCMA,
            (first + index) & 0xFFFF,
            (began + 160 * index) & 0xFFFF_FFFF,
            5,
            bytes([index + 1]) * 160,
        )
        for index in range(packets)
    ]


async def tell(peer: Peer, stream: Stream, packets: list[rtp.Packet]) -> None:
    """Send a packet every 20 ms."""
    for packet in packets:
        peer.send(stream, packet)
        await asyncio.sleep(0.02)


async def test_neither_sound_nor_loss_nor_keys_notice_that_sequence_and_timestamp_wrap(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer, keys = engine.open(), peers(), []
    stream.on_key = keys.append
    stream.connect(HOST, peer.port)
    packets = spoken(0xFFFF - 15, 2**32 - 20 * 160, 40)
    event = telephone_event.build(telephone_event.Event(7, 400, end=True))
    key = rtp.Packet(101, (packets[-1].sequence + 1) & 0xFFFF, 20 * 160, 5, event)
    telling: list[asyncio.Task[None]] = []
    sound = await heard(
        stream, lambda: telling.append(asyncio.create_task(tell(peer, stream, [*packets, key]))), 1000
    )
    await telling[0]
    assert b"".join(packet.payload for packet in packets) in sound
    assert (stream.stats.loss, keys) == (0.0, ["7"])


async def test_comfort_noise_between_words_is_silence_of_its_length(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer = engine.open(), peers()
    stream.connect(HOST, peer.port)
    before, _, after = (part := spoken(100, 16_000, 40))[:10], part[10:20], part[20:]
    noise = rtp.Packet(rtp.COMFORT_NOISE, before[-1].sequence + 1, part[10].timestamp, 5, b"\x40")
    later = [
        rtp.Packet(
            rtp.PCMA, noise.sequence + 1 + index, packet.timestamp, 5, packet.payload, marker=not index
        )
        for index, packet in enumerate(after)
    ]

    async def talk() -> None:
        await tell(peer, stream, [*before, noise])
        await asyncio.sleep(0.02 * 9)
        await tell(peer, stream, later)

    telling: list[asyncio.Task[None]] = []
    sound = await heard(stream, lambda: telling.append(asyncio.create_task(talk())), 1000)
    await telling[0]
    begun, resumed = sound.find(before[0].payload), sound.find(after[0].payload)
    assert (resumed - begun, stream.stats.loss) == (20 * 160, 0.0)
    assert sound[resumed:].startswith(b"".join(packet.payload for packet in after))


@pytest.mark.parametrize("clock", [8000, 16000, 48000])
async def test_keys_are_heard_on_any_clock_that_was_agreed_on(
    engine: MediaEngine, peers: Callable[[], Peer], clock: int
) -> None:
    stream, peer, keys = engine.open(), peers(), []
    stream.on_key = keys.append
    stream.connect(HOST, peer.port, event_payload_type=97, event_clock=clock)
    step, sequence = clock // 50, 0
    for number, key in enumerate("449"):
        began = number * clock // 5  # a press each 200 ms, 100 ms long, its first packet lost
        for packet in range(2, 6):
            event = telephone_event.Event(KEYS.index(key), packet * step, end=packet == 5)
            peer.send(stream, rtp.Packet(97, sequence, began, 5, telephone_event.build(event)))
            sequence += 1
            await asyncio.sleep(0.02)
    assert keys == ["4", "4", "9"]


async def test_reports_leave_while_a_call_is_up_and_a_goodbye_at_its_end(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer, control = engine.open(), peers(), peers()
    stream.connect(HOST, peer.port, rtcp_port=control.port)
    peer.send(stream, spoken(1, 1, 1)[0])
    loop = asyncio.get_running_loop()
    (report,) = rtcp.parse(await loop.sock_recv(control.socket, 2048))
    assert isinstance(report, rtcp.Report)
    assert report.sender is not None
    assert (report.ssrc, report.blocks[0].ssrc) == (stream.ssrc, 5)
    stream.close()
    last, goodbye = rtcp.parse(await loop.sock_recv(control.socket, 2048))
    while not isinstance(goodbye, rtcp.Bye):
        last, goodbye = rtcp.parse(await loop.sock_recv(control.socket, 2048))
    assert isinstance(last, rtcp.Report)
    assert goodbye == rtcp.Bye((stream.ssrc,))


@pytest.fixture
async def many() -> AsyncIterator[MediaEngine]:
    """An engine as the line process has it, which lets the clock read somewhat earlier."""
    engine = MediaEngine(HOST, PORTS, timeout_s=0)
    engine.polled_from = MANY
    engine.start()
    yield engine
    engine.stop()


async def test_with_so_many_streams_that_the_clock_reads_every_key_is_heard_once(many: MediaEngine) -> None:
    pairs = [joined(many) for _ in range(MANY // 2 + 4)]
    keys: list[list[str]] = [[] for _ in pairs]
    for heard_here, (_, other) in zip(keys, pairs, strict=True):
        other.on_key = heard_here.append
    async with asyncio.TaskGroup() as pressing:
        for one, _ in pairs:
            pressing.create_task(done(partial(one.send_keys, "1470*#")))
    await asyncio.sleep(0.1)
    assert (len(many), many.polled) == (MANY + 8, True)
    assert {"".join(each) for each in keys} == {"1470*#"}
    for pair in pairs[1:]:
        for stream in pair:
            stream.close()
    ((one, other),) = pairs[:1]
    sound = await heard(other, lambda: one.play([SOUND]), 900)
    assert (many.polled, SOUND in sound) == (False, True)

"""Streams over real sockets on loopback, with and without the kernel's filter."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from sip.media import rtp, tones
from sip.media.engine import MediaEngine, MemorySink, Recording, Stream
from sip.media.reception import SAMPLE
from tests.media.peers import HOST, SILENT, Peer, done, happening, in_talk, joined, key_packet, voice


@pytest.mark.parametrize("payload_type", [rtp.PCMA, rtp.PCMU])
async def test_what_one_plays_the_other_records(engine: MediaEngine, payload_type: int) -> None:
    one, other = joined(engine, payload_type=payload_type)
    ended, on_ended = happening()
    sink = MemorySink()
    tone = tones.tone((440.0,), 400, -12)
    other.record(sink, on_ended, silence_ms=300)
    one.play([tone])
    recording: Recording = await ended
    assert (recording.ended_by, recording.dbfs) == ("silence", pytest.approx(-12, abs=0.5))
    heard = bytes(sink.alaw).strip(SILENT + b"\x55")
    assert abs(len(heard) - len(tone)) <= 160


async def test_keys_arrive_in_order_and_once(engine: MediaEngine) -> None:
    one, other = joined(engine)
    keys: list[str] = []
    other.on_key = keys.append
    await done(lambda finished: one.send_keys("0123456789*#ABCD", finished, tone_ms=40, gap_ms=40))
    await asyncio.sleep(0)
    assert ("".join(keys), other.stats.keys) == ("0123456789*#ABCD", 16)


async def test_keys_travel_as_tones_where_events_are_unknown(engine: MediaEngine) -> None:
    one, other = joined(engine, event_payload_type=None, inband_keys=True)
    keys: list[str] = []
    last, on_last = happening()

    def pressed(key: str) -> None:
        keys.append(key)
        if key == "#":
            on_last(key)

    other.on_key = pressed
    one.send_keys("4711#", tone_ms=60, gap_ms=60)
    await last
    assert "".join(keys) == "4711#"


async def test_the_end_of_a_prompt_is_told_after_all_its_packets(engine: MediaEngine) -> None:
    one, _ = joined(engine)
    before = one.stats.sent
    await done(lambda finished: one.play([SILENT * 8000, SILENT * 800], finished))
    assert one.stats.sent - before >= 56


async def test_a_key_stops_the_prompt_and_no_end_is_told(engine: MediaEngine) -> None:
    one, other = joined(engine)
    told: list[str] = []
    pressed, on_pressed = happening()

    def barge_in(key: str) -> None:
        one.stop_playing()
        on_pressed(key)

    one.on_key = barge_in
    one.play([b"\x11" * 80_000], lambda: told.append("finished"))
    other.send_keys("5")
    assert await pressed == "5"
    sent = one.stats.sent
    assert (told, sent < 100) == ([], True)


async def test_info_that_repeats_an_event_counts_once(engine: MediaEngine) -> None:
    one, other = joined(engine)
    keys: list[str] = []
    other.on_key = keys.append
    await done(lambda finished: one.send_keys("1", finished))
    other.key("1")
    other.key("nonsense")
    await asyncio.sleep(0)
    assert keys == ["1"]


async def test_keys_come_through_while_voice_is_filtered(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    peer = peers()
    stream, keys = await in_talk(engine, peer)
    for sequence in range(1, 200):
        peer.send(stream, voice(sequence))
    peer.send(stream, key_packet(200, "3", 32000))
    while not keys:
        await peer.receive()
    stats = stream.stats
    assert (keys, stats.loss, stats.received) == (["3"], 0, 201)


async def test_loss_is_told_whether_the_voice_is_read_or_only_counted_by_the_kernel(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer = engine.open(), peers()
    stream.connect(HOST, peer.port)
    sent = 0
    for sequence in range(5 * SAMPLE + 1):
        if sequence % 10 == 5:
            continue
        peer.send(stream, voice(sequence))
        sent += 1
        while sequence % (SAMPLE // 4) == 0 and stream.stats.received < sent:
            await peer.receive()
    assert stream.stats.loss == pytest.approx(0.1, abs=0.01)


async def test_held_streams_send_nothing_and_resumed_ones_go_on(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer = engine.open(), peers()
    stream.connect(HOST, peer.port)
    first = await peer.receive()
    stream.hold("recvonly")
    sent = stream.stats.sent
    other, _ = joined(engine)
    await done(lambda finished: other.play([SILENT * 1600], finished))
    assert stream.stats.sent == sent
    stream.hold("sendrecv")
    packet = first
    while not packet.marker or packet is first:
        packet = await peer.receive()
    assert (packet.sequence - first.sequence) & 0xFFFF == sent
    assert (packet.timestamp - first.timestamp) & 0xFFFF_FFFF >= 8 * 200


@pytest.mark.parametrize(("address", "port"), [("0.0.0.0", 4000), ("127.0.0.1", 0)])  # noqa: S104 - old hold
async def test_an_offer_that_wants_nothing_is_sent_nothing(
    engine: MediaEngine, address: str, port: int
) -> None:
    stream = engine.open()
    stream.connect(address, port)
    other, _ = joined(engine)
    await done(lambda finished: other.play([SILENT * 800], finished))
    assert stream.stats.sent == 0


async def test_a_bridge_carries_sound_and_keys_both_ways_across_codecs(engine: MediaEngine) -> None:
    caller, ours_a = engine.open(), engine.open()
    ours_b, callee = engine.open(), engine.open()
    caller.connect(HOST, ours_a.port, rtp.PCMA)
    ours_a.connect(HOST, caller.port, rtp.PCMA)
    callee.connect(HOST, ours_b.port, rtp.PCMU, ptime_ms=30)
    ours_b.connect(HOST, callee.port, rtp.PCMU, ptime_ms=30)
    ours_a.relay_to(ours_b)
    keys: list[str] = []
    callee.on_key = keys.append
    heard = {}
    for name, speaker, listener in (("there", caller, callee), ("back", callee, caller)):
        sink, (ended, on_ended) = MemorySink(), happening()
        listener.record(sink, on_ended, silence_ms=300)
        speaker.play([tones.tone((440.0,), 300, -12)])
        recording: Recording = await ended
        heard[name] = (recording.dbfs, len(bytes(sink.alaw).strip(SILENT)) // 800)
    pressed, on_pressed = happening()
    callee.on_key = on_pressed
    caller.send_keys("9")
    assert await pressed == "9"
    assert heard == {
        "there": (pytest.approx(-12, abs=0.7), pytest.approx(3, abs=1)),
        "back": (pytest.approx(-12, abs=0.7), pytest.approx(3, abs=1)),
    }
    ours_a.relay_to(None)


async def test_the_reports_of_both_sides_tell_loss_and_round_trip(engine: MediaEngine) -> None:
    one, other = joined(engine)
    await done(lambda finished: one.play([SILENT * 800], finished))
    one.close()
    await done(lambda finished: other.play([SILENT * 320], finished))
    other_sent = other.stats.sent
    assert (other.stats.remote_loss, other_sent > 0) == (0, True)


async def test_a_recording_begins_after_its_beep_and_ends_with_the_stream(engine: MediaEngine) -> None:
    one, other = joined(engine)
    sink, (ended, on_ended) = MemorySink(), happening()
    heard, (beeped, on_beeped) = MemorySink(), happening()
    one.record(heard, on_beeped, max_ms=400)
    other.record(sink, on_ended, beep=True)
    beep: Recording = await beeped
    assert beep.dbfs == pytest.approx(-22, abs=1)
    assert len(sink.alaw) < 160 * 20
    one.play([tones.tone((440.0,), 100, -12)])
    await done(lambda finished: one.play([tones.tone((440.0,), 100, -12)], finished))
    other.close()
    recording: Recording = await ended
    assert (recording.ended_by, sink.closed) == ("closed", True)


async def used_up(engine: MediaEngine) -> list[weakref.ref[Stream]]:
    """Return weak references to two streams that did all they can and were closed."""
    one, other = joined(engine)
    one.on_key = lambda _key: one.stop_playing()
    one.play([SILENT * 800], one.stop_playing)
    other.record(MemorySink(), lambda _recording: other.stop_playing())
    one.relay_to(engine.open())
    await done(lambda finished: other.send_keys("1", finished))
    one.close()
    other.close()
    return [weakref.ref(one), weakref.ref(other)]


async def test_closed_streams_are_freed_without_waiting_for_the_garbage_collector(
    engine: MediaEngine,
) -> None:
    gc.disable()
    try:
        freed = await used_up(engine)
        await asyncio.sleep(0)
        assert [reference() for reference in freed] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("wrong", [("example.org", 4000, 8), ("127.0.0.1", 4000, 18)])
async def test_what_cannot_be_is_refused_by_name(engine: MediaEngine, wrong: tuple[str, int, int]) -> None:
    with pytest.raises(ValueError, match=r"example\.org|18"):
        engine.open().connect(*wrong)


async def test_ipv6_works_as_well(peers: Callable[[], Peer]) -> None:
    base = peers().port & ~1
    engine = MediaEngine("::1", (base, base + 99))
    engine.start()
    one, other = engine.open(), engine.open()
    one.connect("::1", other.port)
    other.connect("::1", one.port)
    keys: list[str] = []
    other.on_key = keys.append
    await done(lambda finished: one.send_keys("1", finished))
    engine.stop()
    assert keys == ["1"]

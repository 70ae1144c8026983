"""Streams over real sockets on loopback, with and without the kernel's filter."""

from __future__ import annotations

import asyncio
import base64
import errno
import gc
import os
import socket
import weakref
from collections.abc import Callable

import pytest

from sip.media import rtp, tones
from sip.media.engine import MediaEngine, MemorySink, NoPortFreeError, Recording, SrtpKeys, Stream
from sip.media.reception import SAMPLE
from tests.media.peers import HOST, SILENT, Peer, done, happening, joined, key_packet, voice
from tests.support.ports import free_ports


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


async def test_packets_go_where_the_peer_really_is(engine: MediaEngine, peers: Callable[[], Peer]) -> None:
    stream, announced, real = engine.open(), peers(), peers()
    stream.connect(HOST, announced.port)
    for sequence in range(3):
        real.send(stream, voice(sequence))
    assert (await real.receive()).payload == SILENT * 160


async def test_who_sends_from_elsewhere_cannot_take_over_an_established_call(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer, thief = engine.open(), peers(), peers()
    keys: list[str] = []
    stream.on_key = keys.append
    stream.connect(HOST, peer.port)
    peer.send(stream, voice(0))
    await peer.receive()
    while stream.stats.received < 1:
        await peer.receive()
    for sequence in range(10):
        thief.send(stream, voice(sequence))
        thief.send(stream, key_packet(sequence + 10, "0", 99))
    peer.send(stream, key_packet(1, "7", 160))
    while not keys:
        await peer.receive()
    assert keys == ["7"]


async def test_keys_come_through_while_voice_is_filtered(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer = engine.open(), peers()
    keys: list[str] = []
    stream.on_key = keys.append
    stream.connect(HOST, peer.port)
    peer.send(stream, voice(0))
    while stream.stats.received < 1:
        await peer.receive()
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


async def test_another_source_of_the_same_peer_is_taken_up(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer = engine.open(), peers()
    keys: list[str] = []
    stream.on_key = keys.append
    stream.connect(HOST, peer.port)
    peer.send(stream, voice(0))
    await peer.receive()
    for packet in (voice(7000, ssrc=9), voice(7001, ssrc=9), key_packet(7002, "6", 5, ssrc=9)):
        peer.send(stream, packet)
    while not keys:
        await peer.receive()
    assert keys == ["6"]


async def test_comfort_noise_and_unknown_payloads_are_taken_without_harm(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, peer = engine.open(), peers()
    stream.connect(HOST, peer.port)
    for sequence, kind in enumerate((rtp.COMFORT_NOISE, 96, 127)):
        peer.send(stream, rtp.Packet(kind, sequence, 0, 5, b"\x40"))
    peer.socket.sendto(b"no rtp", (HOST, stream.port))
    while stream.stats.malformed < 1:
        await peer.receive()
    assert (stream.stats.received, stream.stats.malformed) == (3, 1)


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


async def test_a_re_invite_moves_the_sound_to_the_new_address(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    stream, before, after = engine.open(), peers(), peers()
    stream.connect(HOST, before.port)
    before.send(stream, voice(0))
    last = await before.receive()
    stream.connect(HOST, after.port, rtp.PCMU, ptime_ms=30)
    first = await after.receive()
    assert (first.payload_type, len(first.payload), first.ssrc) == (rtp.PCMU, 240, last.ssrc)
    keys: list[str] = []
    stream.on_key = keys.append
    after.send(stream, voice(500))
    after.send(stream, key_packet(501, "8", 1))
    while not keys:
        await after.receive()
    assert keys == ["8"]


async def test_a_stream_whose_port_cannot_be_opened_anew_can_still_be_closed(
    engine: MediaEngine, peers: Callable[[], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, before, after = engine.open(), peers(), peers()
    stream.connect(HOST, before.port)
    before.send(stream, voice(0))
    while stream.stats.received < 1:
        await before.receive()

    def taken(_port: int) -> socket.socket:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    monkeypatch.setattr(engine.ports, "bind", taken)
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        stream.connect(HOST, after.port)
    free = len(engine.ports)
    stream.close()
    assert (len(engine), len(engine.ports)) == (0, free + 1)


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


async def test_protected_sound_keys_and_reports_are_understood_and_plain_ones_refused(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    a, b = (base64.b64encode(bytes([value]) * 30).decode() for value in (1, 2))
    one, other, stranger = engine.open(), engine.open(), peers()
    one.connect(HOST, other.port, srtp=SrtpKeys(a, b))
    other.connect(HOST, one.port, srtp=SrtpKeys(b, a))
    keys: list[str] = []
    other.on_key = keys.append
    await done(lambda finished: one.send_keys("77", finished))
    stranger.send(one, voice(1))
    assert keys == ["7", "7"]
    one.close()
    assert (other.stats.malformed, one.stats.malformed) == (0, 0)


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


async def test_ports_are_even_run_out_and_come_back() -> None:
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    base = (free_ports(8)[0] + 5) & ~1
    taken.bind((HOST, base))
    engine = MediaEngine(HOST, (base - 4, base + 1))
    engine.start()
    first, second = engine.open(), engine.open()
    assert sorted((first.port, second.port)) == [base - 4, base - 2]
    with pytest.raises(NoPortFreeError):
        engine.open()
    first.close()
    first.close()
    assert engine.open().port == first.port
    engine.stop()
    taken.close()
    assert len(engine) == 0


def first_sockets(many: int) -> Callable[..., socket.socket]:
    """Return what opens that many sockets and then finds the process out of files."""
    left = iter(range(many))

    def opened(*how: int) -> socket.socket:
        if next(left, None) is None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(*how)

    return opened


@pytest.mark.parametrize("many", [0, 1])
async def test_a_process_out_of_files_refuses_the_call_and_loses_no_port(
    engine: MediaEngine, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    free = len(engine.ports)
    with monkeypatch.context() as patch:
        # A limit on the files of this process would meet whatever else lives in it.
        patch.setattr("sip.media.ports.open_socket", first_sockets(many))
        with pytest.raises(NoPortFreeError, match="file descriptor"):
            engine.open()
    assert len(engine.ports) == free
    engine.open().close()
    assert len(engine.ports) == free


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


async def test_a_dead_call_is_told_once(peers: Callable[[], Peer]) -> None:
    base = peers().port & ~1
    engine = MediaEngine(HOST, (base, base + 99), timeout_s=0.2)
    engine.start()
    stream, peer = engine.open(), peers()
    timeouts: list[float] = []
    over, on_over = happening()

    def timed_out() -> None:
        timeouts.append(engine.now())
        on_over(None)

    stream.on_timeout = timed_out
    stream.connect(HOST, peer.port)
    await over
    await done(lambda finished: stream.play([SILENT * 8000], finished))
    engine.stop()
    assert len(timeouts) == 1


async def test_a_call_whose_voice_only_the_kernel_sees_is_not_dead(peers: Callable[[], Peer]) -> None:
    base = peers().port & ~1
    engine = MediaEngine(HOST, (base, base + 99), timeout_s=2)
    engine.start()
    stream, peer = engine.open(), peers()
    over, on_over = happening()
    stream.on_timeout = lambda: on_over(engine.now())
    stream.connect(HOST, peer.port)
    for sequence in range(1, SAMPLE):
        peer.send(stream, voice(sequence))
        await peer.receive()
    last = engine.now()
    assert (over.done(), last > SAMPLE / 100) == (False, True)
    ended: float = await over
    engine.stop()
    assert 2 <= ended - last < 7


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

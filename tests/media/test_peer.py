"""Whose packets a stream takes, and where it sends its own."""

from __future__ import annotations

import base64
from collections.abc import Callable

from sip.media import rtp
from sip.media.engine import MediaEngine, SrtpKeys
from tests.media.peers import HOST, SILENT, Peer, done, in_talk, key_packet, voice


async def test_packets_go_where_the_peer_really_is(engine: MediaEngine, peers: Callable[[], Peer]) -> None:
    stream, announced, real = engine.open(), peers(), peers()
    stream.connect(HOST, announced.port)
    for sequence in range(3):
        real.send(stream, voice(sequence))
    assert (await real.receive()).payload == SILENT * 160


async def test_who_sends_from_elsewhere_cannot_take_over_an_established_call(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    peer, thief = peers(), peers()
    stream, keys = await in_talk(engine, peer)
    for sequence in range(10):
        thief.send(stream, voice(sequence))
        thief.send(stream, key_packet(sequence + 10, "0", 99))
    peer.send(stream, key_packet(1, "7", 160))
    while not keys:
        await peer.receive()
    assert keys == ["7"]


async def test_another_source_of_the_same_peer_is_taken_up(
    engine: MediaEngine, peers: Callable[[], Peer]
) -> None:
    peer = peers()
    stream, keys = await in_talk(engine, peer)
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

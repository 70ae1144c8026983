"""Sound and keys over a network that loses 5 %, delays by up to 60 ms and reorders."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from callflow import g711
from sip.media import arrival, tones
from sip.media.engine import MediaEngine, MemorySink, Recording, Stream
from sip.media.recording import dbfs
from sip.media.srtp import SrtpKeys
from tests.support.lossy import LossyRelay, Weather

HOST = "127.0.0.1"
KEYS = "0123456789*#0011"
PROTECTED = [None, (SrtpKeys("A" * 40, "B" * 40), SrtpKeys("B" * 40, "A" * 40))]


@pytest.fixture(params=PROTECTED, ids=["plain", "protected"])
async def streams(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Stream, Stream, LossyRelay]]:
    """Yield two streams with a bad network between them."""
    # The kernel's moments are of another clock than this loop's, which stands still while it is held up.
    monkeypatch.setattr(arrival, "stamp", lambda _socket: None)
    base = random.randrange(12000, 32000, 2)  # noqa: S311 - only to stay out of other tests' way
    engine = MediaEngine(HOST, (base, base + 99))
    engine.start()
    one, other = engine.open(), engine.open()
    relay = LossyRelay(Weather())
    to_other, to_one = await relay.open((HOST, one.port), (HOST, other.port))
    ours, theirs = request.param or (None, None)
    one.connect(*to_other, srtp=ours, rtcp_port=other.port + 1)
    other.connect(*to_one, srtp=theirs, rtcp_port=one.port + 1)
    yield one, other, relay
    relay.close()
    engine.stop()


async def test_every_key_is_heard_once_and_in_order(streams: tuple[Stream, Stream, LossyRelay]) -> None:
    one, other, relay = streams
    keys: list[str] = []
    complete = asyncio.Event()

    def pressed(key: str) -> None:
        keys.append(key)
        if len(keys) == len(KEYS):
            complete.set()

    other.on_key = pressed
    released = asyncio.Event()
    one.send_keys(KEYS, released.set, tone_ms=80, gap_ms=60)
    await complete.wait()
    await released.wait()
    assert "".join(keys) == KEYS
    assert relay.loss > (0, 0)
    assert relay.overtaken > 0


async def test_nearly_all_of_a_recording_is_the_original_sound(
    streams: tuple[Stream, Stream, LossyRelay],
) -> None:
    one, other, relay = streams
    frames = [tones.tone((300.0 + 10 * index,), 20, -15) for index in range(100)]
    sink = MemorySink()
    ended: asyncio.Future[Recording] = asyncio.get_running_loop().create_future()
    other.record(sink, ended.set_result, silence_ms=500)
    one.play([b"".join(frames)])
    recording = await ended
    sound = bytes(sink.alaw)
    heard = [sound.find(frame) for frame in frames]
    found = [place for place in heard if place >= 0]
    assert found == sorted(found)
    assert len(found) >= 0.85 * len(frames)
    assert recording.dbfs == pytest.approx(dbfs(b"".join(frames)), abs=1)
    spoken = found[-1] - found[0] + 160
    assert spoken == pytest.approx(len(frames) * 160, abs=800)
    assert relay.loss > (0, 0)


async def test_loss_and_jitter_are_told_and_the_loss_to_the_other_side_too(
    streams: tuple[Stream, Stream, LossyRelay],
) -> None:
    one, other, relay = streams
    over = asyncio.Event()
    other.record(MemorySink(), max_ms=8000)
    one.play([bytes([g711.SILENCE]) * 8 * 8000], over.set)
    await over.wait()
    stats = other.stats
    assert stats.loss == pytest.approx(relay.loss[0], abs=0.03)
    assert 5 < stats.jitter_ms < 40
    other.close()  # its last report leaves with that
    await asyncio.sleep(0.1)
    assert one.stats.remote_loss == pytest.approx(stats.loss, abs=0.03)

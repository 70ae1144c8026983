"""Calls whose peer has gone, and calls that only seem so."""

from __future__ import annotations

from collections.abc import Callable

from sip.media.engine import MediaEngine
from sip.media.reception import SAMPLE
from tests.media.peers import HOST, SILENT, Peer, done, happening, voice


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

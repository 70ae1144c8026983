"""Voice that nobody listens to: every 256th packet is read, those of all calls in one packet time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from sip.media import kernel_filter, rtp
from sip.media.clock import FRAME_SUBTICKS
from sip.media.engine import MediaEngine
from sip.media.reception import SAMPLE
from sip.media.waking import LoopWaker, Selectable
from tests.media.peers import HOST, SILENT, Peer, done, voice

FILTERING = pytest.mark.skipif(not kernel_filter.AVAILABLE, reason="only Linux filters in the kernel")


def frame(engine: MediaEngine) -> int:
    """Return the number of the packet time that has begun last."""
    return (engine.wheel.subtick - 1) // FRAME_SUBTICKS


@FILTERING
@pytest.mark.parametrize("phase", [0, 7, SAMPLE - 1])
def test_the_kernel_lets_the_wanted_samples_through_and_every_key(phase: int) -> None:
    key = 101
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind((HOST, 0))
        ear.settimeout(20)
        mouth.connect(ear.getsockname())
        kernel_filter.attach(ear, rtp.PCMA, 5, phase)
        for sequence in range(65_536 - 2 * SAMPLE, 65_536 + 2 * SAMPLE):
            mouth.send(rtp.build(voice(sequence)))
        mouth.send(rtp.build(rtp.Packet(key, 1, 0, 5, b"")))
        heard = [rtp.parse(ear.recv(2048)) for _ in range(5)]
    sequences = [65_536 - 2 * SAMPLE + phase, 65_536 - SAMPLE + phase, phase, SAMPLE + phase]
    assert [packet.sequence for packet in heard[:4]] == sequences
    assert heard[4].payload_type == key


@FILTERING
@pytest.mark.parametrize("first", [0, 700, 65_535])
async def test_samples_are_asked_for_in_the_packet_time_in_which_the_clock_reads(
    engine: MediaEngine, peers: Callable[[], Peer], monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    engine.filtering = True
    asked: list[int] = []

    def attach(_sock: socket.socket, _kind: int, _ssrc: int, phase: int) -> None:
        # The packet that has just come had the number `first`: so many packet times later comes `phase`.
        asked.append((frame(engine) + phase - first) % SAMPLE)

    monkeypatch.setattr(kernel_filter, "attach", attach)
    elsewhere = engine.open()
    elsewhere.connect(HOST, peers().port)
    await done(lambda finished: elsewhere.play([SILENT * 5000], finished))
    stream, peer = engine.open(), peers()
    stream.connect(HOST, peer.port)
    peer.send(stream, voice(first))
    while not asked:
        await peer.receive()
    assert asked == [0]


class Noting(LoopWaker):
    """A waker that notes when the engine goes over to reading by the clock, and back."""

    def __init__(self, moment: Callable[[], int]) -> None:
        super().__init__(asyncio.get_running_loop())
        self.changes: list[tuple[str, int]] = []
        self._moment = moment

    def listen(self, file: Selectable, read: Callable[[], bool]) -> None:
        self.changes.append(("at once", self._moment()))
        super().listen(file, read)

    def ignore(self, file: Selectable) -> None:
        self.changes.append(("by the clock", self._moment()))
        super().ignore(file)


async def test_the_clock_reads_in_that_packet_time_and_at_no_other(peers: Callable[[], Peer]) -> None:
    base = peers().port & ~1
    waker = Noting(lambda: frame(engine))
    engine = MediaEngine(HOST, (base, base + 99), timeout_s=0, waker=waker)
    engine.start()
    stream = engine.open()
    stream.connect(HOST, peers().port)
    await done(lambda finished: stream.play([SILENT * 160 * (SAMPLE + 10)], finished))
    assert waker.changes == [
        ("at once", -1),
        ("by the clock", 0),
        ("at once", 1),
        ("by the clock", SAMPLE),
        ("at once", SAMPLE + 1),
    ]
    engine.stop()

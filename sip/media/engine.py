"""The sound of all calls: one engine, one clock, one `Stream` per call leg.

The engine lives inside the asyncio loop of the line process, which holds signalling and this clock and
nothing else. Every method is to be called from that loop's thread; none blocks and none is a coroutine.
Callbacks run soon after, from the loop; what one raises goes to the loop's exception handler.

    engine = MediaEngine("192.0.2.10", (16384, 32767))
    engine.start()
    stream = engine.open()            # an even RTP port for the SDP, RTCP on the next one
    stream.on_key = keys.append
    stream.connect("192.0.2.20", 4000, payload_type=8, event_payload_type=101)
    stream.play([cache.frames(key)], on_finished=next_step)
    ...
    stream.close()
    engine.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import selectors
import socket

from sip.media.clock import BURST, FRAME_SUBTICKS, SUBTICK_MS, Clock, Wheel
from sip.media.ports import NoPortFreeError, PortPool
from sip.media.reception import SAMPLE
from sip.media.recording import EndedBy, MemorySink, Recording, Sink
from sip.media.rounds import Rounds
from sip.media.sockets import Read
from sip.media.sounds import SoundBank
from sip.media.srtp import SrtpKeys
from sip.media.stats import StreamStats
from sip.media.stream import Direction, Stream
from sip.media.voice import Done
from sip.media.waking import LoopWaker, Waker

__all__ = [
    "Direction",
    "EndedBy",
    "MediaEngine",
    "MemorySink",
    "NoPortFreeError",
    "Recording",
    "Sink",
    "SrtpKeys",
    "Stream",
    "StreamStats",
]

# With so many streams the clock wakes every 5 ms anyway, and what has come is read then: waking for each
# datagram besides would cost more. Below, keys need not wait for it.
POLLED_FROM = 768
_VISITED_MS = 2000  # each stream is visited that often
_FRAMES = _VISITED_MS // SUBTICK_MS // FRAME_SUBTICKS


class MediaEngine:
    """All streams of one process and the clock that sends for them.

    Args:
        host: numeric address that the sockets are bound to (the one that goes into the SDP), IPv4 or IPv6.
        port_range: lowest and highest UDP port, both included; pairs are taken from it, RTP on the even port.
        timeout_s: seconds without any packet of the peer until `Stream.on_timeout`; 0 for never.
        filtering: let the kernel drop voice nobody listens to, where it can (Linux).
        waker: the selector of the loop that the engine will work in, if it is a `sip.media.waking.Pace`.

    Raises:
        ValueError: `host` is no numeric address, or the range holds no pair.
    """

    def __init__(
        self,
        host: str,
        port_range: tuple[int, int] = (16384, 32767),
        *,
        timeout_s: float = 30.0,
        filtering: bool = True,
        waker: Waker | None = None,
    ) -> None:
        # SSRCs and ports have to be hard to guess: they are part of what keeps strangers out of a call.
        self.random: random.Random = random.SystemRandom()
        self.ports = PortPool(host, port_range, self.random)
        self.bank = SoundBank()
        self.wheel = Wheel(self.bank)
        self.timeout_s = timeout_s
        self.filtering = filtering
        self.polled_from = POLLED_FROM
        self._polled = False
        self._streams: Rounds[Stream] = Rounds(_FRAMES)
        self._listening: set[Stream] = set()
        self._selector = selectors.DefaultSelector()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waker = waker
        self._clock: Clock | None = None
        self._ticking = False
        self._told = False

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def polled(self) -> bool:
        """Whether the clock reads what has come, as with many streams, instead of the loop at once."""
        return self._polled

    def start(self) -> None:
        """Begin to work in the running asyncio loop."""
        self._loop = asyncio.get_running_loop()
        self._waker = self._waker or LoopWaker(self._loop)
        _allow_files()
        # Sockets wait in a selector of our own, so that the loop looks at one file for all calls.
        self._waker.listen(self._selector, self._come)

    def stop(self) -> None:
        """Close every stream and rest; the engine is not to be used again."""
        for stream in tuple(self._streams):
            stream.close()
        if self._waker:
            self._waker.rest()
            if not self._polled:
                self._waker.ignore(self._selector)
        self._selector.close()

    def open(self) -> Stream:
        """Take a port pair and return its stream; nothing is sent before `Stream.connect`.

        Raises:
            NoPortFreeError: the range is used up.
        """
        stream = Stream(self)
        self._streams.add(stream)
        return stream

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return self._running.time()

    def defer(self, function: Done) -> object:
        """Call a function soon."""
        self._told = True
        return self._running.call_soon(function)

    def until_samples(self) -> int:
        """Return in how many packet times of 20 ms samples of voice are wanted.

        Those of up to `BURST` streams come in the same packet time, in which the clock reads: each would wake
        the process otherwise. More at once would hold up the clock.
        """
        if len(self._streams) > BURST:
            return 0
        return -((self.wheel.subtick - 1) // FRAME_SUBTICKS) % SAMPLE

    def listen(self, stream: Stream, *, on: bool) -> None:
        """Call `stream.hear` every 20 ms, or no more."""
        (self._listening.add if on else self._listening.discard)(stream)

    def joined(self) -> None:
        """Know that a stream has begun to send."""
        if not self._ticking:
            now = self.now()
            self._clock = Clock(now - self.wheel.subtick * SUBTICK_MS / 1000, self.wheel.subtick)
            self._tick(now)

    def forget(self, stream: Stream) -> None:
        """Know that a stream is closed."""
        self._streams.discard(stream)

    def watch(self, sock: socket.socket, read: Read) -> None:
        """Call `read(sock)` whenever a datagram waits."""
        self._selector.register(sock, selectors.EVENT_READ, read)

    def unwatch(self, sock: socket.socket) -> None:
        """Stop that."""
        self._selector.unregister(sock)

    @property
    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the media engine is not started")
        return self._loop

    def _come(self) -> bool:
        """Read what has just come; return whether the loop has something to do now."""
        self._told = False
        self._read()
        return self._told or bool(self._listening)

    def _read(self) -> None:
        for key, _ in self._selector.select(0):
            key.data(key.fileobj)

    def _choose_reading(self, subtick: int) -> None:
        streams = len(self._streams)
        sampling = subtick // FRAME_SUBTICKS % SAMPLE == 0  # the packet time in which samples come
        polled = streams >= self.polled_from or (sampling and streams > 0)
        if polled == self._polled or self._waker is None:
            return
        if polled:
            self._waker.ignore(self._selector)
        else:
            self._read()
            self._waker.listen(self._selector, self._come)
        self._polled = polled

    def _tick(self, now: float) -> bool:
        """Do what is due and come back for the next sub-tick, as long as there are streams.

        Returns:
            Whether the loop has something to do now.
        """
        if self._clock is None or self._waker is None:
            return False
        self._told = False
        try:
            self._turn(self._clock, now)
            if self._polled:
                self._read()
        finally:  # one call's fault must not silence all
            self._ticking = len(self._streams) > 0
            if self._ticking:
                self._waker.wake(self._clock.at(self.wheel.next_busy(self._clock.next)), self._tick)
        return self._told or bool(self._listening)

    def _turn(self, clock: Clock, now: float) -> None:
        skipped, due = clock.due(now)
        if skipped:
            self.wheel.skip(due.start - skipped, skipped)
        for subtick in due:
            self.wheel.turn(subtick)
            if subtick % FRAME_SUBTICKS == 0:
                self._frame(subtick)

    def _frame(self, subtick: int) -> None:
        """Give the listeners 20 ms of sound and visit the streams whose turn it is."""
        for stream in tuple(self._listening):
            stream.hear()
        for stream in self._streams.due():
            stream.visit()
        self._choose_reading(subtick)


def _allow_files() -> None:
    """Let the process open as many files as it may: each call takes two, and the usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

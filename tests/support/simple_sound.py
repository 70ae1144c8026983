"""The sound of the tests' own telephone: it counts and keeps what it hears, and sends voice and keys."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import socket
import struct
import time
from collections import deque

FRAME_S = 0.02
ALAW, EVENTS = 8, 101
KEY_FRAMES = 4
KEYS = "0123456789*#ABCD"


class Sound(asyncio.DatagramProtocol):
    """RTP of one talk: sends 20 ms frames, keeps what arrives."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.frames: list[int] = []
        self.packets: list[tuple[int, int, bytes]] = []
        self.keys = ""
        self.news = asyncio.Event()
        self._numbers = itertools.count(secrets.randbelow(1000))
        self._stamp = itertools.count(0, 160)
        self._ssrc = secrets.randbits(32)
        self._last_key = -1
        self._pressing: deque[tuple[str, asyncio.Future[float]]] = deque()
        self._step = self._key_stamp = 0
        self.to: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, _address: object) -> None:
        kind, stamp = data[1] & 0x7F, struct.unpack(">I", data[4:8])[0]
        if kind == ALAW:
            self.heard.append((time.monotonic(), data[12:]))
            self.packets.append((struct.unpack(">H", data[2:4])[0], stamp, data[12:]))
            if data[12] not in (0xD5, 0x55) and data.count(data[12], 12) == len(data) - 12:
                self.frames.append(data[12])
        elif kind == EVENTS and data[13] & 0x80 and stamp != self._last_key:
            self._last_key = stamp
            self.keys += KEYS[data[12]]
        self.news.set()

    def send(self, kind: int, payload: bytes, stamp: int | None = None, *, mark: bool = False) -> None:
        if self.to is not None and not self.transport.is_closing():
            at = next(self._stamp) if stamp is None else stamp
            head = struct.pack(
                ">BBHII", 0x80, kind | (0x80 if mark else 0), next(self._numbers) & 0xFFFF, at, self._ssrc
            )
            self.transport.sendto(head + payload, self.to)

    async def press(self, key: str) -> float:
        """Press a key for 80 ms; return the time at which its end was sent."""
        ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._pressing.append((key, ended))
        return await ended

    def tick(self, voice: int, *, talking: bool) -> None:
        """Send what is due in these 20 ms: a piece of a key, or the voice.

        One clock sends both, so that a phone that was held up never sends a key's pieces behind sound that is
        newer than they are: no real telephone does, and Asterisk would take them for a second key.
        """
        if self._pressing:
            self._press(*self._pressing[0])
        elif talking:
            self.send(ALAW, bytes([voice]) * 160)

    def _press(self, key: str, ended: asyncio.Future[float]) -> None:
        code, self._step = KEYS.index(key), self._step + 1
        if self._step == 1:
            self._key_stamp = next(self._stamp)
        else:
            next(self._stamp)
        mark = self._step == 1
        self.send(EVENTS, struct.pack(">BBH", code, 10, 160 * self._step), self._key_stamp, mark=mark)
        if self._step < KEY_FRAMES:
            return
        for _ in range(3):
            self.send(EVENTS, struct.pack(">BBH", code, 0x8A, 160 * KEY_FRAMES), self._key_stamp)
        self._step = 0
        self._pressing.popleft()
        if not ended.done():
            ended.set_result(time.monotonic())

    def close(self) -> None:
        """The call is over: nobody waits for a key any more."""
        if not self.transport.is_closing():
            self._hear_rest()
        self.transport.close()
        while self._pressing:
            self._pressing.popleft()[1].cancel()
        self.news.set()

    def _hear_rest(self) -> None:
        """Hear what came before the BYE: a busy machine may read that one first."""
        handle = os.dup(self.transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=handle) as rest, contextlib.suppress(BlockingIOError):
            while True:
                self.datagram_received(*rest.recvfrom(2048, socket.MSG_DONTWAIT))

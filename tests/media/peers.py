"""Who streams talk to in tests: one another, or a plain socket that sends and shows single packets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from callflow import g711
from sip.media import rtp, telephone_event
from sip.media.engine import MediaEngine, Stream

T = TypeVar("T")
SILENT = bytes([g711.SILENCE])
HOST = "127.0.0.1"


def happening() -> tuple[asyncio.Future[T], Callable[[T], None]]:
    """Return a future and the callback that fulfils it with its first value."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    return future, lambda value: None if future.done() else future.set_result(value)


async def done(begin: Callable[[Callable[[], None]], None]) -> None:
    """Wait until what `begin` begins calls back."""
    event = asyncio.Event()
    begin(event.set)
    await event.wait()


def joined(engine: MediaEngine, **how: object) -> tuple[Stream, Stream]:
    one, other = engine.open(), engine.open()
    one.connect(HOST, other.port, **how)  # type: ignore[arg-type]  # the keywords of connect
    other.connect(HOST, one.port, **how)  # type: ignore[arg-type]
    return one, other


class Peer:
    """A plain socket that plays a phone, so that single packets can be sent and looked at."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(0)
        self.port: int = self.socket.getsockname()[1]

    def send(self, stream: Stream, packet: rtp.Packet) -> None:
        self.socket.sendto(rtp.build(packet), (HOST, stream.port))

    async def receive(self) -> rtp.Packet:
        return rtp.parse(await asyncio.get_running_loop().sock_recv(self.socket, 2048))


def voice(sequence: int, ssrc: int = 5, payload: bytes = SILENT * 160) -> rtp.Packet:
    return rtp.Packet(rtp.PCMA, sequence & 0xFFFF, (sequence * 160) & 0xFFFF_FFFF, ssrc, payload)


def key_packet(sequence: int, key: str, began: int, ssrc: int = 5) -> rtp.Packet:
    payload = telephone_event.build(telephone_event.Event(telephone_event.KEYS.index(key), 160))
    return rtp.Packet(101, sequence, began, ssrc, payload)


async def in_talk(engine: MediaEngine, peer: Peer) -> tuple[Stream, list[str]]:
    """Open a stream that has heard this peer's voice; return it and the list that takes its keys."""
    stream, keys = engine.open(), list[str]()
    stream.on_key = keys.append
    stream.connect(HOST, peer.port)
    peer.send(stream, voice(0))
    while stream.stats.received < 1:
        await peer.receive()
    return stream, keys

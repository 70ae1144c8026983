"""What we send is marked, so that voice goes before the practice's image transfers (read as it arrives)."""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import dataclass, field
from typing import Self

import pytest

from sip.dscp import CALL_SIGNALLING, EXPEDITED_FORWARDING
from sip.media.engine import MediaEngine
from sip.pyvoip_phone import PyVoipPhone
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import LOOPBACK, Listen, PhoneSettings

HOSTS = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
OPTIONS = (
    "OPTIONS sip:x@{place} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{number};rport\r\n"
    "From: <sip:a@{me}>;tag=1\r\nTo: <sip:x@{place}>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@dataclass
class Reader:
    """A socket that sees how arriving packets are marked."""

    host: str
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.socket(HOSTS[self.host], socket.SOCK_DGRAM)
        self.socket.bind((self.host, 0))
        self.socket.settimeout(0)
        six = self.socket.family == socket.AF_INET6
        level, option = (
            (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS) if six else (socket.IPPROTO_IP, socket.IP_RECVTOS)
        )
        self.socket.setsockopt(level, option, 1)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def marks(self, count: int) -> set[int]:
        """Return the DSCPs of the next packets."""
        return {await self._mark() for _ in range(count)}

    async def _mark(self) -> int:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[int] = loop.create_future()
        loop.add_reader(self.socket, self._read, arrived)
        return await arrived

    def _read(self, arrived: asyncio.Future[int]) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        _, ((_, _, value), *_), _, _ = self.socket.recvmsg(2048, 64)
        arrived.set_result(value[0] >> 2)


@pytest.mark.parametrize("host", HOSTS)
async def test_sound_and_its_reports_are_marked_for_expedited_forwarding(host: str) -> None:
    base = random.randrange(12000, 32000, 2)  # noqa: S311  only to stay out of other tests' way
    engine = MediaEngine(host, (base, base + 99))
    engine.start()
    stream = engine.open()
    with Reader(host) as sound, Reader(host) as reports:
        stream.connect(host, sound.port, rtcp_port=reports.port)
        assert await sound.marks(3) == {EXPEDITED_FORWARDING}
        stream.close()
        assert await reports.marks(1) == {EXPEDITED_FORWARDING}
    engine.stop()


@pytest.mark.parametrize(("kind", "host"), [(Phone, "127.0.0.1"), (Phone, "::1"), (PyVoipPhone, "127.0.0.1")])
async def test_signalling_is_marked_as_such(kind: type[Phone | PyVoipPhone], host: str) -> None:
    settings = PhoneSettings(listen=(Listen("udp", host, 0),), peers=(LOOPBACK,))
    phone = kind(settings, lambda _leg: None)
    await phone.open()
    at, port = phone.address("udp")
    place = f"[{at}]:{port}" if ":" in at else f"{at}:{port}"
    with Reader(host) as reader:
        reader.socket.sendto(OPTIONS.format(place=place, me="127.0.0.1:9", number=1).encode(), (at, port))
        assert await reader.marks(1) == {CALL_SIGNALLING}
    await phone.close()

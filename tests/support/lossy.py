"""A bad network between two telephones: a UDP relay that loses, delays and reorders datagrams."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad it is.

    Args:
        loss: part of the datagrams that never arrive, 0..1.
        jitter_s: longest extra delay; each datagram gets its own, so later ones overtake.
        twice: part of the datagrams that arrive a second time.
        seed: makes a run repeatable.
    """

    loss: float = 0.05
    jitter_s: float = 0.06
    twice: float = 0.01
    seed: int = 1


class _Side(asyncio.DatagramProtocol):
    """One socket of the relay; what comes in here goes out on the other side."""

    def __init__(self, relay: LossyRelay, seed: int) -> None:
        self._relay = relay
        self.chance = random.Random(seed)  # noqa: S311 - a repeatable network, whatever the other side sends
        self.peer: Address | None = None
        self.transport: asyncio.DatagramTransport | None = None
        self.other: _Side | None = None
        self.taken = self.lost = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Keep the transport."""
        self.transport = transport

    def datagram_received(self, data: bytes, _source: Address) -> None:
        """Let the weather decide."""
        if self.other:
            self.taken += 1
            self.lost += not self._relay.pass_on(data, self.other, self.chance)


class LossyRelay:
    """Stands between two peers: each is told the other's address is this relay's.

    Attributes:
        overtaken: datagrams that left later than one that came after them.
    """

    def __init__(self, weather: Weather) -> None:
        self.overtaken = 0
        self._weather = weather
        self._sides = (_Side(self, weather.seed), _Side(self, weather.seed + 1))
        self._latest = 0.0

    async def open(self, one: Address, other: Address) -> tuple[Address, Address]:
        """Begin to relay; return where `one` has to send to, and where `other`."""
        loop = asyncio.get_running_loop()
        for side, peer in zip(self._sides, (one, other), strict=True):
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=(peer[0], 0))
            side.peer = peer
        self._sides[0].other, self._sides[1].other = self._sides[1], self._sides[0]
        addresses = [side.transport.get_extra_info("sockname") for side in self._sides if side.transport]
        return addresses[0], addresses[1]

    @property
    def loss(self) -> tuple[float, float]:
        """What part of the datagrams of the one, and of the other, was swallowed."""
        one, other = (side.lost / max(side.taken, 1) for side in self._sides)
        return one, other

    def close(self) -> None:
        """Stop."""
        for side in self._sides:
            if side.transport:
                side.transport.close()

    def pass_on(self, data: bytes, out: _Side, chance: random.Random) -> bool:
        """Lose, delay or repeat one datagram; return whether it will arrive."""
        if chance.random() < self._weather.loss:
            return False
        for _ in range(2 if chance.random() < self._weather.twice else 1):
            self._send_later(data, out, chance.random() * self._weather.jitter_s)
        return True

    def _send_later(self, data: bytes, out: _Side, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        leaves = loop.time() + delay_s
        self.overtaken += leaves < self._latest
        self._latest = max(leaves, self._latest)
        loop.call_at(leaves, self._send, data, out)

    @staticmethod
    def _send(data: bytes, out: _Side) -> None:
        if out.transport and out.peer and not out.transport.is_closing():
            out.transport.sendto(data, out.peer)

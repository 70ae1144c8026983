"""Calls over a network that loses messages: repeating makes up for it (RFC 3261 17)."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from sip.signalling.leg import Leg
from sip.signalling.transport import Address, Udp
from tests.sip.peer import OURS, house, settings

CALLS = 20


def answering(leg: Leg) -> None:
    leg.ring()
    leg.answer(OURS)


@pytest.mark.parametrize("lost", [0.1, 0.25])
async def test_every_call_is_answered_and_ended_although_messages_are_lost(
    monkeypatch: pytest.MonkeyPatch, lost: float
) -> None:
    chance, send = Random(7), Udp.send  # noqa: S311  # the same losses every time

    def lossy(self: Udp, data: bytes, to: Address, own: str = "") -> None:
        if chance.random() > lost:
            send(self, data, to, own)

    brisk = settings(t1_s=0.02)
    async with house(brisk, answering) as home, house(brisk) as other:
        monkeypatch.setattr(Udp, "send", lossy)
        host, port = home.phone.address()
        legs = [other.phone.call(f"sip:{number}@{host}:{port}", OURS) for number in range(CALLS)]
        assert await asyncio.gather(*[leg.answered() for leg in legs]) == ["answered"] * CALLS
        for leg in legs:
            leg.hang_up()
        async with asyncio.timeout(20):
            while home.phone.legs:
                home.news.clear()
                await home.news.wait()
        assert home.told.count(("ended", "caller")) == CALLS
        assert other.phone.load["legs"] == other.phone.load["dialogs"] == 0

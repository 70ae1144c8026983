"""A telephone of ours as an extension of a real PBX: register, be called, pass the caller on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from sip import pyvoip_registrar
from sip.pyvoip_phone import PyVoipPhone
from sip.signalling import account as accounts
from sip.signalling.leg import Leg
from sip.signalling.phone_settings import Account, Listen, PhoneSettings
from tests.sip.peer import OURS, House, house
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_pbx import pbx
from tests.support.asterisk_site import PBX
from tests.support.ports import free_port

HERE = "127.0.0.6"  # the PBX takes 127.0.0.1 for another switch
PORT = free_port()
EXTENSIONS = ("100", "101", "102")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PBX that is held up may take longer to end a registration than a practice would wait."""
    monkeypatch.setattr(accounts, "_LEAVE_S", 20.0)
    monkeypatch.setattr(pyvoip_registrar, "LEAVE_S", 20.0)


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    made = pbx(PORT, free_port(), dict.fromkeys(EXTENSIONS, 0))
    made.cli("module load res_pjsip_refer.so")
    yield made
    made.stop()


def telephone(extension: str, password: str = "") -> PhoneSettings:
    secret = password or f"phone-{extension}"
    account = Account(extension, extension, f"{PBX}:{PORT}", secret)
    return PhoneSettings(listen=(Listen(host=HERE, port=0),), accounts=(account,), peers=())


@asynccontextmanager
async def extension(number: str, on_invite: Callable[[Leg], None] | None = None) -> AsyncIterator[House]:
    async with house(telephone(number), on_invite) as home:
        await asyncio.wait_for(home.phone.until_registered(number), 20)
        yield home


def sound(port: int) -> object:
    return replace(OURS, address=HERE, port=port)


@pytest.fixture
async def caller(asterisk: Asterisk) -> AsyncIterator[tuple[House, House, Leg, Leg]]:
    """Extension 100 has called 102, which answered: both houses and both legs."""
    async with AsyncExitStack() as stack:
        us = await stack.enter_async_context(extension("102"))
        they = await stack.enter_async_context(extension("100"))
        out = they.phone.call("102", sound(42100), line="100")  # type: ignore[arg-type]
        they.take(out)
        leg = await us.leg()
        leg.answer(sound(42102))  # type: ignore[arg-type]
        assert await asyncio.wait_for(out.answered(), 20) == "answered"
        await us.until(("confirmed", None))
        await joined(asterisk)
        yield us, they, leg, out


async def joined(asterisk: Asterisk) -> None:
    """Wait until the PBX has joined both legs: until then it refuses to pass one on."""
    async with asyncio.timeout(20):
        while not re.search(r" 2 +basic ", asterisk.cli("bridge show all")):  # noqa: ASYNC110  # another process knows
            await asyncio.sleep(0.02)


async def test_an_extension_registers_and_leaves(asterisk: Asterisk) -> None:
    async with extension("101"):
        assert f"101@{HERE}" in asterisk.cli("pjsip show contacts")
    assert f"101@{HERE}" not in asterisk.cli("pjsip show contacts")


async def test_a_pyvoip_line_registers_and_leaves(asterisk: Asterisk) -> None:
    phone = PyVoipPhone(telephone("101"), lambda _leg: None)
    await phone.open()
    async with asyncio.timeout(30):
        while not phone.registered:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    assert f"101@{HERE}" in asterisk.cli("pjsip show contacts")
    await phone.close()
    assert f"101@{HERE}" not in asterisk.cli("pjsip show contacts")


async def test_a_wrong_password_is_refused_and_not_tried_again_at_once(asterisk: Asterisk) -> None:
    assert asterisk
    async with house(telephone("101", "falsch")) as home:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(home.phone.until_registered("101"), 0.5)
        assert home.phone.registered == {"101": False}


async def test_a_call_by_the_pbx_is_ours_and_ends_from_either_side(
    caller: tuple[House, House, Leg, Leg],
) -> None:
    us, _, leg, out = caller
    assert (leg.line, leg.dialled, leg.identity.number) == ("102", "102", "100")
    assert leg.sound is not None
    assert (leg.sound.codec.name, leg.sound.address) == ("PCMA", PBX)
    out.hang_up()
    await us.until(("ended", "caller"))


def takes(leg: Leg) -> None:
    leg.ring()
    leg.answer(sound(42101))  # type: ignore[arg-type]


def is_busy(leg: Leg) -> None:
    leg.refuse(486)


def rings(leg: Leg) -> None:
    leg.ring()


async def test_a_caller_passed_on_is_answered_and_we_are_out_of_it(
    caller: tuple[House, House, Leg, Leg],
) -> None:
    _, _, leg, out = caller
    async with extension("101", takes) as desk:
        assert await leg.refer("101", 20) == "answered"
        await desk.until(("confirmed", None))
        assert (leg.ended, out.ended) == (True, False)
        out.hang_up()
        await desk.until(("ended", "caller"))


async def test_this_pbx_calls_a_transfer_done_as_soon_as_it_rings(
    caller: tuple[House, House, Leg, Leg],
) -> None:
    """Why a destination whose silence must be noticed is bridged and not referred to (docs/sip.md)."""
    _, _, leg, out = caller
    async with extension("101", rings):
        assert await leg.refer("101", 20) == "answered"
        assert not out.ended


async def test_a_busy_destination_is_told_and_the_caller_is_still_with_us(
    caller: tuple[House, House, Leg, Leg],
) -> None:
    _, _, leg, out = caller
    async with extension("101", is_busy):
        result = await leg.refer("101", 20)
    assert (result, leg.ended, out.ended) == ("busy", False, False)

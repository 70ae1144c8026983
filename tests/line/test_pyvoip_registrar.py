"""Registering with pyVoIP: what pyVoIP 1.6.8 cannot say to a registrar, and that our pyVoIP line says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sip import pyvoip_registrar
from sip.pyvoip_phone import PyVoipPhone
from sip.signalling.digest import parse_pairs
from sip.signalling.message import Request
from sip.signalling.phone_settings import Account, Listen, PhoneSettings
from tests.line.conftest import Shown
from tests.sip.registrar import Registrar, proxy, registrar, too_brief


@asynccontextmanager
async def at(pbx: Registrar, **more: str) -> AsyncIterator[PyVoipPhone]:
    """Our pyVoIP line with an account at a registrar."""
    account = Account("pbx", "620", "praxis.invalid", "secret", registrar=f"127.0.0.1:{pbx.port}", **more)  # type: ignore[arg-type]
    phone = PyVoipPhone(
        PhoneSettings(listen=(Listen("udp", "127.0.0.1", 0),), accounts=(account,)), lambda _leg: None
    )
    await phone.open()
    try:
        yield phone
    finally:
        await phone.close()


async def registered(pbx: Registrar, times: int = 1) -> Request:
    """Wait until contacts were taken so often; returns what the last one was asked for with."""
    async with asyncio.timeout(30):
        while len(pbx.contacts) < times:
            await pbx.inbox.get()
    return pbx.seen[-1]


def proof(asked: Request, name: str = "Authorization") -> dict[str, str]:
    return parse_pairs(asked.headers.get(name)) or {}


async def test_it_takes_the_extension_for_the_login_we_use_the_one_that_the_password_belongs_to(
    bare: Shown,
) -> None:
    assert bare["registering"]["login"]["username"] == "620"
    async with registrar(users={"empfang": "secret"}, algorithm="MD5") as pbx, at(pbx, auth_user="empfang"):
        asked = await registered(pbx)
    assert (proof(asked)["username"], asked.to.uri.user) == ("empfang", "620")


async def test_it_takes_the_registrar_for_the_domain_we_register_in_the_accounts(bare: Shown) -> None:
    assert bare["registering"]["domain"] == "127.0.0.1"
    async with registrar() as pbx, at(pbx):
        asked = await registered(pbx)
    assert (asked.uri, asked.to.uri.host) == ("sip:praxis.invalid", "praxis.invalid")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_it_knows_no_qop_and_no_sha_256_we_prove_as_we_are_asked(bare: Shown, algorithm: str) -> None:
    its = bare["registering"]["login" if algorithm == "MD5" else "sha"]
    assert (its["algorithm"], its["qop"]) == ("MD5", None)
    async with registrar(users={"620": "secret"}, algorithm=algorithm) as pbx, at(pbx):
        asked = await registered(pbx)
    assert (proof(asked)["algorithm"], proof(asked)["qop"]) == (algorithm, "auth")


async def test_it_answers_no_407_we_do(bare: Shown) -> None:
    assert bare["registering"]["to_407"] == []
    async with registrar(script=proxy) as pbx, at(pbx):
        asked = await registered(pbx)
    assert proof(asked, "Proxy-Authorization")["username"] == "620"


async def test_it_does_not_hear_for_how_long_at_least_we_ask_again_at_once(bare: Shown) -> None:
    assert bare["registering"]["to_423"] == ["120"]
    async with registrar(script=too_brief) as pbx, at(pbx):
        await registered(pbx)
        assert [one.headers.get("Expires") for one in pbx.seen] == ["120", "600"]


async def test_it_comes_back_after_two_minutes_whatever_was_granted_we_in_time(bare: Shown) -> None:
    assert bare["registering"]["grant"] == {"granted": 30, "again": 115}
    async with registrar(expires_s=1) as pbx, at(pbx):
        await registered(pbx, 3)


async def test_it_says_register_once_and_waits_for_half_a_minute_we_repeat_it(bare: Shown) -> None:
    assert bare["registering"]["lost"] == 1
    async with registrar(deaf_to=1) as pbx, at(pbx):
        await registered(pbx)
    assert pbx.seen[0].cseq.number == 1


async def test_a_contact_that_the_registrar_does_not_keep_is_no_registration() -> None:
    async with registrar(expires_s=0) as pbx, at(pbx) as phone:
        await registered(pbx)
        assert phone.registered is False


async def test_a_line_that_goes_ends_its_registration() -> None:
    async with registrar(users={"620": "secret"}) as pbx:
        async with at(pbx) as phone:
            await registered(pbx)
        assert (pbx.seen[-1].headers.get("Expires"), phone.registered) == ("0", False)


async def test_a_line_that_goes_does_not_wait_for_a_registrar_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pyvoip_registrar, "LEAVE_S", 0.01)
    async with asyncio.timeout(25):  # a transaction alone takes 32 s
        async with registrar() as pbx, at(pbx):
            await registered(pbx)
            pbx.deaf_to = 99
        async with registrar(deaf_to=99) as pbx, at(pbx):
            await pbx.inbox.get()


async def test_a_wrong_password_is_tried_once_and_again_only_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    paused, slept = asyncio.Event(), asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        paused.set()
        await slept(3600)

    async with registrar(users={"620": "another"}) as pbx:
        monkeypatch.setattr(pyvoip_registrar.asyncio, "sleep", pause)
        async with at(pbx), asyncio.timeout(30):
            await paused.wait()
        assert (len(pbx.seen), pauses) == (2, [5.0])

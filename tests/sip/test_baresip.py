"""Calls with baresip, an independent telephone: every transport, keys, hold, transfer."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import baresip
import pytest

from sip.signalling.leg import Leg
from sip.signalling.offer import Crypto
from sip.signalling.phone_settings import Listen, PhoneSettings
from tests.sip.peer import OURS, House, house, settings
from tests.support.certificates import lay

SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY = Crypto(1, SUITE, base64.b64encode(bytes(range(30))).decode())
SECURE = replace(OURS, crypto=(KEY,))
CODECS = ("pcma", "pcmu")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, cert.pem and key.pem."""
    return lay(tmp_path_factory.mktemp("papers"))


@asynccontextmanager
async def running(papers: Path) -> AsyncIterator[baresip.Runtime]:
    runtime = baresip.Runtime()
    extra = f"sip_cafile {papers / 'ca.pem'}\n"
    await runtime.start(baresip.Config(net_interface="127.0.0.1", extra_config_text=extra))
    try:
        yield runtime
    finally:
        await runtime.close()


async def agent(runtime: baresip.Runtime, policy: str = "reject", **more: object) -> baresip.UserAgent:
    account = baresip.Account("anna", "127.0.0.1", "", reg_interval=0, audio_codecs=CODECS, **more)
    return await baresip.UserAgent.create(runtime, account, transfer_policy=policy)


def uri(home: House, transport: str = "udp") -> str:
    host, port = home.phone.address(transport)
    suffix = "" if transport == "udp" else f";transport={transport}"
    return f"sip:030555@{host}:{port}{suffix}"


def secured(papers: Path, transport: str) -> PhoneSettings:
    listen = Listen(transport, "127.0.0.1", 0, str(papers / "cert.pem"), str(papers / "key.pem"))  # type: ignore[arg-type]
    return settings(listen=(Listen(port=0), listen), t1_s=0.5)


SLOW = settings(t1_s=0.5)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_call_of_baresip_is_answered_over_every_transport_with_sound_protected(
    papers: Path, transport: str
) -> None:
    async with house(secured(papers, transport)) as home, running(papers) as runtime:
        phone = await agent(runtime, transport=transport, extra_params=("mediaenc=srtp-mand",))
        call = await phone.dial(uri(home, transport))
        leg = await home.leg()
        leg.ring()
        leg.answer(SECURE)
        await home.until(("confirmed", None))
        assert leg.sound is not None
        assert leg.sound.local_crypto == replace(KEY, tag=leg.sound.local_crypto.tag)
        assert leg.sound.remote_crypto.suite == SUITE
        assert (leg.dialled, leg.identity.number) == ("030555", "anna")
        await call.hangup()
        await home.until(("ended", "caller"))


async def test_keys_of_baresip_come_by_info(papers: Path) -> None:
    async with house(SLOW) as home, running(papers) as runtime:
        phone = await agent(runtime, dtmf_mode="info")
        call = await phone.dial(uri(home))
        (await home.leg()).answer(OURS)
        await home.until(("confirmed", None))
        await call.send_dtmf("1#")
        await home.until(("digit", ("1", 250)), ("digit", ("#", 250)))
        await call.hangup()


async def test_baresip_holds_and_resumes(papers: Path) -> None:
    async with house(SLOW) as home, running(papers) as runtime:
        call = await (await agent(runtime)).dial(uri(home))
        (await home.leg()).answer(OURS)
        await home.until(("confirmed", None))
        home.told.clear()
        await done(call.hold)
        await home.until(("sound", "recvonly"))
        await done(call.resume)
        await home.until(("sound", "sendrecv"))
        await call.hangup()


async def done(deed: Callable[[], Awaitable[None]]) -> None:
    """Do it as soon as baresip is ready: it learns of ACKs and answers a little after we do."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(baresip.BaresipError):
                await deed()
                return
            await asyncio.sleep(0.02)


async def test_baresip_is_held_and_resumed(papers: Path) -> None:
    async with house(SLOW) as home, running(papers) as runtime:
        call = await (await agent(runtime)).dial(uri(home))
        leg = await home.leg()
        leg.answer(OURS)
        await home.until(("confirmed", None))
        leg.hold(replace(OURS, direction="sendonly"))
        await home.until(("sound", "sendonly"))
        leg.hold(OURS)
        async with asyncio.timeout(20):
            while home.told[-1] != ("sound", "sendrecv"):
                home.news.clear()
                await home.news.wait()
        leg.hang_up()
        del call


async def test_an_attended_transfer_that_baresip_tries_with_us_leaves_both_calls_standing(
    papers: Path,
) -> None:
    async with house(SLOW) as home, running(papers) as runtime:
        phone = await agent(runtime)
        calls = []
        for _ in range(2):
            calls.append(await phone.dial(uri(home)))
            (await home.leg()).answer(OURS)
            await calls[-1].wait_established()
        with pytest.raises(baresip.TransferFailed):
            await calls[0].attended_transfer(calls[1])
        assert [leg.ended for leg in home.phone.legs.values()] == [False, False]
        for call in calls:
            await call.hangup()


async def test_we_call_baresip_and_it_hangs_up(papers: Path) -> None:
    async with house(SLOW) as home, running(papers) as runtime:
        called: asyncio.Queue[baresip.Call] = asyncio.Queue()
        phone = await agent(runtime)
        phone.on_incoming(called.put_nowait)
        leg = home.phone.call(await own_uri(phone, home), OURS, caller="030555")
        home.take(leg)
        call = await asyncio.wait_for(called.get(), 20)
        await call.answer()
        assert await leg.answered() == "answered"
        assert leg.sound is not None
        assert leg.sound.codec.name == "PCMA"
        await call.hangup()
        await home.until(("ended", "caller"))


async def own_uri(phone: baresip.UserAgent, home: House) -> str:
    """Find baresip's address: the Contact of a call that it makes."""
    call = await phone.dial(uri(home))
    leg = await home.leg()
    assert leg.dialog is not None
    target = str(leg.dialog.target)
    leg.refuse(486)
    with contextlib.suppress(baresip.BaresipError):
        await call.hangup()
    home.told.clear()
    return target


def takes(leg: Leg) -> None:
    leg.answer(replace(OURS, port=42020))


def is_busy(leg: Leg) -> None:
    leg.refuse(486)


def declines(leg: Leg) -> None:
    leg.refuse(603)


@pytest.mark.parametrize(
    ("policy", "destination", "result"),
    [
        ("auto", takes, "answered"),
        ("auto", is_busy, "busy"),
        ("auto", declines, "refused"),
        ("reject", takes, "refused"),
    ],
)
async def test_baresip_goes_where_we_refer_it_and_tells_how_it_ended(
    papers: Path, policy: str, destination: object, result: str
) -> None:
    async with house(SLOW) as home, house(SLOW, destination) as desk, running(papers) as runtime:  # type: ignore[arg-type]
        phone = await agent(runtime, policy)
        kept: list[baresip.Call] = []
        phone.on_transfer_call(kept.append)
        call = await phone.dial(uri(home))
        leg = await home.leg()
        leg.answer(OURS)
        await home.until(("confirmed", None))
        assert await leg.refer(uri(desk), 20) == result
        assert leg.ended == (result == "answered")
        for one in (call, *kept):
            with contextlib.suppress(baresip.BaresipError):
                await one.hangup()

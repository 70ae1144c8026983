"""Golden calls of independent telephones over Asterisk: baresip by UDP, TCP, TLS with SRTP; sipp."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import baresip
import numpy as np
import pytest

from callflow import numbers
from callflow.g711 import to_alaw
from callflow.golden import ZONE, Case, read_case
from callflow.plan import Plan
from callflow.store import Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.certificates import Authority
from tests.support.flows import golden_calls
from tests.support.left_behind import expected, left_behind
from tests.support.ports import free_port

SCENARIOS = Path(__file__).with_name("scenarios")
CASES = {path.stem: read_case(path) for path in golden_calls("praxis")}
GOLDEN = ("rezept-vom-handy", "krankschreibung", "befund-ueber-zweites-menue")
HEARD_MS = 100  # of the 320 that each prompt lasts
# What came while this process was held up is late, not lost; by itself the phone keeps 0.2 s of it.
KEEPS_ALL = "audio_jitter_buffer_type off\naudio_buffer 20-4000\n"


@dataclass(frozen=True)
class Provider:
    """Our Asterisk, peered with whoever calls from 127.0.0.1."""

    ports: practice.Ports
    plan: Plan
    switch: Asterisk
    papers: Path | None = None

    def uri(self, number: str, transport: str) -> str:
        port = self.plan.lines["anlage"].tls_port if transport == "tls" else self.ports.sip  # type: ignore[union-attr]
        return f"sip:{number}@127.0.0.1:{port};transport={transport}"


def peered(transport: str, folder: Path | None = None) -> Provider:
    ports = practice.Ports()
    phones = {"kind": "provider", "host": "127.0.0.1", "port": 9, "check_seconds": 3600}
    phones |= {"transport": transport, "srtp": "required" if transport == "tls" else "off"}
    phones |= {"ca_file": "ca.pem"} if folder else {}
    plan = practice.plan(ports, trunks={"amt": phones, "pbx": phones | {"host": "127.0.0.2"}})
    if folder is None:
        return Provider(ports, plan, practice.switch(plan))
    authority = Authority()
    pair = authority.pair("127.0.0.1")
    (folder / "ca.pem").write_text(authority.certificate)
    line = plan.lines["anlage"].model_copy(
        update={"tls_port": free_port(), "certificate": "sip.pem", "key": "sip.key"}
    )
    plan = plan.model_copy(update={"lines": {"anlage": line}})
    papers = {"sip.pem": pair.certificate, "sip.key": pair.key, "ca.pem": authority.certificate}
    return Provider(ports, plan, practice.switch(plan, papers), folder)


@contextlib.contextmanager
def providing(transport: str, folder: Path | None = None) -> Iterator[Provider]:
    made = peered(transport, folder)
    try:
        yield made
    finally:
        made.switch.stop()


@asynccontextmanager
async def reception(provider: Provider, store: Store, coder: Coder, at: datetime) -> AsyncIterator[None]:
    house = Hasty(sessions(store, coder, at.replace(tzinfo=ZONE)), first_ms=15_000)
    shared = desk(provider.switch, provider.plan, house, coder, {})
    async with line_up(practice.access(provider.ports), shared) as line:
        yield
        async with asyncio.timeout(20):
            await line.drained()


class Ear:
    """Hears which prompts reach a baresip call."""

    def __init__(self, call: baresip.Call, coder: Coder) -> None:
        self._call, self._coder = call, coder
        self._alaw = b""

    async def hears(self, prompts: list[str]) -> None:
        """Wait for these prompts since the beginning, in their order."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                while self._heard() != prompts:  # baresip gives its sound for polling only
                    self._listen()
                    await asyncio.sleep(0.02)
        assert self._heard() == prompts

    def _listen(self) -> None:
        with contextlib.suppress(baresip.AudioNotActive, baresip.AudioRestarted):
            self._alaw += to_alaw(np.frombuffer(self._call.audio.read(1 << 16), dtype=np.int16))

    def _heard(self) -> list[str]:
        runs = ((code, sum(1 for _ in run)) for code, run in itertools.groupby(self._alaw))
        known = self._coder.codes.values()
        heard = (self._coder.name(code) for code, samples in runs if code in known and samples > 8 * HEARD_MS)
        return [name for name, _ in itertools.groupby(heard)]


async def tell(
    runtime: baresip.Runtime, phone: baresip.UserAgent, uri: str, case: Case, coder: Coder
) -> None:
    """Tell a golden call on baresip."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(event: baresip.EventData) -> None:
        if event.event == baresip.Event.CALL_CLOSED:
            loop.call_soon_threadsafe(over.set)

    runtime.subscribe(told)
    call = await phone.dial(uri)
    ear, heard = Ear(call, coder), list[str]()
    for scene in case.story:
        heard += scene.hears
        await ear.hears(heard)
        if scene.presses:
            await call.send_dtmf(scene.presses)
        elif scene.does == "hangs up":
            await call.hangup()
    async with asyncio.timeout(20):
        await over.wait()


@pytest.mark.parametrize(("transport", "name"), tuple(zip(("udp", "tcp", "tls"), GOLDEN, strict=True)))
async def test_baresip_tells_golden_calls_over_every_transport(
    transport: str, name: str, tmp_path: Path, store: Store
) -> None:
    """By TLS its sound is protected by SRTP, or there is no call."""
    with providing(transport, tmp_path if transport == "tls" else None) as provider:
        await tell_by_baresip(provider, transport, CASES[name], store)
    assert left_behind(store) == expected(CASES[name])


async def tell_by_baresip(provider: Provider, transport: str, case: Case, store: Store) -> None:
    coder, runtime = Coder(frames=16), baresip.Runtime()
    extra = KEEPS_ALL + (f"sip_cafile {provider.papers / 'ca.pem'}\n" if provider.papers else "")
    await runtime.start(baresip.Config(net_interface="127.0.0.1", extra_config_text=extra))
    try:
        async with reception(provider, store, coder, case.at):
            media = ("mediaenc=srtp-mand",) if transport == "tls" else ()
            account = baresip.Account(
                numbers.e164(case.number),
                "127.0.0.1",
                "",
                reg_interval=0,
                transport=transport,  # type: ignore[arg-type]
                audio_codecs=("pcma",),
                extra_params=media,
            )
            phone = await baresip.UserAgent.create(runtime, account)
            await tell(runtime, phone, provider.uri(practice.NUMBER, transport), case, coder)
    finally:
        await runtime.close()


async def test_sipp_tells_a_golden_call(store: Store) -> None:
    case, coder = CASES["rezept-vom-handy"], Coder()
    with providing("udp") as plain:
        await tell_by_sipp(plain, coder, case, store)
    assert left_behind(store) == expected(case)


async def tell_by_sipp(plain: Provider, coder: Coder, case: Case, store: Store) -> None:
    async with reception(plain, store, coder, case.at):
        sipp = await asyncio.create_subprocess_exec(
            *("sipp", f"127.0.0.1:{plain.ports.sip}", "-s", practice.NUMBER, "-i", "127.0.0.1"),
            *("-sf", str(SCENARIOS / "presses-one-twice.xml"), "-m", "1", "-nostdin"),
            *("-timeout", "60s", "-timeout_error"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await asyncio.wait_for(sipp.wait(), 60) == 0

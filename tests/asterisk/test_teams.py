"""Towards Teams: Asterisk, Kamailio and rtpengine as rendered, against strict stand-ins for Microsoft."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from callflow.plan import Plan
from callflow.store import Card, Store
from sip.asterisk import AsteriskLine
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk, Folder
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.certificates import Authority
from tests.support.simple_phone import Phone, Sip
from tests.support.teams_front import FQDN, HOSTS, INSIDE, NAMES, OUTSIDE, Front, FrontPorts, server_tls
from tests.support.teams_peer import SPEECH, TeamsPeer, judge

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
USER = "+4935112345699"


def teams_plan(ports: practice.Ports, front: FrontPorts, inside: str, share: int = 100) -> Plan:
    """Return the practice's plan while its number moves to Teams."""
    base = practice.plan(ports)
    trunks = {
        **{name: trunk.model_dump() for name, trunk in base.trunks.items()},
        "teams": {
            "kind": "teams",
            "fqdn": FQDN,
            "certificate": f"{inside}/sbc.pem",
            "key": f"{inside}/sbc.key",
            "ca_file": f"{inside}/microsoft-ca.pem",
            "port": front.microsoft,
            "networks": [f"{host}/32" for host in HOSTS],
            "listen": f"{OUTSIDE}:{front.tls}",
            "check_seconds": 1,
        },
    }
    number = {"flow": "praxis", "destination": "empfang", "migration": {"to": "teams", "start": "2026-11-01"}}
    number["migration"]["share"] = share
    return practice.plan(
        ports,
        trunks=trunks,
        destinations={
            "empfang": {"number": "100", "via": "pbx", "teams": "empfang_teams"},
            "empfang_teams": {"kind": "teams", "number": USER, "via": "teams"},
        },
        numbers={practice.NUMBER: number},
    )


@dataclass
class Sbc:
    """Our SBC: Asterisk with the front."""

    ports: practice.Ports
    front_ports: FrontPorts
    plan: Plan
    asterisk: Asterisk
    front: Front
    authority: Authority


@pytest.fixture(scope="module")
def sbc(classic: Asterisk, ports: practice.Ports) -> Iterator[Sbc]:
    assert classic.daemon.process.poll() is None
    own, front_ports, authority = practice.Ports(pbx=ports.pbx), FrontPorts(), Authority()
    folder = Folder("front")
    plan = teams_plan(own, front_ports, str(folder.inside))
    pair = authority.pair(FQDN)
    files = {"sbc.pem": pair.certificate, "sbc.key": pair.key, "microsoft-ca.pem": authority.certificate}
    asterisk = practice.switch(plan, front=f"{INSIDE}:{front_ports.inside}", grace=15)
    front = Front(plan, front_ports, f"{practice.OURS}:{own.sip}", files, folder)
    yield Sbc(own, front_ports, plan, asterisk, front, authority)
    front.stop()
    asterisk.stop()


@contextlib.asynccontextmanager
async def microsoft(sbc: Sbc, folder: Path, *, up: int = 3) -> AsyncIterator[list[TeamsPeer]]:
    """Run the first `up` data centres, with certificates that are good for servers only."""
    peers = [TeamsPeer(host, name) for host, name in zip(HOSTS, NAMES, strict=True)]
    tls = server_tls(sbc.authority.pair(*NAMES, client=False), sbc.authority, folder)
    for peer in peers[:up]:
        await peer.listen(sbc.front_ports.microsoft, tls)
    await asyncio.gather(*(peer.probed() for peer in peers[:up]))
    try:
        yield peers
    finally:
        for peer in peers[:up]:
            await peer.close()


@pytest.fixture
async def patient(sbc: Sbc) -> AsyncIterator[Phone]:
    phone = await Phone.open(practice.PROVIDER, "+491711234567", sbc.ports.provider)
    yield phone
    phone.close()


@pytest.fixture(autouse=True)
def long_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent data centre is left after two seconds; the ringing must last longer."""
    monkeypatch.setattr("tests.support.asterisk_house.RING_MS", 8000)


@contextlib.asynccontextmanager
async def holding(sbc: Sbc, store: Store, *, teams_up: bool) -> AsyncIterator[AsteriskLine]:
    """Run our line, once it knows how the Teams trunk stands."""
    news = asyncio.Event()
    house = Hasty(sessions(store, Coder(), OPEN))
    shared = desk(sbc.asterisk, sbc.plan, house, Coder(), {})
    async with line_up(practice.access(sbc.ports), shared, changed=lambda _: news.set()) as line:
        async with asyncio.timeout(20):
            while line.live.trunks.get("teams") is not teams_up:
                news.clear()
                await news.wait()
        yield line


async def call_reception(sbc: Sbc, patient: Phone, caller: str = "+491711234567") -> object:
    talk = await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=caller)
    await talk.until(lambda: len(talk.sound.heard) > 5)
    await talk.press("0")
    return talk


async def test_a_moved_number_rings_in_teams_with_speech_both_ways(
    sbc: Sbc, store: Store, patient: Phone, tmp_path: Path
) -> None:
    async with microsoft(sbc, tmp_path) as (first, second, _), holding(sbc, store, teams_up=True):
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(10):
            call = await first.calls.get()
        await call.sound.until(10)
        await talk.until(lambda: sum(payload == SPEECH for _, payload in talk.sound.heard) > 10)
        talk.hang_up()
        async with asyncio.timeout(5):
            await call.ended.wait()
    assert (first.refused, call.sound.rejected, second.calls.qsize()) == ([], 0, 0)
    assert call.invite.start.startswith(f"INVITE sip:{USER}@{NAMES[0]}:")
    assert call.invite.get("from").startswith(f"<sip:+491711234567@{FQDN}")


async def test_a_withheld_caller_is_shown_to_teams_as_the_practice(
    sbc: Sbc, store: Store, patient: Phone, tmp_path: Path
) -> None:
    async with microsoft(sbc, tmp_path) as (first, *_), holding(sbc, store, teams_up=True):
        talk = await call_reception(sbc, patient, "anonymous")
        async with asyncio.timeout(10):
            call = await first.calls.get()
        talk.hang_up()
    assert (first.refused, f"<sip:{practice.NUMBER}@{FQDN}" in call.invite.get("from")) == ([], True)


@pytest.mark.parametrize("status", [503, 0])
async def test_a_data_centre_that_cannot_is_left_for_the_next(
    status: int, sbc: Sbc, store: Store, patient: Phone, tmp_path: Path
) -> None:
    async with microsoft(sbc, tmp_path) as (first, second, _), holding(sbc, store, teams_up=True):
        first.status = status
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(10):
            call = await second.calls.get()
        await call.sound.until(5)
        talk.hang_up()
    assert second.refused == []


async def test_a_declined_call_goes_to_no_other_data_centre_but_back_to_the_pbx(
    sbc: Sbc, store: Store, patient: Phone, reception: Phone, tmp_path: Path
) -> None:
    async with microsoft(sbc, tmp_path) as (first, second, _), holding(sbc, store, teams_up=True):
        first.status = 603
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(10):
            human = await reception.arrived.get()
        await human.until(lambda: len(human.sound.heard) > 5)
        talk.hang_up()
    assert second.calls.empty()
    assert not any(request.method == "INVITE" for request in second.requests)


async def test_without_teams_the_pbx_rings_and_a_card_is_left_when_nobody_answers(
    sbc: Sbc, store: Store, patient: Phone, reception: Phone
) -> None:
    reception.behaves = lambda _talk: 486
    async with holding(sbc, store, teams_up=False) as line:
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(10):
            await reception.arrived.get()
        begun = len(talk.sound.heard)
        await talk.until(lambda: len(talk.sound.heard) > begun + 20)
        gaps = [
            later - earlier
            for (earlier, _), (later, _) in zip(talk.sound.heard, talk.sound.heard[1:], strict=False)
        ]
        talk.hang_up()
        async with asyncio.timeout(10):
            await line.drained()
        assert line.live.trunks == {"pbx": True, "amt": True, "teams": False}
    assert max(gaps) < 2
    cards = store.read_now(lambda tx: tx.exec(select(Card)).all())
    assert [(card.kind, card.number) for card in cards] == [("missed", "+491711234567")]


GOOD_SDP = (
    "v=0\r\nm=audio 4000 RTP/SAVP 8 101\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:V/Lr6Lsvhad/crSB9kCQ28jrYDxR2Yfk5bXryH5V|2^31\r\n"
)
GOOD = (
    f"INVITE sip:{USER}@sip.pstnhub.microsoft.com:5061;user=phone SIP/2.0\r\n"
    f"Via: SIP/2.0/TLS {FQDN}:5061;branch=z9hG4bK1\r\nFrom: <sip:+491711234567@{FQDN}>;tag=1\r\n"
    f"To: <sip:{USER}@{FQDN}>\r\nContact: <sip:+491711234567@{FQDN}:5061;transport=tls>\r\n"
    f"Allow: INVITE, ACK, CANCEL, BYE\r\n\r\n{GOOD_SDP}"
)


@pytest.mark.parametrize(
    ("right", "wrong", "status"),
    [
        ("", "", 200),
        (f"Contact: <sip:+491711234567@{FQDN}", "Contact: <sip:+491711234567@192.0.2.1", 403),
        (f"TLS {FQDN}", "TLS 192.0.2.1", 403),
        (f"INVITE sip:{USER}", "INVITE sip:4935112345699", 404),
        ("From: <sip:+49", "From: <sip:49", 400),
        (";user=phone", "", 400),
        ("Allow: INVITE", "Replaces: 1;to-tag=2;from-tag=3\r\nAllow: INVITE", 400),
        ("CANCEL, BYE", "CANCEL, BYE, REFER", 400),
        (GOOD_SDP, "", 488),
        ("RTP/SAVP", "RTP/AVP", 488),
        ("HMAC_SHA1_80", "HMAC_SHA1_32", 488),
        ("|2^31\r\n", "|2^31\r\na=sendonly\r\n", 488),
    ],
)
def test_the_stand_in_bites(right: str, wrong: str, status: int) -> None:
    changed = GOOD.replace(right, wrong) if right else GOOD
    assert judge(Sip.read(changed.encode()), frozenset({FQDN}))[0] == status


def test_the_stand_in_refuses_a_certificate_with_another_name() -> None:
    assert judge(Sip.read(GOOD.encode()), frozenset({"sbc.other.example"}))[0] == 403

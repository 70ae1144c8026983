"""Asterisk 22.11 or later speaks to Teams by itself: no Kamailio, no rtpengine, the same strict peer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from callflow.plan import Plan
from callflow.store import Store
from sip.render.asterisk import AsteriskSecrets, render
from sip.render.files import RenderError
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import ABLE, Asterisk, Folder, newer
from tests.support.asterisk_house import Coder, Hasty, line_up, sessions
from tests.support.asterisk_house import desk as shared_parts
from tests.support.asterisk_pbx import reached, telephone
from tests.support.certificates import Authority
from tests.support.dialling import Desk
from tests.support.simple_phone import Phone, Talk
from tests.support.teams_call import TeamsCall
from tests.support.teams_front import FQDN, HOSTS, FrontPorts, server_tls
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_rules import SUITE
from tests.support.teams_site import USER, certificates, microsoft, teams_plan
from tests.support.teams_sound import SPEECH

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECRETS = AsteriskSecrets(practice.SECRET, {})
MENU = " same => n,AGI(agi:async)\n"  # Rufweiche is away, and calls need not wait until that is found out


@dataclass
class Alone:
    """An Asterisk without a front."""

    ports: practice.Ports
    front: FrontPorts
    authority: Authority
    asterisk: Asterisk


@pytest.fixture(scope="module")
def alone() -> Iterator[Alone]:
    prefix, ports, front, authority = newer(), practice.Ports(), FrontPorts(), Authority()

    def files(folder: Folder) -> dict[str, str]:
        plan = direct(ports, front, f"{folder.inside}/etc")
        site = replace(practice.site(folder, prefix=prefix), version=ABLE)
        texts = render(plan, site, SECRETS, practice.TEMPLATES)
        texts["extensions.conf"] = texts["extensions.conf"].replace(MENU, "")
        return texts | certificates(authority, FQDN)

    asterisk = Asterisk("alone", files, prefix=prefix)
    yield Alone(ports, front, authority, asterisk)
    asterisk.stop()


def direct(ports: practice.Ports, front: FrontPorts, inside: str) -> Plan:
    moved = {"home": "teams", "migration": None}
    # By address: Asterisk asks a name server of its own, which knows nothing of loopback.
    servers = list(HOSTS)
    return teams_plan(ports, front, inside, number=moved, trunk={"front": "asterisk", "servers": servers})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lone(alone: Alone, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[TeamsPeer]]:
    folder = tmp_path_factory.mktemp("microsoft")
    async with microsoft(alone.authority, alone.front, folder) as peers:
        for peer in peers:
            peer.name = peer.host  # as above
            await peer.probed(2)
        yield peers


@pytest_asyncio.fixture(loop_scope="session")
async def centres(lone: list[TeamsPeer]) -> list[TeamsPeer]:
    """Microsoft's three data centres, all well."""
    for peer in lone:
        peer.forget()
        peer.mki = False  # Asterisk cannot read packets with a key index; the front can
    return lone


@pytest_asyncio.fixture(loop_scope="session")
async def patient(alone: Alone) -> AsyncIterator[Phone]:
    async with telephone(practice.PROVIDER, "+491711234567", alone.ports.provider) as phone:
        yield phone


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pbx(alone: Alone) -> AsyncIterator[Phone]:
    """The telephone that the PBX trunk leads to."""
    async with telephone(practice.PBX, "100", alone.ports.pbx) as phone:
        await reached(alone.asterisk, "pbx")
        yield phone


@pytest_asyncio.fixture(loop_scope="session")
async def desk(pbx: Phone) -> Phone:
    """The same, as no call of another test had reached it."""
    pbx.arrived = asyncio.Queue()
    return pbx


async def call(alone: Alone, patient: Phone) -> Talk:
    return await patient.call(practice.NUMBER, practice.OURS, alone.ports.sip)


async def rung(peer: TeamsPeer) -> TeamsCall:
    async with asyncio.timeout(30):
        return await peer.calls.get()


def invited(peer: TeamsPeer) -> int:
    return sum(request.method == "INVITE" for request in peer.requests)


async def test_a_call_reaches_teams_without_kamailio(
    alone: Alone, centres: list[TeamsPeer], patient: Phone
) -> None:
    teams = centres[0]
    talk = await call(alone, patient)
    there = await rung(teams)
    await there.sound.until(10)
    await talk.until(lambda: sum(payload == SPEECH for _, payload in talk.sound.heard) > 10)
    talk.hang_up()
    async with asyncio.timeout(20):
        await there.ended.wait()
    assert (teams.refused, there.sound.rejected) == ([], 0)
    assert there.invite.start.startswith(f"INVITE sip:{USER}@{teams.host}:")
    assert (await teams.options(FQDN)).status == 200


async def test_a_call_from_teams_is_answered_with_the_suite_that_it_names_first(
    centres: list[TeamsPeer],
) -> None:
    """A limit of Asterisk, which prefers none; the front answers with the one that Microsoft documents."""
    call = await centres[0].call(FQDN, practice.NUMBER, USER)
    assert call.final is not None
    assert re.findall(r"a=crypto:(\d+) (\S+)", call.final.body) == [("0", "AES_CM_128_HMAC_SHA1_32")]
    assert re.search(rf"<sip:[^>]*{FQDN}:\d+;transport=TLS>", call.final.get("contact"))
    assert ("REFER" in call.final.get("allow"), centres[0].refused) == (False, [(488, f"no {SUITE}")])


async def test_a_call_from_teams_that_names_the_documented_suite_alone_has_sound_both_ways(
    centres: list[TeamsPeer],
) -> None:
    teams = centres[0]
    call = await teams.call(FQDN, practice.NUMBER, USER, short=False)
    colleague = await rung(teams)
    await call.sound.until(10)
    await colleague.sound.until(10)
    await call.hang_up()
    async with asyncio.timeout(20):
        await colleague.ended.wait()
    assert (teams.refused, call.sound.rejected, colleague.sound.rejected) == ([], 0, 0)


async def test_a_data_centre_that_is_silent_or_overloaded_is_left_for_the_next(
    alone: Alone, centres: list[TeamsPeer], patient: Phone
) -> None:
    """The first says nothing at all, the second sends 503 with Retry-After."""
    centres[0].status, centres[1].status = 0, 503
    talk = await call(alone, patient)
    there = await rung(centres[2])
    await there.sound.until(5)
    talk.hang_up()
    assert ([invited(peer) for peer in centres], centres[2].refused) == ([1, 1, 1], [])


@pytest.mark.parametrize(("status", "asked"), [(603, [1, 0, 0]), (503, [1, 1, 1])])
async def test_the_pbx_rings_once_teams_has_declined_or_no_data_centre_can(  # noqa: PLR0913, PLR0917  # fixtures
    status: int, asked: list[int], alone: Alone, centres: list[TeamsPeer], patient: Phone, desk: Phone
) -> None:
    for peer in centres:
        peer.status = status
    talk = await call(alone, patient)
    async with asyncio.timeout(20):
        human = await desk.arrived.get()
    await human.until(lambda: len(human.sound.heard) > 5)
    talk.hang_up()
    assert [invited(peer) for peer in centres] == asked


@pytest.mark.parametrize(
    ("statuses", "asked", "outcome"),
    [
        ((503, 500, 200), [1, 1, 1], "answered"),
        ((503, 503, 503), [1, 1, 1], "failed"),
        ((603, 200, 200), [1, 0, 0], "not_picked_up"),
        ((486, 200, 200), [1, 0, 0], "not_picked_up"),
    ],
)
async def test_a_persons_telephone_in_teams_rings_by_the_next_data_centre_unless_it_was_declined(  # noqa: PLR0913, PLR0917  # fixtures
    statuses: tuple[int, ...],
    asked: list[int],
    outcome: str,
    alone: Alone,
    centres: list[TeamsPeer],
    patient: Phone,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callflow.dialling._NO_CONVERSATION_S", 0.0)
    monkeypatch.setattr("callflow.dialling._PHONE_OFF_S", 0.0)
    for peer, status in zip(centres, statuses, strict=True):
        peer.status = status
    await reached(alone.asterisk, "amt")
    coder = Coder()
    plan = direct(alone.ports, alone.front, "")
    shared = shared_parts(alone.asterisk, plan, Hasty(sessions(store, coder)), coder, {})
    async with line_up(practice.access(alone.ports), shared) as line, asyncio.timeout(40):
        at = Desk.of(store, coder, {"anlage": line.dialler}, USER)
        await at.call()
        if outcome == "answered":
            await converse(await rung(centres[2]), patient)
        await at.over()
    assert [was for was, _ in at.became()] == [outcome]
    assert ([invited(peer) for peer in centres], patient.arrived.empty()) == (asked, True)


async def converse(person: TeamsCall, patient: Phone) -> None:
    """Confirm with a key, speak with the patient, and let the patient hang up."""
    await person.sound.until(2)
    person.sound.keys.append("1")
    called = await patient.arrived.get()
    await called.until(lambda: sum(payload == SPEECH for _, payload in called.sound.heard) > 10)
    called.hang_up()
    await person.ended.wait()


async def test_sound_that_names_a_key_index_stays_unheard(
    alone: Alone, centres: list[TeamsPeer], patient: Phone
) -> None:
    """A limit of Asterisk, which takes the index for read and then cannot open a packet; the front can."""
    centres[0].mki = True
    talk = await call(alone, patient)
    there = await rung(centres[0])
    await there.sound.until(25)
    assert (there.sound.rejected, SPEECH in {payload for _, payload in talk.sound.heard}) == (0, False)
    talk.hang_up()


async def test_who_is_not_microsoft_gets_no_call(alone: Alone, centres: list[TeamsPeer], desk: Phone) -> None:
    """From another address, with the right certificate."""
    elsewhere = TeamsPeer("127.0.1.9", "127.0.1.9")
    elsewhere.sbcs, elsewhere.client, elsewhere.port = centres[0].sbcs, centres[0].client, centres[0].port
    call = await elsewhere.call(FQDN, practice.NUMBER, USER)
    call.over()
    (await elsewhere.reach(FQDN)).close()
    assert (call.statuses, desk.arrived.empty(), [invited(peer) for peer in centres]) == (
        [401],
        True,
        [0] * 3,
    )
    assert alone.asterisk.daemon.process.poll() is None


async def test_only_who_bears_its_name_is_called(
    alone: Alone, centres: list[TeamsPeer], patient: Phone, tmp_path: Path
) -> None:
    first, second, _ = centres
    stranger = alone.authority.pair("sip.pstnhub.example", client=False)
    async with first.wearing(server_tls(stranger, alone.authority, tmp_path)):
        first.requests.clear()  # what came over the connections before
        talk = await call(alone, patient)
        await rung(second)
        talk.hang_up()
        assert [request.method for request in first.requests] == []


async def test_an_asterisk_that_cannot_is_refused_with_a_word_on_what_to_do() -> None:
    ports = practice.Ports()
    wanted = direct(ports, FrontPorts(), "/etc/asterisk")
    with pytest.raises(RenderError) as refused:
        render(wanted, practice.Site(version=(22, 10)), SECRETS, practice.TEMPLATES)
    assert (refused.value.code, refused.value.values) == ("render-front", {"version": "22.11"})


async def test_the_version_decides_who_speaks_to_microsoft() -> None:
    ports = practice.Ports()
    wanted = teams_plan(ports, FrontPorts(), "/etc/asterisk")
    old, new = (
        render(wanted, practice.Site(version=version), SECRETS, practice.TEMPLATES)["pjsip.conf"]
        for version in ((22, 10), ABLE)
    )
    named = f"external_signaling_hostname = {FQDN}"
    assert (named in old, named in new) == (False, True)
    assert ("external_signaling_address" in new, "outbound_proxy" in new) == (False, False)

"""Asterisk 22.11 or later speaks to Teams by itself: no Kamailio, no rtpengine, the same strict peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from callflow.plan import Plan
from sip.render.asterisk import AsteriskSecrets, render
from sip.render.files import RenderError
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import ABLE, Asterisk, Folder, newer
from tests.support.certificates import Authority
from tests.support.simple_phone import Phone
from tests.support.teams_front import FQDN, HOSTS, FrontPorts
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import USER, certificates, microsoft, teams_plan
from tests.support.teams_sound import SPEECH

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECRETS = AsteriskSecrets("manager", {})
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
    servers = [HOSTS[0]]
    return teams_plan(ports, front, inside, number=moved, trunk={"front": "asterisk", "servers": servers})


@pytest_asyncio.fixture(loop_scope="session")
async def teams(alone: Alone, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TeamsPeer]:
    folder = tmp_path_factory.mktemp("microsoft")
    async with microsoft(alone.authority, alone.front, folder, centres=1) as (peer,):
        peer.name = peer.host  # as above
        peer.mki = False  # Asterisk cannot read packets with a key index; the front can
        await peer.probed(2)
        yield peer


async def test_a_call_reaches_teams_without_kamailio(alone: Alone, teams: TeamsPeer) -> None:
    patient = await Phone.open(practice.PROVIDER, "+491711234567", alone.ports.provider)
    talk = await patient.call(practice.NUMBER, practice.OURS, alone.ports.sip)
    async with asyncio.timeout(20):
        call = await teams.calls.get()
    await call.sound.until(10)
    await talk.until(lambda: sum(payload == SPEECH for _, payload in talk.sound.heard) > 10)
    talk.hang_up()
    async with asyncio.timeout(20):
        await call.ended.wait()
    patient.close()
    assert (teams.refused, call.sound.rejected) == ([], 0)
    assert call.invite.start.startswith(f"INVITE sip:{USER}@{teams.host}:")
    assert (await teams.options(FQDN)).status == 200


async def test_an_asterisk_that_cannot_is_refused_with_a_word_on_what_to_do() -> None:
    ports = practice.Ports()
    wanted = direct(ports, FrontPorts(), "/etc/asterisk")
    with pytest.raises(RenderError) as refused:
        render(wanted, practice.Site(version=(22, 10)), SECRETS, practice.TEMPLATES)
    assert str(refused.value) == "front: asterisk needs Asterisk 22.11 or later; use front: kamailio"


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

"""Each thing that Teams refuses, provoked by our own configuration with one line of it made wrong.

Asterisk, Kamailio and rtpengine are real and rendered; Rufweiche is away, so calls take the dialplan's way to
the reception, which rings Teams first and the PBX after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.certificates import Authority
from tests.support.simple_phone import Phone, Talk
from tests.support.teams_front import FQDN, OUTSIDE, server_tls
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import CALLER, Sbc, certificates, microsoft
from tests.support.teams_site import sbc as start

pytestmark = pytest.mark.asyncio(loop_scope="session")

Files = dict[str, str]
CONTACTS = "pjsip show contacts"
MENU = " same => n,AGI(agi:async)\n"  # calls need not wait until the dialplan finds out that nobody decides
SHOWN = " same => n,Gosub(shown,s,1)\n"
MARKED = "exten => s,1,Set(PJSIP_HEADER(add,X-Rufweiche-Call)=${ARG1})\n"


@pytest.fixture(scope="module")
def sbc(classic: Asterisk, ports: practice.Ports) -> Iterator[Sbc]:
    assert classic.daemon.process.poll() is None
    started = start(ports, number={"home": "teams", "migration": None})
    with dialplan(started.asterisk, MENU, ""):
        yield started
    started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def teams(sbc: Sbc, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TeamsPeer]:
    folder = tmp_path_factory.mktemp("microsoft")
    async with microsoft(sbc.authority, sbc.front_ports, folder, centres=1) as (peer,):
        await peer.probed(1)  # a Kamailio that is just starting would not hear that it shall end
        yield peer


@contextlib.contextmanager
def dialplan(asterisk: Asterisk, right: str, wrong: str) -> Iterator[None]:
    """Let Asterisk read its dialplan with a text replaced, and the right one again afterwards."""
    path: Path = asterisk.folder.outside / "etc" / "extensions.conf"
    good = path.read_text()
    assert right in good
    path.write_text(good.replace(right, wrong))
    asterisk.cli("dialplan reload")
    try:
        yield
    finally:
        path.write_text(good)
        asterisk.cli("dialplan reload")


def line(right: str, wrong: str, file: str = "kamailio.cfg") -> Callable[[Sbc, Files], None]:
    """Return a change of one line."""

    def change(sbc: Sbc, files: Files) -> None:
        wanted = right.format(tls=sbc.front_ports.tls)
        assert wanted in files[file]
        files[file] = files[file].replace(wanted, wrong.format(tls=sbc.front_ports.tls))

    return change


def address_in_contact(_sbc: Sbc, files: Files) -> None:
    text = files["kamailio.cfg"]
    files["kamailio.cfg"] = text.replace(f"@{FQDN}:", f"@{OUTSIDE}:").replace(
        f"<sip:{FQDN}:", f"<sip:{OUTSIDE}:"
    )


def other_name(sbc: Sbc, files: Files) -> None:
    files |= certificates(sbc.authority, "sbc.other.example")


def nothing(_sbc: Sbc, _files: Files) -> None:
    pass


async def contact(asterisk: Asterisk, state: str) -> None:
    """Wait until Asterisk holds Teams for available ("Avail") or not ("Unavail")."""
    async with asyncio.timeout(30):
        while not re.search(rf"teams/.*\s{state}\s", await asyncio.to_thread(asterisk.cli, CONTACTS)):  # noqa: ASYNC110  # another process knows
            await asyncio.sleep(0.05)


async def refused(peer: TeamsPeer, verdict: tuple[int, str]) -> None:
    """Wait for a refusal; those that a Kamailio before this one had caused may still come in first."""
    async with asyncio.timeout(30):
        while verdict not in peer.refused:
            await peer.news()


async def call(sbc: Sbc, patient: Phone, caller: str = CALLER) -> Talk:
    await contact(sbc.asterisk, "Avail")
    return await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=caller)


@dataclass(frozen=True)
class Wrong:
    """One wrong line and what Teams says to it.

    Args:
        name: what is wrong.
        front: changes Kamailio's folder.
        verdict: status and reason that follow.
        back: right and wrong text of Asterisk's dialplan.
        caller: who calls.
    """

    name: str
    front: Callable[[Sbc, Files], None]
    verdict: tuple[int, str]
    back: tuple[str, str] | None = None
    caller: str = CALLER


ASKED = [  # turned away already when we ask whether Teams is there
    Wrong(
        "address in Contact", address_in_contact, (403, f"Contact {OUTSIDE} is no name of the certificate")
    ),
    Wrong(
        "address in Via",
        line(f" advertise {FQDN}:{{tls}}", ""),
        (403, f"Via {OUTSIDE} is no name of the certificate"),
    ),
    Wrong(
        "other name in the certificate", other_name, (403, f"Contact {FQDN} is no name of the certificate")
    ),
    Wrong(
        "no Contact", line('if (is_method("OPTIONS")) append_hf', "if (false) append_hf"), (403, "no Contact")
    ),
]
CALLED = [  # turned away when we call
    Wrong(
        "address in Record-Route",
        line(
            "    record_route();\n    route(OUTSIDE_MEDIA);",
            f'    record_route_preset("{OUTSIDE}:{{tls}};transport=tls");\n    route(OUTSIDE_MEDIA);',
        ),
        (403, "Record-Route begins with an address"),
    ),
    Wrong(
        "no + in the request", line('+ $rU + "@"', '+ $(rU{{s.strip,1}}) + "@"'), (404, "no + in the request")
    ),
    Wrong(
        "no + in From",
        nothing,
        (400, "no + in From"),
        (SHOWN, ""),
        "anonymous",
    ),
    Wrong("no user=phone", line(";user=phone", ""), (400, "no user=phone")),
    Wrong(
        "no SDP",
        line("record_route();\n    route(OUTSIDE_MEDIA);", "record_route();\n    remove_body();"),
        (488, "no SDP"),
    ),
    Wrong(
        "Replaces",
        line('remove_hf("Replaces");', ""),
        (400, "Replaces"),
        (MARKED, MARKED + " same => n,Set(PJSIP_HEADER(add,Replaces)=1\\;to-tag=2\\;from-tag=3)\n"),
    ),
    Wrong(
        "REFER in Allow",
        line("UPDATE, OPTIONS\\r\\n", "UPDATE, OPTIONS, REFER\\r\\n"),
        (400, "REFER in Allow"),
    ),
    Wrong("plain RTP", line('rtpengine_offer("RTP/SAVP', 'rtpengine_offer("RTP/AVP'), (488, "no SRTP")),
    Wrong(
        "the short authentication tag",
        line("no-AES_CM_128_HMAC_SHA1_32 SDES-only-AES_CM_128_HMAC_SHA1_80", "only-AES_CM_128_HMAC_SHA1_32"),
        (488, "no AES_CM_128_HMAC_SHA1_80"),
    ),
]


@pytest.mark.parametrize("wrong", ASKED, ids=lambda wrong: wrong.name)
async def test_teams_that_refuses_our_options_counts_as_down_and_the_pbx_rings(
    wrong: Wrong, sbc: Sbc, teams: TeamsPeer, patient: Phone, reception: Phone
) -> None:
    teams.forget()
    sbc.front.restart(lambda files: wrong.front(sbc, files))
    await refused(teams, wrong.verdict)
    await contact(sbc.asterisk, "Unavail")
    talk = await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=CALLER)
    async with asyncio.timeout(20):
        await reception.arrived.get()
    talk.hang_up()
    assert not any(request.method == "INVITE" for request in teams.requests)


@pytest.mark.parametrize("wrong", CALLED, ids=lambda wrong: wrong.name)
async def test_a_call_that_teams_refuses_rings_at_the_pbx(
    wrong: Wrong, sbc: Sbc, teams: TeamsPeer, patient: Phone, reception: Phone
) -> None:
    teams.forget()
    sbc.front.restart(lambda files: wrong.front(sbc, files))
    with dialplan(sbc.asterisk, *wrong.back) if wrong.back else contextlib.nullcontext():
        talk = await call(sbc, patient, wrong.caller)
        await refused(teams, wrong.verdict)
        async with asyncio.timeout(20):
            await reception.arrived.get()
        talk.hang_up()


@pytest.mark.parametrize("hold", ["passed on as PBXs write it", "as we ship it"])
async def test_a_caller_on_hold_is_never_announced_to_teams_as_sendonly(
    hold: str, sbc: Sbc, teams: TeamsPeer, patient: Phone
) -> None:
    teams.forget()
    passed_on = MARKED + " same => n,Set(PJSIP_MOH_PASSTHROUGH()=yes)\n"
    worse = dialplan(sbc.asterisk, MARKED, passed_on)
    wrong = hold != "as we ship it"
    with worse if wrong else contextlib.nullcontext():
        sbc.front.restart()
        await teams.probed(1)  # a call that waits until Kamailio runs is sent again meanwhile, and read twice
        talk = await call(sbc, patient)
        async with asyncio.timeout(20):
            there = await teams.calls.get()
        await talk.until(lambda: len(talk.sound.heard) > 5, 20)
        talk.hold()
        if wrong:
            await refused(teams, (488, "sendonly: hold is inactive"))
        else:
            await there.sound.until(20)
            assert (teams.refused, there.renewed) == ([], [])
        talk.hang_up()


async def test_while_kamailio_is_away_the_pbx_rings_at_once(
    sbc: Sbc, teams: TeamsPeer, patient: Phone, reception: Phone
) -> None:
    teams.forget()
    sbc.front.restart()
    await contact(sbc.asterisk, "Avail")
    sbc.front.proxy.stop()
    talk = await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=CALLER)
    async with asyncio.timeout(20):
        human = await reception.arrived.get()
    await human.until(lambda: len(human.sound.heard) > 5)
    talk.hang_up()
    sbc.front.restart()


async def test_a_person_in_teams_who_forwards_to_us_does_not_ring_for_ever(
    sbc: Sbc, teams: TeamsPeer, patient: Phone, reception: Phone
) -> None:
    """Nobody but the dialplan can see that; the PBX rings afterwards."""
    teams.forget()
    sbc.front.restart()
    teams.forwards, teams.says_who_forwarded = practice.NUMBER, False
    talk = await call(sbc, patient)
    async with asyncio.timeout(20):
        cut = await teams.calls.get()
        await reception.arrived.get()
    talk.hang_up()
    assert cut.final is not None
    assert (cut.final.status, cut.final.get("reason")) == (603, "Q.850;cause=25")
    assert sum(request.method == "INVITE" for request in teams.requests) == 5


def old_tls(_sbc: Sbc, files: Files) -> None:
    server, client = files["tls.cfg"].split("[client:default]")
    client = client.replace("TLSv1.2+", "TLSv1.1") + "cipher_list = ALL@SECLEVEL=0\n"
    files["tls.cfg"] = f"{server}[client:default]{client}"


def unknown_authority(_sbc: Sbc, files: Files) -> None:
    files["microsoft-ca.pem"] = Authority("Somebody else").certificate


@pytest.mark.parametrize(
    ("wrong", "reason"), [(old_tls, "UNSUPPORTED_PROTOCOL"), (unknown_authority, "TLSV1_ALERT_UNKNOWN_CA")]
)
async def test_without_tls_1_2_or_trust_in_microsofts_certificate_nothing_is_said(
    wrong: Callable[[Sbc, Files], None], reason: str, sbc: Sbc, teams: TeamsPeer
) -> None:
    sbc.front.restart(lambda files: wrong(sbc, files))
    for _ in range(2):  # what came before the first refusal may stem from the Kamailio before this one
        teams.forget()
        await refused(teams, (0, reason))
    assert teams.requests == []


@pytest.mark.parametrize(
    ("name", "state"), [("sip.pstnhub.example", "Unavail"), ("*.pstnhub.microsoft.com", "Avail")]
)
async def test_only_who_bears_microsofts_name_counts_as_up(  # noqa: PLR0913, PLR0917  # fixtures
    name: str, state: str, sbc: Sbc, teams: TeamsPeer, patient: Phone, reception: Phone, tmp_path: Path
) -> None:
    """The certificate is signed by an authority that we trust, either way."""
    sbc.front.restart()
    async with teams.wearing(server_tls(sbc.authority.pair(name, client=False), sbc.authority, tmp_path)):
        await contact(sbc.asterisk, state)
        teams.forget()
        await teams.probed(2)
        await contact(sbc.asterisk, state)
        if state == "Unavail":
            talk = await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=CALLER)
            async with asyncio.timeout(20):
                await reception.arrived.get()
            talk.hang_up()
        assert {request.method for request in teams.requests} == {"OPTIONS"}

"""From Teams to us: what Microsoft's proxy sends, through Kamailio, rtpengine and Asterisk as rendered."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from pathlib import Path

import pytest
from sqlmodel import select

from callflow.store import Call, Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_house import Coder
from tests.support.simple_phone import Phone
from tests.support.teams_front import FQDN, OUTSIDE
from tests.support.teams_peer import HISTORY, TeamsPeer
from tests.support.teams_rules import SUITE
from tests.support.teams_site import USER, Sbc, call_reception, holding
from tests.support.teams_sound import SecureSound

pytestmark = pytest.mark.asyncio(loop_scope="session")
SAMPLES = Path(__file__).parents[4] / "shared" / "teams" / "samples.json"


def codes(sound: SecureSound) -> list[int]:
    """Return what was heard, one number for each stretch of equal frames, silence left out."""
    even = (
        frame[0] for frame in sound.heard if frame == frame[:1] * len(frame) and frame[0] not in (0xD5, 0x55)
    )
    return [code for code, _ in itertools.groupby(even)]


async def heard(sound: SecureSound, code: int) -> None:
    async with asyncio.timeout(20):
        while code not in codes(sound):
            sound.news.clear()
            await sound.news.wait()


async def test_teams_options_are_answered_without_offering_refer(centres: list[TeamsPeer]) -> None:
    answer = await centres[0].options(FQDN)
    assert (answer.status, "REFER" in answer.get("allow"), "NOTIFY" in answer.get("allow")) == (
        200,
        False,
        True,
    )


async def test_a_teams_user_hears_the_menu_presses_a_key_and_reaches_the_reception(
    sbc: Sbc, store: Store, reception: Phone, centres: list[TeamsPeer]
) -> None:
    coder = Coder()
    async with holding(sbc, store, teams_up=True, coder=coder):
        call = await centres[0].call(FQDN, practice.NUMBER, USER)
        await heard(call.sound, coder.code("main_menu"))
        call.sound.keys.append("0")
        async with asyncio.timeout(20):
            there = await centres[0].calls.get()
        await call.sound.until(5)
        await there.sound.until(5)
        assert (await call.hang_up()).status == 200
        async with asyncio.timeout(20):
            await there.ended.wait()
    assert (centres[0].refused, call.sound.rejected) == ([], 0)
    assert codes(call.sound)[:2] == [coder.code("greeting"), coder.code("main_menu")]
    assert reception.arrived.empty()


async def test_the_answer_takes_the_long_authentication_tag_by_its_own_number(
    sbc: Sbc, store: Store, centres: list[TeamsPeer]
) -> None:
    async with holding(sbc, store, teams_up=True):
        call = await centres[0].call(FQDN, practice.NUMBER, USER)
        await call.hang_up()
    assert call.final is not None
    sdp = call.final.body
    assert re.findall(r"a=crypto:(\d+) (\S+)", sdp) == [("1", SUITE)]
    assert re.search(r"m=audio \d+ RTP/SAVP 8 0 97\r\n", sdp)
    assert f"c=IN IP4 {OUTSIDE}" in sdp
    assert re.search(rf"<sip:[^>]*@{FQDN}:\d+;transport=tls>", call.final.get("contact"))


@pytest.fixture
def samples() -> dict[str, dict[str, list[str]]]:
    """Facts of Microsoft's documents, where they lie beside the repository."""
    if not SAMPLES.exists():
        pytest.skip(f"NO SAMPLES OF MICROSOFT'S DOCUMENTS AT {SAMPLES}")
    return json.loads(SAMPLES.read_text())


async def test_the_offer_in_microsofts_documents_is_answered_with_sound_both_ways(
    samples: dict[str, dict[str, list[str]]], sbc: Sbc, store: Store, centres: list[TeamsPeer]
) -> None:
    """It multiplexes RTCP, numbers many codecs and maps none."""

    def documented(sound: SecureSound) -> str:
        lines = "\r\n".join(samples["sdp_offer_from_teams"]["lines"])
        lines = re.sub(r"(audio|rtcp:?)( ?)52884", rf"\g<1>\g<2>{sound.port}", lines)
        lines = re.sub(rf"({SUITE} inline:)[^|]+", lambda found: found[1] + sound.key, lines)
        head = f"v=0\r\no=- 1 0 IN IP4 {sound.host}\r\ns=session\r\nc=IN IP4 {sound.host}\r\nt=0 0\r\n"
        return f"{head}{lines}\r\n"

    centres[0].offers = documented
    async with holding(sbc, store, teams_up=True):
        call = await centres[0].call(FQDN, practice.NUMBER, USER)
        await call.sound.until(10)
        await call.hang_up()
    assert call.final is not None
    assert re.findall(r"a=crypto:(\d+) (\S+)", call.final.body) == [("1", SUITE)]
    assert (centres[0].refused, call.sound.rejected) == ([], 0)
    assert call.final.get("allow") == samples["allow_refer_not_supported"]


async def test_a_call_to_no_user_is_refused_with_a_contact_that_has_no_empty_user(
    centres: list[TeamsPeer],
) -> None:
    """Microsoft forbids an empty user before the @."""
    call = await centres[0].call(FQDN, "", USER)
    assert call.final is not None
    port = centres[0].sbcs[FQDN][1]
    told = (call.final.status, call.final.get("contact"))
    assert told == (404, f"<sip:{FQDN}:{port};transport=tls>")


async def test_a_session_timer_is_agreed_and_refreshed(
    sbc: Sbc, store: Store, centres: list[TeamsPeer]
) -> None:
    async with holding(sbc, store, teams_up=True):
        call = await centres[0].call(FQDN, practice.NUMBER, USER)
        assert call.final is not None
        assert call.final.get("session-expires") == "3600;refresher=uac"
        refreshed = await call.renew()
        await call.sound.until(10)
        await call.hang_up()
    assert (refreshed.status, refreshed.get("session-expires")) == (200, "3600;refresher=uac")


async def test_hold_is_inactive_both_ways_and_the_patient_is_never_left_in_silence(
    sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    coder = Coder()
    async with holding(sbc, store, teams_up=True, coder=coder):
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(20):
            call = await centres[0].calls.get()
        await call.sound.until(5)
        held = await call.renew("inactive")
        await talk.until(lambda: talk.codes[-1:] == [coder.code("music")])
        resumed = await call.renew()
        await call.sound.until(10)
        await talk.until(lambda: talk.sound.heard[-1][1] == b"\x2a" * 160)
        talk.hang_up()
        async with asyncio.timeout(20):
            await call.ended.wait()
    assert (held.status, "a=inactive" in held.body) == (200, True)
    assert (resumed.status, "a=sendrecv" in resumed.body, call.sound.rejected) == (200, True, 0)


@pytest.mark.parametrize(
    ("extra", "caller"),
    [
        ("", USER),
        ("P-ASSERTED-IDENTITY: <tel:+4935112345688>,<sip:mfa@praxis.example>\r\nPRIVACY: id\r\n", ""),
        (HISTORY.format("+4935112345677"), USER),
    ],
    ids=["shown", "withheld", "forwarded"],
)
async def test_who_calls_is_what_teams_says_and_no_more(
    extra: str, caller: str, sbc: Sbc, store: Store, centres: list[TeamsPeer]
) -> None:
    async with holding(sbc, store, teams_up=True) as line:
        call = await centres[0].call(FQDN, practice.NUMBER, USER, extra=extra)
        await call.sound.until(5)
        await call.hang_up()
        async with asyncio.timeout(20):
            await line.drained()
    calls = store.read_now(lambda tx: tx.exec(select(Call)).all())
    assert [(each.dialled, each.number) for each in calls] == [(practice.NUMBER, caller)]


async def test_who_is_not_microsoft_hears_nothing(centres: list[TeamsPeer]) -> None:
    elsewhere = ("127.0.1.9", 0)
    reader, writer = await asyncio.open_connection(
        *centres[0].sbcs[FQDN], ssl=centres[0].client, server_hostname=FQDN, local_addr=elsewhere
    )
    writer.write(centres[0].asking(FQDN).encode())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await reader.read(1)
    writer.transport.abort()

"""Session timers that run: our side renews a call with Teams, whoever began it.

RFC 4028 allows no interval below 90 s, of which a refresher lets half go by, so these take a minute and stay
out of the ordinary run: `make soak` has them.
"""

from __future__ import annotations

import asyncio

import pytest

from callflow.store import Store
from tests.asterisk.teams.test_alone import Alone, alone, lone, rung
from tests.asterisk.teams.test_alone import centres as lone_centres
from tests.support import asterisk_site as practice
from tests.support.asterisk_pbx import telephone
from tests.support.simple_phone import Phone
from tests.support.teams_call import TeamsCall
from tests.support.teams_front import FQDN
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import USER, Sbc, call_reception, holding

__all__ = ["alone", "lone", "lone_centres"]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]
AGREED = "SUPPORTED: timer\r\nREQUIRE: timer\r\nSESSION-EXPIRES: 90;refresher=uac\r\n"
ASKED = "SUPPORTED: timer\r\nSESSION-EXPIRES: 90;refresher=uas\r\nMIN-SE: 90\r\n"


async def renewed(call: TeamsCall) -> tuple[str, str]:
    """Wait until our side renews a call and sound flows on; return the request's method and its timer."""
    async with asyncio.timeout(80):
        await call.heard_of.wait()
    await call.sound.until(50)
    return call.renewed[0].method, call.renewed[0].get("session-expires")


async def test_through_the_front_we_renew_calls_to_and_from_teams(
    sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    first = centres[0]
    first.timer = AGREED
    async with holding(sbc, store, teams_up=True):
        talk = await call_reception(sbc, patient)
        outward = await rung(first)
        inward = await first.call(FQDN, practice.NUMBER, USER, timer=ASKED)
        inward.sound.keys.append("0")
        colleague = await rung(first)
        times = await asyncio.gather(renewed(outward), renewed(inward))
        talk.hang_up()
        await inward.hang_up()
        async with asyncio.timeout(20):
            await outward.ended.wait()
            await colleague.ended.wait()
    assert times == [("INVITE", "90;refresher=uac")] * 2
    assert (first.refused, outward.sound.rejected, inward.sound.rejected) == ([], 0, 0)


async def test_without_a_front_we_renew_calls_to_and_from_teams(
    alone: Alone, lone_centres: list[TeamsPeer]
) -> None:
    first, second, _ = lone_centres
    first.timer = AGREED
    async with telephone(practice.PROVIDER, "+491711234567", alone.ports.provider) as patient:
        talk = await patient.call(practice.NUMBER, practice.OURS, alone.ports.sip)
        outward = await rung(first)
        inward = await second.call(FQDN, practice.NUMBER, USER, timer=ASKED, short=False)
        times = await asyncio.gather(renewed(outward), renewed(inward))
        ended = [call.ended.is_set() for call in (talk, outward, inward)]
    assert (times, ended) == ([("INVITE", "90;refresher=uac")] * 2, [False] * 3)
    assert (first.refused, second.refused, outward.sound.rejected, inward.sound.rejected) == ([], [], 0, 0)

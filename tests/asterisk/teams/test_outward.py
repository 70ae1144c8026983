"""From us to Teams: Asterisk, Kamailio and rtpengine as rendered, against strict stand-ins for Microsoft."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import select

from callflow.store import Card, Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_house import Coder
from tests.support.simple_phone import Phone
from tests.support.teams_front import FQDN, NAMES
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import USER, Sbc, call_reception, holding
from tests.support.teams_sound import EARLY, SPEECH

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_moved_number_rings_in_teams_with_speech_both_ways(
    sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    first, second, _ = centres
    async with holding(sbc, store, teams_up=True):
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(20):
            call = await first.calls.get()
        await call.sound.until(10)
        await talk.until(lambda: sum(payload == SPEECH for _, payload in talk.sound.heard) > 10)
        talk.hang_up()
        async with asyncio.timeout(20):
            await call.ended.wait()
    assert (first.refused, call.sound.rejected, second.calls.qsize()) == ([], 0, 0)
    assert call.invite.start.startswith(f"INVITE sip:{USER}@{NAMES[0]}:")
    assert call.invite.get("from").startswith(f"<sip:+491711234567@{FQDN}")


async def test_sound_before_the_answer_may_end_with_another_key_at_another_place(
    sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    first = centres[0]
    first.early = True
    async with holding(sbc, store, teams_up=True):
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(20):
            call = await first.calls.get()
        before = len(talk.sound.heard)
        await talk.until(lambda: len(talk.sound.heard) > before + 20)  # it rings: no silence towards the PSTN
        assert all(payload != EARLY for _, payload in talk.sound.heard)
        first.pick_up.set()
        await talk.until(lambda: sum(payload == SPEECH for _, payload in talk.sound.heard) > 10)
        await call.sound.until(10)
        talk.hang_up()
    assert (first.refused, call.sound.rejected) == ([], 0)


async def test_a_withheld_caller_is_shown_to_teams_as_the_practice(
    sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    first = centres[0]
    async with holding(sbc, store, teams_up=True):
        talk = await call_reception(sbc, patient, "anonymous")
        async with asyncio.timeout(20):
            call = await first.calls.get()
        talk.hang_up()
    assert (first.refused, f"<sip:{practice.NUMBER}@{FQDN}" in call.invite.get("from")) == ([], True)


@pytest.mark.parametrize("status", [503, 0])
async def test_a_data_centre_that_cannot_is_left_for_the_next(
    status: int, sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    first, second, _ = centres
    async with holding(sbc, store, teams_up=True):
        first.status = status
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(20):
            call = await second.calls.get()
        await call.sound.until(5)
        talk.hang_up()
    assert second.refused == []


async def test_a_declined_call_goes_to_no_other_data_centre_but_back_to_the_pbx(
    sbc: Sbc, store: Store, patient: Phone, reception: Phone, centres: list[TeamsPeer]
) -> None:
    first, second, _ = centres
    async with holding(sbc, store, teams_up=True):
        first.status = 603
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(20):
            human = await reception.arrived.get()
        await human.until(lambda: len(human.sound.heard) > 5)
        talk.hang_up()
    assert second.calls.empty()
    assert not any(request.method == "INVITE" for request in second.requests)


@pytest.mark.parametrize("caller", ["+491711234567", "01711234567", "anonymous"])
@pytest.mark.parametrize("told", ["says who forwarded", "says nothing"])
async def test_a_call_that_a_person_in_teams_forwards_back_is_cut_and_leaves_a_card(  # noqa: PLR0913, PLR0917  # fixtures
    told: str, caller: str, sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer]
) -> None:
    first, coder = centres[0], Coder()
    first.forwards, first.says_who_forwarded = practice.NUMBER, told == "says who forwarded"
    async with holding(sbc, store, teams_up=True, coder=coder, moves={"fallback": False}) as line:
        talk = await call_reception(sbc, patient, caller)
        async with asyncio.timeout(20):
            back = await first.calls.get()
        await talk.until(lambda: coder.code("reception_busy") in talk.codes, 20)
        talk.hang_up()
        async with asyncio.timeout(20):
            await line.drained()
    assert back.final is not None
    assert (back.final.status, back.final.get("reason")) == (603, "Q.850;cause=25")
    (card,) = store.read_now(lambda tx: tx.exec(select(Card)).all())
    assert (card.kind, card.number) == ("missed", "" if caller == "anonymous" else "+491711234567")

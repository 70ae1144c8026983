"""Click-to-call from a telephone in Teams, through Asterisk, Kamailio and rtpengine."""

from __future__ import annotations

import asyncio

import pytest

from callflow.store import Store
from tests.support.asterisk_house import Coder
from tests.support.asterisk_pbx import reached
from tests.support.dialling import PATIENT, PRACTICE, Desk
from tests.support.simple_phone import Phone
from tests.support.teams_front import FQDN
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import USER, Sbc, holding
from tests.support.teams_sound import SPEECH

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_person_in_teams_hears_who_is_called_and_speaks_with_the_patient(
    sbc: Sbc, store: Store, patient: Phone, centres: list[TeamsPeer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callflow.dialling._NO_CONVERSATION_S", 0.0)
    monkeypatch.setattr("callflow.dialling._PHONE_OFF_S", 0.0)
    coder, first = Coder(), centres[0]
    await reached(sbc.asterisk, "amt")
    async with holding(sbc, store, teams_up=True) as line:
        at = Desk.of(store, coder, {"anlage": line.dialler}, USER)
        await at.call()
        async with asyncio.timeout(20):
            mfa = await first.calls.get()
        assert mfa.invite.get("from").startswith(f"<sip:{PRACTICE}@{FQDN}")
        said = [bytes([coder.code(name)]) * 160 for name in ("dial_confirm", "dial_announce")]
        async with asyncio.timeout(20):
            while said[0] not in mfa.sound.heard:
                await mfa.sound.until(1)
        mfa.sound.keys.append("1")  # Teams' voicemail would speak here: only a person presses a key
        async with asyncio.timeout(20):
            called = await patient.arrived.get()
        assert [frame in mfa.sound.heard for frame in said] == [True, True]
        assert f"sip:{PATIENT}@" in called.invite.start
        assert f"<sip:{PRACTICE}@" in called.invite.get("from")
        await called.until(lambda: sum(payload == SPEECH for _, payload in called.sound.heard) > 10)
        called.hang_up()
        async with asyncio.timeout(20):
            await at.over()
            await mfa.ended.wait()
    assert ([outcome for outcome, _ in at.became()], first.refused) == (["answered"], [])

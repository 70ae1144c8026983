"""A person calls a patient over Twilio: from the card, through the SDK and the stand-in, back to the card."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, select

from callflow.dialling import DialRequest, DialResult
from callflow.effects import Clip
from callflow.outbox.twilio import Account
from callflow.store import Fact, Store
from tests.support.dialling import PATIENT, PRACTICE, Desk, now
from tests.support.openapi import faults
from tests.support.reception import Silence
from tests.support.twilio_calls import CallBehaviour, Ringing
from tests.support.twilio_standin import HANGS, SID, TOKEN, StandIn, running
from webhooks.calls_api import CallsApi
from webhooks.dialling import Patience, TwilioDialler
from webhooks.signature import Signature
from webhooks.twiml import Site

PUBLIC = "https://praxis.example"
MOBILE = "+4915112345678"
QUICK = Patience(poll=0.05, doubt=(0.05, 0.5, 5.0, 15.0), longest=60.0)
API = Path(__file__).parents[3] / "shared" / "twilio" / "twilio_api_v2010.json"


@dataclass
class Office:
    """A desk whose calls go over Twilio, and the telephones that they ring."""

    standin: StandIn
    dialler: TwilioDialler
    client: httpx.AsyncClient
    desk: Desk

    async def ringing(self) -> Ringing:
        """Call from the card and return the telephones once Twilio has accepted the call."""
        await self.desk.call()
        assert await asyncio.to_thread(self.standin.called.wait, 20)
        return Ringing(self.client, TOKEN, self.standin.calls[0], self.standin.calls)

    async def outcome(self) -> tuple[str, int]:
        """Return what the card says became of the call."""
        async with asyncio.timeout(20):
            await self.desk.over()
        (result,) = self.desk.became()
        return result

    async def noted(self) -> None:
        """Wait until it is on disk which of Twilio's calls it is; nobody tells of that."""
        noted = select(Fact).where(col(Fact.name).startswith("twilio dial"))
        async with asyncio.timeout(20):
            while not await self.desk.store.read(lambda tx: tx.exec(noted).first()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def asked_to_call(self) -> int:
        return sum(what == "call" for what, _ in self.standin.requests)


@pytest.fixture(scope="module")
def twilio() -> Iterator[StandIn]:
    with running(StandIn()) as up:
        yield up


@pytest.fixture
def standin(twilio: StandIn) -> StandIn:
    twilio.forget()
    return twilio


def _api(standin: StandIn, timeout: float | httpx.Timeout = 20.0) -> CallsApi:
    return CallsApi(Account(SID, SID, TOKEN, "", base_url=standin.url), timeout)


def _dialler(standin: StandIn, store: Store, patience: Patience = QUICK) -> TwilioDialler:
    site = Site(f"{PUBLIC}/webhooks")
    return TwilioDialler("twilio", _api(standin), site, Signature(TOKEN, PUBLIC), store, now, patience)


@pytest.fixture
async def office(standin: StandIn, store: Store) -> AsyncIterator[Office]:
    dialler = _dialler(standin, store)
    app = FastAPI()
    app.include_router(dialler.router())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        desk = Desk.of(store, Silence(), {"twilio": dialler}, MOBILE)
        yield Office(standin, dialler, client, desk)
        await desk.calls.close()
        await dialler.api.aclose()


async def test_the_own_telephone_rings_first_and_the_patient_sees_the_practice(office: Office) -> None:
    ringing = await office.ringing()
    assert (ringing.call.to, ringing.call.sender, ringing.call.timeout) == (MOBILE, PRACTICE, "25")
    await ringing.pick_up()
    assert ringing.heard == ["dial_confirm"]
    await ringing.press("1")
    assert ringing.heard == ["dial_confirm", "dial_announce"]
    await ringing.patient_ends("completed", rang=8, talked=95)
    assert ringing.patient is not None
    assert (ringing.patient.to, ringing.patient.sender) == (PATIENT, PRACTICE)
    assert await office.outcome() == ("answered", 95)
    assert office.asked_to_call() == 1


@pytest.mark.parametrize(
    ("status", "rang", "talked", "outcome"),
    [
        ("completed", 20, 12, ("voicemail_length", 12)),
        ("completed", 6, 40, ("answered", 40)),
        ("busy", 0, None, ("busy", 0)),
        ("no-answer", 45, None, ("no_answer", 0)),
        ("failed", 0, None, ("refused", 0)),
        ("canceled", 9, None, ("cancelled", 0)),
    ],
)
@pytest.mark.parametrize("reported", [True, False], ids=["reported", "asked for"])
async def test_the_card_says_what_became_of_the_call(  # noqa: PLR0913  # a table's columns
    office: Office, status: str, rang: int, talked: int | None, outcome: tuple[str, int], *, reported: bool
) -> None:
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press("1")
    await ringing.patient_ends(status, rang=rang, talked=talked, reported=reported)
    assert await office.outcome() == outcome


@pytest.mark.parametrize(
    ("status", "outcome"), [("no-answer", "not_picked_up"), ("busy", "not_picked_up"), ("failed", "failed")]
)
async def test_a_person_who_does_not_pick_up_leaves_the_patient_in_peace(
    office: Office, status: str, outcome: str
) -> None:
    ringing = await office.ringing()
    await ringing.ends(status)
    assert (await office.outcome(), len(office.standin.calls)) == ((outcome, 0), 1)


@pytest.mark.parametrize("key", ["", "2"])
async def test_a_mailbox_that_answers_for_the_person_presses_no_key_and_learns_nothing(
    office: Office, key: str
) -> None:
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press(key)
    assert (await office.outcome(), ringing.heard) == (("cancelled", 0), ["dial_confirm"])


async def test_a_person_who_hangs_up_while_the_patient_rings_ends_the_call(office: Office) -> None:
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press("1")
    await ringing.hang_up()
    assert await office.outcome() == ("cancelled", 0)


async def test_a_conversation_that_nobody_reported_is_found_in_twilios_list(office: Office) -> None:
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press("1")
    ringing.patient_talks(rang=7, talked=61)
    await ringing.hang_up(reported=False)
    assert await office.outcome() == ("answered", 61)


@pytest.mark.parametrize("behaviour", ["bad_number", "bad_auth", "429"])
async def test_a_call_that_twilio_refuses_was_not_dialled(office: Office, behaviour: CallBehaviour) -> None:
    office.standin.choose_call = lambda _to: behaviour
    await office.desk.call()
    assert (await office.outcome(), office.asked_to_call()) == (("failed", 0), 1)


@pytest.mark.parametrize("behaviour", ["500_after", "hang_after", "reset_after", "garbage_after"])
async def test_a_lost_answer_is_looked_for_and_never_dialled_again(
    office: Office, behaviour: CallBehaviour
) -> None:
    office.standin.choose_call = lambda _to: behaviour
    if behaviour == "hang_after":
        await office.dialler.api.aclose()
        office.dialler.api = _api(office.standin, HANGS)
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press("1")
    await ringing.patient_ends("completed", rang=8, talked=50)
    assert await office.outcome() == ("answered", 50)
    assert (office.asked_to_call(), len(office.standin.calls)) == (1, 2)


async def test_a_call_in_doubt_that_reports_nothing_is_found_in_twilios_list(office: Office) -> None:
    office.standin.choose_call = lambda _to: "reset_after"
    ringing = await office.ringing()
    ringing.call.end("no-answer")
    assert await office.outcome() == ("not_picked_up", 0)


async def test_a_call_in_doubt_that_cannot_be_found_is_unknown_and_dials_nobody_later(office: Office) -> None:
    office.standin.choose_call = lambda _to: "reset_after"
    office.standin.list_fails = True
    office.dialler.patience = Patience(doubt=(0.05,))
    ringing = await office.ringing()
    assert await office.outcome() == ("unknown", 0)
    await ringing.pick_up()
    assert (ringing.heard, ringing.dial, office.asked_to_call()) == ([], None, 1)


async def test_after_a_restart_the_line_is_asked_what_became_of_the_call(
    office: Office, standin: StandIn, store: Store
) -> None:
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press("1")
    await office.noted()
    await office.desk.calls.close()
    ringing.patient_talks(rang=7, talked=61)
    await ringing.hang_up()
    assert office.desk.became() == []
    again = _dialler(standin, store)
    office.desk.calls.diallers = {"twilio": again}  # type: ignore[misc]  # the house that starts anew
    await office.desk.calls.resume()
    assert (await office.outcome(), office.asked_to_call()) == (("answered", 61), 1)
    await again.api.aclose()


async def test_a_call_of_before_a_restart_that_left_no_trace_is_unknown(
    standin: StandIn, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhooks.dialling.RING_OWN_S", 0)
    dialler = _dialler(standin, store)
    assert await dialler.became("twilio-dial-1") == DialResult("unknown")
    await dialler.api.aclose()


@pytest.mark.parametrize("number", ["+49112", "+49116117", "+49900123456"])
async def test_some_numbers_are_never_dialled(standin: StandIn, store: Store, number: str) -> None:
    dialler = _dialler(standin, store)
    request = DialRequest("twilio-dial-1", "card", MOBILE, number, PRACTICE, (Clip("c"),))
    assert (await dialler.dial(request), standin.requests) == (DialResult("refused"), [])
    await dialler.api.aclose()


async def test_no_connection_means_not_dialled(store: Store) -> None:
    dialler = _dialler(StandIn(url="http://127.0.0.1:9"), store)
    request = DialRequest("twilio-dial-1", "card", MOBILE, PATIENT, PRACTICE)
    assert await dialler.dial(request) == DialResult("failed")
    await dialler.api.aclose()


async def test_only_twilio_may_ask_for_the_announcement(office: Office) -> None:
    ringing = await office.ringing()
    forged = await office.client.post(ringing.call.document, data={"CallSid": ringing.call.sid})
    assert (forged.status_code, "dial_confirm" in forged.text) == (403, False)


async def test_twilio_rings_telephones_of_the_public_network_only(standin: StandIn, store: Store) -> None:
    dialler = _dialler(standin, store)
    assert [dialler.reaches(device) for device in (MOBILE, "23", "")] == [True, False, False]
    await dialler.api.aclose()


async def test_which_call_is_which_is_kept_for_two_days_without_a_number(
    office: Office, store: Store
) -> None:
    store.write_now(lambda tx: tx.add(Fact(name="twilio dial old", value="2020-01-01T00:00:00+00:00 CA0")))
    ringing = await office.ringing()
    await ringing.ends("no-answer")
    await office.outcome()
    facts = store.read_now(lambda tx: tx.exec(select(Fact).where(col(Fact.name).startswith("twilio"))).all())
    assert [fact.value.split()[1] for fact in facts] == [ringing.call.sid]


@pytest.mark.skipif(not API.is_file(), reason=f"Twilio's published API description is not at {API}")
async def test_the_stand_in_answers_about_calls_as_twilio_describes(office: Office) -> None:
    ringing = await office.ringing()
    await ringing.pick_up()
    await ringing.press("1")
    ringing.patient_talks(rang=7, talked=61)
    await ringing.hang_up(reported=False)
    await office.outcome()
    await office.dialler.api.between(MOBILE, PRACTICE)
    description = json.loads(API.read_text())
    seen = {(method, path) for method, path, _, _ in office.standin.answers}
    assert len(seen) == 3
    for method, path, status, content in office.standin.answers:
        assert faults(description, method, path, status, content) == []

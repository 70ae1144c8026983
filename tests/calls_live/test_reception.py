"""Real calls from an independent phone to the served reception; what counts is what its API tells after."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import pairwise

import pytest

from callflow.bootstrap import places
from callflow.bootstrap.first_run import studio
from callflow.effects import Prompt
from callflow.g711 import FRAME
from tests.calls_live.patient import fill_in
from tests.calls_live.phones import Baresip, BaresipCall, sipp
from tests.calls_live.served import DIALLED, Reception
from tests.support.simple_phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")
SECOND = 8000  # bytes of A-law


async def test_a_call_over_tls_with_srtp_hears_the_menu_and_its_keys_count(
    house: Reception, phone: Baresip
) -> None:
    number = "+491711000008"
    call = await (await phone.dial(house.secure_uri, number, secure=True)).answered()
    await call.hears()
    await call.press_now("221")  # Überweisung; rather a callback; to this number
    card = await house.card_of(number)
    await call.hang_up()
    assert (card["kind"], card["concern"]) == ("callback", "ueberweisung")


async def ring(house: Reception, phone: Baresip, number: str, *, follow_refer: bool = False) -> BaresipCall:
    call = await phone.dial(house.uri, number, follow_refer=follow_refer)
    return await call.answered()


async def test_a_mobile_caller_gets_the_link_fills_in_the_form_and_leaves_one_card(
    house: Reception, phone: Baresip
) -> None:
    number = "+491711000001"
    call = await ring(house, phone, number)
    await call.hears()
    await call.press_now("11")  # Rezept; yes, the link
    sms = await house.until("outbox", lambda row: row["to"] == number and row["status"] == "sent")
    await call.hang_up()
    await fill_in(sms["text"])
    card = await house.until("cards", lambda row: row["number"] == number and row["kind"] == "form")
    assert (card["concern"], card["name"], card["status"]) == ("rezept", "Erika Mustermann", "open")
    assert [row["kind"] for row in await house.rows("cards", view="all") if row["number"] == number] == [
        "form"
    ]
    assert (await house.call_of(number))["outcome"] == "deflected"


async def test_a_landline_caller_types_a_mobile_number_and_gets_the_link_there(
    house: Reception, phone: Baresip
) -> None:
    call = await ring(house, phone, "+493511000002")
    await call.hears()
    await call.press_now("3101711000002#1")  # Termin; yes; the number; right
    sms = await house.until("outbox", lambda row: row["to"] == "+491711000002" and row["status"] == "sent")
    await call.hang_up()
    assert "/f/" in sms["text"]


async def test_a_landline_caller_takes_a_callback(house: Reception, phone: Baresip) -> None:
    number = "+493511000003"
    call = await ring(house, phone, number)
    await call.hears()
    await call.press_now("221")  # Überweisung; rather a callback; to this number
    card = await house.card_of(number)
    await call.over(30)
    assert (card["kind"], card["concern"], card["urgency"]) == ("callback", "ueberweisung", "routine")
    assert (await house.call_of(number))["outcome"] == "callback"


async def test_nine_leaves_an_urgent_card(house: Reception, phone: Baresip) -> None:
    number = "+491711000004"
    call = await ring(house, phone, number)
    await call.hears()
    await call.press_now("91")
    card = await house.card_of(number)
    await call.hang_up()
    assert (card["kind"], card["urgency"]) == ("callback", "urgent")
    assert (await house.rows("cards"))[0]["id"] == card["id"]


async def test_hanging_up_in_the_menu_leaves_a_missed_card_with_the_reason(
    house: Reception, phone: Baresip
) -> None:
    number = "+491711000005"
    call = await ring(house, phone, number)
    await call.hears()
    await call.press_now("42")  # anderes Anliegen, Krankschreibung
    await house.keys_came(number, "42")
    await call.hang_up()
    card = await house.card_of(number)
    assert (card["kind"], card["concern"]) == ("missed", "au")


async def test_the_prompt_arrives_in_its_full_length_and_at_its_level(house: Reception) -> None:
    """Heard from the wire: the other phone throws sound away whenever its reader falls behind."""
    clip, sound = await greeting(house)
    host, port = house.uri.removeprefix("sip:praxis@").split(":")
    ear = await Phone.open("127.0.0.1", "+491711000006")
    talk = await ear.call("praxis", host, int(port))
    await talk.until(lambda: len(talk.sound.packets) * FRAME > len(sound) + SECOND, 100)
    talk.hang_up()
    ear.close()
    packets = talk.sound.packets
    steps = [(later[0] - earlier[0]) & 0xFFFF for earlier, later in pairwise(packets)]
    first = next(at for at in range(0, len(sound), FRAME) if len(set(sound[at : at + FRAME])) > 1)
    spoken = [payload for *_, payload in packets]
    began = spoken.index(sound[first : first + FRAME])
    assert (clip, set(steps)) == (len(sound) / 8, {1})
    # A machine that stops our clock for a moment makes a pause, and nothing is left out.
    assert b"".join(spoken[began:])[: len(sound) - first] == sound[first:]


async def greeting(house: Reception) -> tuple[int, bytes]:
    """Return the greeting's duration (ms) and sound, from the house's prompt cache."""
    options = places.Options(house.data, house.config, places.default("ivr_prompts"))
    room = studio(places.settings(options))
    try:
        (clip,) = await room.clips([Prompt("greeting")])
        return clip.ms, room.cache.frames(clip.key)
    finally:
        await room.close()


async def test_zero_hands_the_caller_to_the_reception_by_refer(house: Reception, phone: Baresip) -> None:
    number = "+491711000007"
    async with sipp("answer.xml", house.desk) as desk:
        call = await ring(house, phone, number, follow_refer=True)
        await call.hears()
        await call.press_now("0")
        await call.over(30)  # the reception has the caller; our leg is gone
        assert (await house.call_of(number))["outcome"] == "transferred"
        await phone.hang_up_all()
        assert await desk.done() == 0
    assert await house.kinds_of(number) == []


@pytest.mark.parametrize("scenario", ["busy.xml", "decline.xml", "silent.xml"])
async def test_a_reception_that_does_not_answer_leads_to_the_offer_of_a_callback(
    house: Reception, phone: Baresip, scenario: str
) -> None:
    number = f"+49171100001{len(scenario)}"
    async with sipp(scenario, house.desk) as desk:
        call = await ring(house, phone, number, follow_refer=True)
        await call.hears()
        await call.press_now("0")
        await call.hearing.silence(0.3, 20)  # "we connect you"
        call.hearing.forget()
        await call.hears(20)  # "all are busy: for a callback press 1"
        await call.press_now("11")
        card = await house.card_of(number)
        await call.hang_up()
        await phone.hang_up_all()
        assert await desk.done() == 0
    assert card["kind"] == "callback"


async def test_twenty_calls_at_once_on_two_line_processes_are_all_answered_and_leave_their_right_cards(
    house: Reception, phone: Baresip
) -> None:
    wanted = {f"+4917120000{n:02}": ("rezept", "ueberweisung", "termin")[n % 3] for n in range(20)}
    keys = {"rezept": "1", "ueberweisung": "2", "termin": "3"}

    lines = {number: ("telefon", "zweite")[n % 2] for n, number in enumerate(wanted)}
    uris = {"telefon": house.uri, "zweite": house.second_uri}

    async def begin(number: str, concern: str) -> BaresipCall:
        call = await (await phone.dial(uris[lines[number]], number)).answered()
        await call.hears()
        await call.press_now(keys[concern] + "21")
        return call

    calls = await asyncio.gather(*(begin(number, concern) for number, concern in wanted.items()))
    for number in wanted:
        await house.card_of(number, 30)
    await asyncio.gather(*(call.hang_up() for call in calls))
    cards = {row["number"]: row for row in await house.rows("cards", view="all") if row["number"] in wanted}
    assert {number: (card["kind"], card["concern"]) for number, card in cards.items()} == {
        number: ("callback", concern) for number, concern in wanted.items()
    }
    rows = [await house.call_of(number) for number in wanted]
    assert {(row["dialled"], row["outcome"]) for row in rows} == {(DIALLED, "callback")}
    assert {row["number"]: row["line"] for row in rows} == lines


async def test_a_killed_app_costs_no_caller_fallback_then_transfer_then_a_card_and_the_sound_from_the_spool(
    house: Reception, phone: Baresip
) -> None:
    number = "+491711000009"
    async with sipp("decline.xml", house.desk) as desk:
        call = await ring(house, phone, number, follow_refer=True)
        await call.hears()
        os.kill(house.app_pid(), signal.SIGKILL)
        await call.press_now("1")
        assert await desk.done(40) == 0  # the reception's telephone rang
        await call.over(40)  # after the apology
    await house.app_is_back()
    card = await house.card_of(number)
    assert (card["kind"], card["status"]) == ("missed", "open")
    sound = (await house.call_of(number))["sound"]
    assert (sound["grade"] == "unknown", sound["loss"] is None, sound["jitter_ms"] is None) == (False,) * 3

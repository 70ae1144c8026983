"""What programs get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from callflow import inbox
from callflow.store import Link, sqlite_version
from callflow.web.app import create_app
from callflow.web.forms.external import signature
from callflow.web.forms.form import Form
from callflow.web.gate import Limits
from tests.support.practice import PATIENT, Practice, open_practice
from tests.support.stores import Clock


def bearer(practice: Practice, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {practice.api_token(scopes)}"}


@pytest.mark.parametrize("path", ["/api/cards", "/api/cards/x", "/api/calls", "/api/calls/x", "/api/outbox"])
async def test_nothing_is_told_without_a_token_of_the_right_scope(
    web: httpx.AsyncClient, practice: Practice, path: str
) -> None:
    assert (await web.get(path)).status_code == 401
    assert (await web.get(path, headers={"Authorization": "Bearer falsch"})).status_code == 401
    assert (await web.get(path, headers=bearer(practice, "events:write"))).status_code == 403


async def test_cards_come_in_the_order_of_work_with_their_history(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    practice.card("rezept", ago=30)
    urgent = practice.card("dringend", "+493512345678", ago=5, urgency="urgent", due=15)
    found = (await web.get("/api/cards", headers=bearer(practice, "cards:read"))).json()
    assert [(card["concern"], card["number"]) for card in found] == [
        ("dringend", "+493512345678"),
        ("rezept", PATIENT),
    ]
    one = (await web.get(f"/api/cards/{urgent.id}", headers=bearer(practice, "cards:read"))).json()
    assert [event["kind"] for event in one["history"]] == ["opened"]
    assert (await web.get("/api/cards/nope", headers=bearer(practice, "cards:read"))).status_code == 404


async def test_the_outbox_tells_the_text_with_the_link_only_in_a_demonstration(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    token = practice.link()
    (message,) = (await web.get("/api/outbox", headers=bearer(practice, "outbox:read"))).json()
    assert message["to"] == PATIENT
    assert f"/f/{token}" in message["text"]


async def test_health_tells_versions_and_counts_and_nothing_personal(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    practice.card(name="Thomas Lehmann", due=5)
    assert (await web.get("/health")).json() == {
        "status": "ok",
        "reasons": [],
        "ok": True,
        "faults": [],
        "waiting": [],
        "line": True,
        "sqlite": sqlite_version(),
        "queue": 1,
        "overdue": 1,
        "outbox": 0,
        "trunks": {},
        "calls": 0,
        "sms_today": 0,
        "sms_alarm": False,
        "disk_mb": 1_000_000,
    }


async def test_a_program_works_a_card_off_and_people_see_its_name(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    card = practice.card()
    held = practice.card("termin")
    anna = practice.users["anna"]
    practice.store.write_now(lambda tx: inbox.claim(tx, held.id, anna, now=practice.clock()))
    token = bearer(practice, "cards:write")

    async def post(path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
        answer = await web.post(f"/api/cards/{path}", headers=token, json=body)
        return answer.status_code, answer.json().get("status", answer.json().get("detail"))

    assert await post(f"{card.id}/close", {"outcome": "done"}) == (409, f"card {card.id} is held by nobody")
    assert await post(f"{held.id}/claim") == (409, f"card {held.id} is held by user {anna}")
    assert await post(f"{card.id}/claim") == (200, "claimed")
    web.cookies.set("rufweiche_session", practice.session()[0])
    assert "bei test" in (await web.get(f"/inbox/{card.id}")).text
    assert await post(f"{card.id}/note", {"text": "aus dem PVS"}) == (200, "claimed")
    assert await post(f"{card.id}/unreached") == (200, "open")
    assert await post(f"{card.id}/claim") == (200, "claimed")
    assert await post(f"{card.id}/release") == (200, "open")
    assert await post(f"{card.id}/claim") == (200, "claimed")
    assert await post(f"{card.id}/close", {"outcome": "prescription"}) == (200, "closed")
    assert await post("nope/claim") == (404, "no such card")


async def test_the_external_form_gets_a_signed_address_and_reports_what_was_sent(
    practice: Practice, clock: Clock
) -> None:
    external = Form(title="Termin", url="https://termine.example/praxis?x=1")
    forms = replace(practice.house.forms, forms={**practice.house.forms.forms, "termin": external})
    house = replace(practice.house, forms=forms)
    token = practice.link("termin")
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        address = urlsplit((await web.get(f"/f/{token}")).headers["location"])
        query = dict(parse_qsl(address.query))
        asked = "&".join(f"{name}={query[name]}" for name in ("rw_ref", "rw_lang", "rw_exp"))
        assert address._replace(query="").geturl() == "https://termine.example/praxis"
        assert (query["x"], query["rw_sig"]) == ("1", signature(house.form_key, asked))
        link = practice.store.read_now(lambda tx: tx.get_one(Link, query["rw_ref"]))
        assert (link.opens, link.opened_at) == (1, clock())
        path, headers = f"/api/links/{link.id}/submitted", bearer(practice, "events:write")
        assert [(await web.post(path, headers=headers)).status_code for _ in range(2)] == [204, 204]
        assert (await web.post("/api/links/nope/submitted", headers=headers)).status_code == 404
        assert (await web.get(f"/f/{token}")).status_code == 404
    ended = practice.store.read_now(lambda tx: tx.get_one(Link, link.id))
    assert (ended.submitted_at, ended.fallback) == (clock(), "cancelled")


# Schemathesis reads the description while tests are collected, so this house is there from the start.
FOLDER = TemporaryDirectory()
OPEN = open_practice(Path(FOLDER.name), Clock(), limits=Limits(per_program=100_000))
OPEN.card()
SCHEMA = schemathesis.openapi.from_asgi("/api/openapi.json", create_app(OPEN.house))


# The same examples each time: a request that is spoilt by a header alone, which we then put right, or by a
# parameter that the address cannot show, would now and then be taken for a fault of ours.
@pytest.mark.parametrize(
    "operation", [found.ok() for found in SCHEMA.get_all_operations()], ids=lambda operation: operation.label
)
def test_every_operation_keeps_to_its_description_whatever_is_sent(
    operation: schemathesis.schemas.APIOperation,
) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def keeps(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {OPEN.api_token()}"})

    keeps()

"""Cards and messages over HTTP as FHIR R4."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import literal, select

from callflow import inbox
from callflow.inbox.fhir_search import condition
from callflow.links import thread
from callflow.links.thread import Answer
from callflow.store import Card
from callflow.store.columns import Utc
from tests.support.practice import Practice
from tests.support.stores import NOW
from tests.web.test_api import bearer

BASE = "http://testserver/api/fhir"


async def found(web: httpx.AsyncClient, practice: Practice, address: str, scope: str) -> dict[str, Any]:
    answer = await web.get(address.removeprefix("http://testserver"), headers=bearer(practice, scope))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json"), answer.text
    Bundle.model_validate(answer.json())
    return cast("dict[str, Any]", answer.json())


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


async def test_pages_follow_one_another_and_tell_every_card_once(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    cards = [practice.card(number=f"+4915112345{n}", ago=60 - n).id for n in range(670, 677)]
    seen: list[str] = []
    address = "/api/fhir/Task?_count=3"
    for size in (3, 3, 1):
        bundle = await found(web, practice, address, "cards:read")
        assert (len(ids(bundle)), bundle["total"]) == (size, 7)
        seen += ids(bundle)
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        address = links.get("next", "")
    assert (seen, address) == (cards, "")
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Task/{cards[-1]}"


async def test_only_what_changed_since_is_told(web: httpx.AsyncClient, practice: Practice) -> None:
    old, young = practice.card(ago=300), practice.card("termin", "+491711234567", ago=5)
    since = quote((practice.clock() - timedelta(minutes=60)).isoformat())
    assert ids(await found(web, practice, f"/api/fhir/Task?_lastUpdated=ge{since}", "cards:read")) == [
        young.id
    ]
    assert ids(await found(web, practice, f"/api/fhir/Task?_lastUpdated=lt{since}", "cards:read")) == [old.id]
    anna = practice.users["anna"]
    practice.store.write_now(lambda tx: inbox.claim(tx, old.id, anna, now=practice.clock()))
    again = await found(web, practice, f"/api/fhir/Task?_lastUpdated=ge{since}", "cards:read")
    assert ids(again) == [young.id, old.id]


async def test_a_card_and_a_message_of_its_thread_are_read_one_by_one(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    card = practice.card("befund", name="Helga Brandt")

    def write(tx: Any) -> None:  # noqa: ANN401  a transaction
        said = Answer(practice.users["anna"], "Alles in Ordnung.")
        thread.answer(tx, tx.get_one(Card, card.id), said, now=practice.clock())

    practice.store.write_now(write)
    task = await web.get(f"/api/fhir/Task/{card.id}", headers=bearer(practice, "cards:read"))
    assert (task.json()["resourceType"], task.json()["lastModified"]) == ("Task", "2026-03-02T09:00:00Z")
    bundle = await found(web, practice, "/api/fhir/Communication", "messages:read")
    (message,) = ids(bundle)
    one = await web.get(f"/api/fhir/Communication/{message}", headers=bearer(practice, "messages:read"))
    assert one.json()["basedOn"] == [{"reference": f"Task/{card.id}"}]
    assert one.json() == bundle["entry"][0]["resource"]


@pytest.mark.parametrize(
    ("path", "scope", "status", "code"),
    [
        ("Task", "", 401, "login"),
        ("Communication", "cards:read", 403, "forbidden"),
        ("Task", "messages:read", 403, "forbidden"),
        ("Task/nope", "cards:read", 404, "not-found"),
        ("Communication/nope", "messages:read", 404, "not-found"),
        ("Task?_lastUpdated=gestern", "cards:read", 422, "invalid"),
        ("Task?patient=1", "cards:read", 422, "invalid"),
        ("Task?page=bm9wZQ==", "cards:read", 404, "not-found"),
    ],
)
async def test_refusals_are_told_as_fhir_does(  # noqa: PLR0913, PLR0917  a table's columns
    web: httpx.AsyncClient, practice: Practice, path: str, scope: str, status: int, code: str
) -> None:
    headers = bearer(practice, scope) if scope else {}
    answer = await web.get(f"/api/fhir/{path}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json")
    assert (answer.json()["resourceType"], answer.json()["issue"][0]["code"]) == ("OperationOutcome", code)


async def test_the_service_tells_what_it_can_do(web: httpx.AsyncClient) -> None:
    told = (await web.get("/api/fhir/metadata")).json()
    assert (told["fhirVersion"], [each["type"] for each in told["rest"][0]["resource"]]) == (
        "4.0.1",
        ["Task", "Communication"],
    )


@pytest.mark.parametrize(
    ("wish", "matching"),
    [
        ("2026-03-02", "AB"),
        ("eq2026-03-02", "AB"),
        ("ne2026-03-02", "C"),
        ("ge2026-03-02T09:00:00Z", "BC"),
        ("gt2026-03-02T09:00:00Z", "C"),
        ("lt2026-03-02T09:00:00Z", "A"),
        ("le2026-03-02T10:00:00 01:00", "AB"),
        ("sa2026-03-02", "C"),
        ("eb2026-03-02", ""),
    ],
)
def test_a_day_is_all_of_its_instants_where_the_practice_is(
    practice: Practice, wish: str, matching: str
) -> None:
    # A is the day's first instant in Berlin, B is nine o'clock UTC, C the first instant of the next day.
    midnight = NOW.replace(hour=0) - timedelta(hours=1)
    moments = {"A": midnight, "B": NOW, "C": midnight + timedelta(days=1)}

    def matches(tx: Any, name: str) -> bool:  # noqa: ANN401  a transaction
        return bool(tx.execute(select(condition(literal(moments[name], Utc()), wish))).scalar())

    assert (
        "".join(name for name in moments if practice.store.read_now(lambda tx, n=name: matches(tx, n)))
        == matching
    )

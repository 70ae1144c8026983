"""What programs get."""

from __future__ import annotations

import httpx
import pytest

from callflow.store import sqlite_version
from tests.support.practice import PATIENT, Practice


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
        "ok": True,
        "line": True,
        "sqlite": sqlite_version(),
        "queue": 1,
        "overdue": 1,
        "outbox": 0,
        "trunks": {},
    }

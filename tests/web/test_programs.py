"""The managing person gives programs access and tells them what happens."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from callflow.outbox import endpoints, events, queue
from callflow.outbox.endpoints import EVENTS, Subscription
from callflow.store import Endpoint, Intent
from callflow.users import api_token
from tests.support.practice import Practice
from tests.web.test_team import as_user

URL = "https://pvs.example/ereignisse"


def endpoint(practice: Practice) -> Endpoint:
    wish = Subscription("PVS", URL)
    return practice.store.write_now(lambda tx: endpoints.add(tx, wish, now=practice.clock()))


def once(page: httpx.Response) -> str:
    (shown,) = re.findall(r'id="once">([^<]+)<', page.text)
    return str(shown)


async def test_a_token_is_shown_once_works_within_its_scopes_and_ends_when_revoked(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "admin")
    made = await web.post(
        "/programs/tokens", data={"csrf": csrf, "name": "PVS", "scope": ["cards:read", "calls:read"]}
    )
    token = once(made)
    bearer = {"Authorization": f"Bearer {token}"}
    assert [(await web.get(path, headers=bearer)).status_code for path in ("/api/cards", "/api/outbox")] == [
        200,
        403,
    ]
    page = (await web.get("/programs")).text
    assert (token in page, "gerade eben" in page) == (False, True)
    (row,) = practice.store.read_now(api_token.everything)
    await web.post(f"/programs/tokens/{row.id}/revoke", data={"csrf": csrf})
    assert (await web.get("/api/cards", headers=bearer)).status_code == 401
    assert "widerrufen" in (await web.get("/programs")).text


@pytest.mark.parametrize("given", [{"name": ""}, {"name": "PVS"}, {"name": "PVS", "scope": ["alles"]}])
async def test_a_token_without_name_or_right_is_refused(
    web: httpx.AsyncClient, practice: Practice, given: dict[str, str]
) -> None:
    csrf = await as_user(web, practice, "admin")
    assert (await web.post("/programs/tokens", data={"csrf": csrf} | given)).status_code == 422
    assert practice.store.read_now(api_token.everything) == []


async def test_an_endpoint_is_added_changed_stopped_and_forgotten(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "admin")
    given = {"csrf": csrf, "name": "PVS", "url": URL, "event": list(EVENTS)}
    secret = once(await web.post("/programs/endpoints", data=given))

    def kept() -> list[tuple[str, str, str, bool, bool]]:
        rows = practice.store.read_now(endpoints.everything)
        return [(each.name, each.url, each.events, each.full, each.active) for each in rows]

    (row,) = practice.store.read_now(endpoints.everything)
    assert (kept(), row.secret) == ([("PVS", URL, "", False, True)], secret)
    path = f"/programs/endpoints/{row.id}"
    changed = given | {"name": "Labor", "url": f"{URL}/2", "event": ["card.closed"], "full": "1"}
    await web.post(path, data=changed)
    await web.post(f"{path}/off", data={"csrf": csrf})
    assert kept() == [("Labor", f"{URL}/2", "card.closed", True, False)]
    await web.post(f"{path}/on", data={"csrf": csrf})
    fresh = once(await web.post(f"{path}/secret", data={"csrf": csrf}))
    assert (fresh != secret, fresh in (await web.get("/programs")).text) == (True, False)
    await web.post(f"{path}/delete", data={"csrf": csrf})
    assert kept() == []


@pytest.mark.parametrize(
    ("name", "url"), [("", URL), ("PVS", ""), ("PVS", "ftp://x"), ("PVS", "javascript:1")]
)
async def test_an_endpoint_without_name_or_address_is_refused_and_kept_in_the_form(
    web: httpx.AsyncClient, practice: Practice, name: str, url: str
) -> None:
    csrf = await as_user(web, practice, "admin")
    page = await web.post("/programs/endpoints", data={"csrf": csrf, "name": name, "url": url})
    assert (page.status_code, f'value="{url}"' in page.text) == (422, True)
    assert practice.store.read_now(endpoints.everything) == []


async def test_a_test_event_is_queued_and_its_end_is_told_in_words(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "admin")
    row = endpoint(practice)
    await web.post(f"/programs/endpoints/{row.id}/test", data={"csrf": csrf})
    (intent,) = practice.intents()
    assert (intent.purpose, intent.target) == (endpoints.TEST_EVENT, row.id)
    assert 'hx-trigger="every 1s"' in (await web.get("/programs")).text
    dead(practice, intent, "forbidden address")
    page = (await web.get("/programs")).text
    assert 'hx-trigger="every 1s"' not in page
    assert "Diese Adresse liegt im eigenen Netz" in page


def dead(practice: Practice, intent: Intent, error: str) -> None:
    practice.store.write_now(
        lambda tx: queue.given_up(tx.get_one(Intent, intent.id), "failed", error, now=practice.clock())
    )


async def test_a_dead_letter_is_shown_and_sent_again(web: httpx.AsyncClient, practice: Practice) -> None:
    csrf = await as_user(web, practice, "admin")
    row = endpoint(practice)
    sent = practice.store.write_now(lambda tx: events.test(tx, row.id, now=practice.clock()))
    dead(practice, sent, "HTTP 500")
    assert "HTTP 500" in (await web.get("/programs")).text
    await web.post(f"/programs/events/{sent.id}/again", data={"csrf": csrf})
    assert "Alles zugestellt." in (await web.get("/programs")).text
    (intent,) = practice.intents()
    assert (intent.status, intent.attempts) == ("queued", 0)


async def test_a_forgotten_endpoint_takes_its_waiting_events_along(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "admin")
    row = endpoint(practice)
    practice.store.write_now(lambda tx: events.test(tx, row.id, now=practice.clock()))
    await web.post(f"/programs/endpoints/{row.id}/delete", data={"csrf": csrf})
    assert practice.intents() == []
    for deed in ("test", "off", "secret", "delete"):
        answer = await web.post(f"/programs/endpoints/{row.id}/{deed}", data={"csrf": csrf})
        assert answer.status_code in {200, 303}, deed


@pytest.mark.parametrize(
    "path", ["tokens", "tokens/x/revoke", "endpoints", "endpoints/x", "endpoints/x/test", "events/x/again"]
)
async def test_only_the_managing_person_gives_access(
    web: httpx.AsyncClient, practice: Practice, path: str
) -> None:
    csrf = await as_user(web, practice, "anna")
    assert (await web.get("/programs")).status_code == 403
    assert (await web.post(f"/programs/{path}", data={"csrf": csrf})).status_code == 403
    await as_user(web, practice, "admin")
    assert (await web.post(f"/programs/{path}", data={"csrf": "falsch"})).status_code == 403


async def test_a_token_used_a_while_ago_tells_when(web: httpx.AsyncClient, practice: Practice) -> None:
    bearer = {"Authorization": f"Bearer {practice.api_token(('cards:read',))}"}
    await web.get("/api/cards", headers=bearer)
    practice.clock.now += timedelta(minutes=30)
    await as_user(web, practice, "admin")
    assert "vor 30 Min." in (await web.get("/programs")).text

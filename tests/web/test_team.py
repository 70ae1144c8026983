"""The managing person adds and locks colleagues; nobody else does."""

from __future__ import annotations

import re

import httpx
import pytest

from callflow.store import User
from tests.support.practice import Practice


async def as_user(web: httpx.AsyncClient, practice: Practice, login: str) -> str:
    token, csrf = practice.session(login)
    web.cookies.set("rufweiche_session", token)
    return csrf


async def test_a_new_colleague_gets_a_link_that_sets_the_password(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "admin")
    page = await web.post(
        "/users", data={"csrf": csrf, "name": "Clara Neu", "login": "Clara", "role": "staff"}
    )
    assert page.status_code == 200
    (link,) = re.findall(r'id="once">http://testserver(/set-password/[^<]+)<', page.text)
    assert "Clara Neu" in page.text
    assert (await web.get(link)).status_code == 200
    assert link not in (await web.get("/users")).text


async def test_only_the_managing_person_sees_the_team(web: httpx.AsyncClient, practice: Practice) -> None:
    csrf = await as_user(web, practice, "anna")
    assert (await web.get("/users")).status_code == 403
    assert (await web.post("/users", data={"csrf": csrf, "name": "X", "login": "xx"})).status_code == 403
    assert 'href="/users"' not in (await web.get("/inbox")).text


@pytest.mark.parametrize(
    ("name", "login", "status"),
    [("Anna", "anna", 409), ("", "neu", 422), ("Neu", "Mit Leerzeichen", 422), ("Neu", "x", 422)],
)
async def test_a_bad_or_taken_name_is_refused_and_kept_in_the_form(
    web: httpx.AsyncClient, practice: Practice, name: str, login: str, status: int
) -> None:
    csrf = await as_user(web, practice, "admin")
    page = await web.post("/users", data={"csrf": csrf, "name": name, "login": login})
    assert page.status_code == status
    assert f'value="{login.casefold()}"' in page.text


async def test_locking_ends_a_colleagues_session_at_once(web: httpx.AsyncClient, practice: Practice) -> None:
    anna, _ = practice.session("anna")
    csrf = await as_user(web, practice, "admin")
    await web.post(f"/users/{practice.users['anna']}/lock", data={"csrf": csrf})
    web.cookies.set("rufweiche_session", anna)
    assert (await web.get("/inbox")).status_code == 303


async def test_nobody_locks_themselves_out(web: httpx.AsyncClient, practice: Practice) -> None:
    csrf = await as_user(web, practice, "admin")
    page = await web.post(f"/users/{practice.users['admin']}/lock", data={"csrf": csrf})
    assert page.status_code == 409
    assert (await web.get("/users")).status_code == 200


async def test_the_managing_person_changes_name_role_language_and_telephone(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "admin")
    path = f"/users/{practice.users['anna']}"
    assert 'value="Anna Becker"' in (await web.get(path)).text
    given = {"name": "Anna Berg", "role": "admin", "language": "en", "device": "0171 1234567"}
    assert (await web.post(path, data={"csrf": csrf} | given)).headers["location"] == "/users?said=changed"
    anna = practice.store.read_now(lambda tx: tx.get_one(User, practice.users["anna"]))
    assert (anna.name, anna.role, anna.language, anna.device) == ("Anna Berg", "admin", "en", "+491711234567")


async def test_everyone_names_the_own_telephone_and_language_and_nothing_else(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    csrf = await as_user(web, practice, "anna")
    path = f"/users/{practice.users['anna']}"
    page = await web.get(path)
    assert ('id="device"' in page.text, 'id="role"' in page.text) == (True, False)
    given = {"csrf": csrf, "name": "Chefin", "role": "admin", "language": "en", "device": "23"}
    assert (await web.post(path, data=given)).headers["location"] == f"{path}?said=changed"
    anna = practice.store.read_now(lambda tx: tx.get_one(User, practice.users["anna"]))
    assert (anna.name, anna.role, anna.device) == ("Anna Becker", "staff", "23")
    assert "Saved" in (await web.get(f"{path}?said=changed")).text
    assert (await web.get(f"/users/{practice.users['birgit']}")).status_code == 403
    assert (await web.post(f"/users/{practice.users['birgit']}", data=given)).status_code == 403


@pytest.mark.parametrize("device", ["112", "0112", "Empfang"])
async def test_a_telephone_that_cannot_be_one_is_refused_and_kept_in_the_form(
    web: httpx.AsyncClient, practice: Practice, device: str
) -> None:
    csrf = await as_user(web, practice, "anna")
    path = f"/users/{practice.users['anna']}"
    page = await web.post(path, data={"csrf": csrf, "device": device})
    assert (page.status_code, f'value="{device}"' in page.text) == (422, True)

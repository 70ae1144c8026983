"""Who gets in, and who does not."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from callflow.users import invitation
from callflow.web.app import create_app
from tests.support.practice import PASSWORD, Practice
from tests.support.stores import Clock


async def sign_in(
    web: httpx.AsyncClient, login: str = "anna", password: str = PASSWORD, **more: str
) -> httpx.Response:
    return await web.post("/sign-in", data={"login": login, "password": password} | more)


async def test_the_right_password_opens_the_inbox_with_a_strict_cookie(web: httpx.AsyncClient) -> None:
    answer = await sign_in(web)
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert (await web.get("/inbox")).status_code == 200


async def test_over_https_the_cookie_is_secure(practice: Practice) -> None:
    app = create_app(replace(practice.house, public_url="https://praxis.example"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://praxis.example"
    ) as web:
        answer = await sign_in(web)
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(web: httpx.AsyncClient) -> None:
    wrong = await sign_in(web, "anna", "falsch")
    unknown = await sign_in(web, "niemand", "falsch")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("anna", "niemand") == unknown.text


@pytest.mark.parametrize("login", ["anna", "niemand"])
async def test_after_five_wrong_passwords_even_the_right_one_waits_five_minutes(
    web: httpx.AsyncClient, clock: Clock, login: str
) -> None:
    for _ in range(5):
        assert (await sign_in(web, login, "falsch")).status_code == 401
    assert (await sign_in(web, login)).status_code == 429
    clock.forward(minutes=5, seconds=1)
    assert (await sign_in(web, login)).status_code == (303 if login == "anna" else 401)


async def test_pages_of_the_staff_lead_to_the_sign_in(web: httpx.AsyncClient) -> None:
    for path in ("/inbox", "/inbox/x", "/users", "/outbox", "/house"):
        answer = await web.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path


async def test_a_window_whose_session_ended_is_led_away_as_a_whole(web: httpx.AsyncClient) -> None:
    answer = await web.get("/inbox", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/sign-in")


async def test_a_window_left_open_does_not_keep_the_session_alive(
    web: httpx.AsyncClient, clock: Clock
) -> None:
    await sign_in(web)
    for _ in range(13):
        clock.forward(minutes=10)
        await web.get("/inbox", headers={"X-Live": "1"})
    assert (await web.get("/inbox")).headers["location"] == "/sign-in?said=expired"


async def test_signing_out_ends_the_session_on_the_server(web: httpx.AsyncClient, practice: Practice) -> None:
    token, csrf = practice.session()
    web.cookies.set("rufweiche_session", token)
    await web.post("/sign-out", data={"csrf": csrf})
    web.cookies.set("rufweiche_session", token)
    assert (await web.get("/inbox")).status_code == 303


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/\\evil.example", "/in\nbox"])
async def test_nobody_is_sent_elsewhere_after_signing_in(web: httpx.AsyncClient, onward: str) -> None:
    assert (await sign_in(web, onward=onward)).headers["location"] == "/inbox"


@pytest.mark.parametrize("csrf", ["", "falsch"])
async def test_a_change_without_the_sessions_token_is_refused(
    web: httpx.AsyncClient, practice: Practice, csrf: str
) -> None:
    card = practice.card()
    web.cookies.set("rufweiche_session", practice.session()[0])
    assert (await web.post(f"/inbox/{card.id}/claim", data={"csrf": csrf})).status_code == 403


async def test_a_password_link_works_once(web: httpx.AsyncClient, practice: Practice) -> None:
    token = practice.store.write_now(
        lambda tx: invitation.invite(tx, practice.users["birgit"], now=practice.clock())
    )
    page = await web.get(f"/set-password/{token}")
    assert page.status_code == 200
    new = {"password": "neues langes Wort", "again": "neues langes Wort"}
    assert (await web.post(f"/set-password/{token}", data=new)).headers["location"] == "/sign-in?said=ready"
    assert (await web.post(f"/set-password/{token}", data=new)).status_code == 404
    assert (await web.get(f"/set-password/{token}")).status_code == 404
    assert (await sign_in(web, "birgit", "neues langes Wort")).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("kurz", "kurz", "mindestens 10 Zeichen"),
        ("ein langes Passwort", "ein anderes Passwort", "stimmen nicht überein"),
        ("x" * 300, "x" * 300, "höchstens 256 Zeichen"),
    ],
)
async def test_a_password_that_will_not_do_leaves_the_link_unused(
    web: httpx.AsyncClient, practice: Practice, password: str, again: str, said: str
) -> None:
    token = practice.store.write_now(
        lambda tx: invitation.invite(tx, practice.users["birgit"], now=practice.clock())
    )
    answer = await web.post(f"/set-password/{token}", data={"password": password, "again": again})
    assert answer.status_code == 422
    assert said in answer.text
    assert (await web.get(f"/set-password/{token}")).status_code == 200


async def test_the_staffs_pages_are_german_until_english_is_asked_for(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    token, csrf = practice.session()
    web.cookies.set("rufweiche_session", token)
    assert '<html lang="de"' in (await web.get("/inbox", headers={"Accept-Language": "en"})).text
    await web.post("/language", data={"csrf": csrf, "language": "en"})
    assert '<html lang="en"' in (await web.get("/inbox")).text

"""What the terminal hands out opens the door it is for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from callflow.bootstrap import access, first_run
from callflow.bootstrap.app import build
from callflow.bootstrap.places import Options, settings
from callflow.settings import Settings
from callflow.users.api_token import ScopeError


@pytest.fixture
def house(tmp_path: Path) -> Settings:
    made = settings(Options(tmp_path / "data"))
    first_run.folders(made.data)
    return made


@pytest.fixture
async def web(house: Settings) -> AsyncIterator[httpx.AsyncClient]:
    rooms = build(house)
    transport = httpx.ASGITransport(rooms.web)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{house.http}") as client:
        yield client
    rooms.store.close()


async def test_the_first_start_gives_a_link_that_sets_the_admins_password(
    house: Settings, web: httpx.AsyncClient
) -> None:
    assert (await web.get(first_run.admin_link(house))).status_code == 200


async def test_a_new_colleague_gets_a_link_that_sets_a_password(
    house: Settings, web: httpx.AsyncClient
) -> None:
    link = access.password_link(house, "anna", "Anna Becker", "staff")
    assert (await web.get(link)).status_code == 200


async def test_a_token_opens_what_its_scopes_say_and_nothing_else(
    house: Settings, web: httpx.AsyncClient
) -> None:
    bearer = {"Authorization": f"Bearer {access.token(house, 'pvs', ['cards:read'])}"}
    answers = [await web.get(path, headers=bearer) for path in ("/api/cards", "/api/outbox")]
    assert [answer.status_code for answer in answers] == [200, 403]


def test_an_unknown_scope_is_refused_with_those_that_exist(house: Settings) -> None:
    with pytest.raises(ScopeError, match="cards:read"):
        access.token(house, "pvs", ["everything"])


def test_a_token_for_a_place_where_nothing_runs_says_so(
    house: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    access.token(house, "pvs", [])
    assert str(house.data) in capsys.readouterr().err
    access.token(house, "pvs", [])
    assert capsys.readouterr().err == ""

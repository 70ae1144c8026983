"""A link that opens nothing tells nobody why: not by status, words, work done, or time taken."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine, event

from callflow.links import form as submitted
from callflow.links import link as links
from callflow.store import Tx
from callflow.web.routes import form as routes
from tests.support.practice import Practice

_COUNTED = re.compile(r"\d+$")  # savepoints are numbered on and on


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what the database is asked, values left out."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(_COUNTED.sub("", statement))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def used(practice: Practice) -> str:
    token = practice.link("rezept")

    def work(tx: Tx) -> None:
        link = links.by_token(tx, token, now=practice.clock())
        assert link is not None
        due = practice.clock()
        submitted.submit(tx, link.id, submitted.Form(concern="rezept"), now=practice.clock(), due=due)

    practice.store.write_now(work)
    return token


async def test_unknown_expired_and_used_links_look_alike_in_words_work_and_time(
    web: httpx.AsyncClient, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[bool] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds >= 0)
        await sleep(0)

    tokens = {"unknown": "A" * 22, "expired": practice.link(hours=-1), "used": used(practice), "short": "x"}
    monkeypatch.setattr(routes.asyncio, "sleep", noted)
    seen = {}
    for name, token in tokens.items():
        with statements() as asked:
            answer = await web.get(f"/f/{token}")
        told = dict(answer.headers)
        seen[name] = (answer.status_code, answer.text, told, tuple(asked), len(pauses))
        pauses.clear()
    alike = seen.pop("unknown")
    assert (alike[0], alike[-1]) == (404, 1)
    assert len(alike[3]) > 0
    assert seen == dict.fromkeys(seen, alike)


async def test_a_live_link_waits_as_long_as_a_dead_one(
    web: httpx.AsyncClient, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        ready.append(seconds)
        await sleep(0)

    monkeypatch.setattr(routes.asyncio, "sleep", noted)
    live, dead = practice.link("rezept"), "A" * 22
    for token in (live, dead):
        await web.get(f"/f/{token}")
    assert [0 <= pause <= routes.OPENING_S for pause in ready] == [True, True]


async def test_the_page_of_a_dead_link_says_what_to_do_instead(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    page = (await web.get("/f/nope")).text
    assert re.findall(r'href="(tel:[^"]+)"', page)[0] == f"tel:{practice.house.face.phone}"
    assert "rufen Sie uns bitte an" in page

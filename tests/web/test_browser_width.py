"""No page is wider than a phone, and no table hides a column beyond the edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from selenium import webdriver

from callflow.language import FlowErrors, FolderPrompts, Surroundings
from callflow.language.problems import Problem
from callflow.language.versions import Versions
from callflow.outbox import endpoints, events, queue
from callflow.outbox.endpoints import Subscription
from callflow.quality import SoundQuality
from callflow.store import Call, Tx
from callflow.store.standing import heard
from callflow.users import api_token
from callflow.web.app import create_app
from tests.support.browser import Window, free_socket, serving
from tests.support.practice import CONCERNS, CONFIG, Practice, open_practice
from tests.support.stores import Clock

FAULT = Problem("flows/praxis-mit-einem-langen-namen.yaml", 3, 7, "yaml-syntax", (("reason", "x" * 60),))
WAITS = Problem("forms/anliegen-mit-einem-langen-namen.yaml", 1, 1, "restart-needed", severity="warning")
STAFF = ["/inbox", "/measures", "/measures/quality?days=7", "/outbox", "/users", "/users/{anna}", "/flows"]
STAFF += ["/programs", "/house", "/nowhere"]
BEYOND = """
const inside = e => e.closest('.tabs, .bar nav, .sr-only, .skip, dialog, .stacked thead, [hidden], svg');
return [...document.querySelectorAll('body *')]
  .filter(e => !inside(e))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5
    || (e.matches('.scroll') && e.scrollWidth > e.clientWidth))
  .map(e => e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 40));
"""


def furnish(practice: Practice, folder: Path) -> Versions:
    """Put something long onto every page of the staff."""
    now = practice.clock()
    practice.card(name="Friederike Mecklenburg-Vorpommern-Schwarzenberg", due=5)
    practice.link()

    def work(tx: Tx) -> None:
        api_token.issue(tx, name="Praxisverwaltungssystem Nord", scopes=api_token.SCOPES, now=now)
        wish = Subscription("PVS", "https://pvs.example/ereignisse/" + "x" * 60)
        endpoint = endpoints.add(tx, wish, now=now)
        intent = events.test(tx, endpoint.id, now=now)
        queue.given_up(intent, "failed", "HTTP 500 " + "by-the-other-side " * 3, now=now)
        call = Call(
            line="telefon", dialled="+4935112345600", number="", started_at=now - timedelta(minutes=9)
        )
        call.ended_at = now - timedelta(minutes=7)
        tx.add(call)
        tx.flush()
        heard(tx, call.id, SoundQuality(0.023, 41.0, 0.072, 420.0))

    practice.store.write_now(work)
    return flow_versions(practice, folder)


def flow_versions(practice: Practice, folder: Path) -> Versions:
    prompts = FolderPrompts(CONFIG.parent / "ivr_prompts")
    around = Surroundings(prompts, ("empfang",), CONCERNS, ("praxis",), ("de",))
    versions, file = Versions(folder / "flows", lambda: around), folder / "praxis.yaml"
    source = (CONFIG / "flows" / "praxis.yaml").read_text(encoding="utf-8")
    for text in (source, f"{source}\n# anders\n", f"{source}\n\tx: 1"):
        file.write_text(text, encoding="utf-8")
        try:
            versions.publish(file, "config/flows", practice.clock())
        except FlowErrors:
            continue
    return versions


@pytest.fixture
def full(tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    """A practice whose pages are full, behind a real server."""
    listening = free_socket()
    opened = open_practice(tmp_path, clock, f"http://127.0.0.1:{listening.getsockname()[1]}")
    versions = furnish(opened, tmp_path)
    standing = {name: versions.history(name)[-1] for name in versions.names()}
    trunks = {"amtsleitung-des-anbieters-im-zweiten-haus": False, "anlage": True}
    house = replace(
        opened.house,
        versions=versions,
        flows=lambda: standing,
        faults=lambda: (FAULT, WAITS),
        trunks=lambda: trunks,
    )
    with serving(create_app(house), listening):
        yield opened
    opened.store.close()


def test_no_page_of_the_staff_is_wider_than_a_phone_or_hides_columns_on_a_desk(
    full: Practice, browsers: Callable[[int], webdriver.Chrome]
) -> None:
    for width, mobile in ((390, True), (1400, False)):
        window = Window(browsers(0), full.house.public_url, width=width, height=844, mobile=mobile)
        window.enter(full.session("admin"))
        for page in STAFF:
            window.go(page.format(**full.users))
            assert window.script("return document.documentElement.scrollWidth") == width, page
            assert window.script(BEYOND) == [], page


def test_no_door_of_the_house_is_wider_than_a_phone(
    full: Practice, browsers: Callable[[int], webdriver.Chrome]
) -> None:
    window = Window(browsers(0), full.house.public_url, width=390, height=844, mobile=True)
    for page in ("/sign-in", "/set-password/none", "/f/none", f"/f/{full.link()}", "/form/stop/notfall"):
        window.go(page)
        assert window.script("return document.documentElement.scrollWidth") == 390, page
        assert window.script(BEYOND) == [], page

"""The window that hears the house by itself, on a line that is slow or breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from starlette.types import ASGIApp, Receive, Scope, Send

from callflow.web.app import create_app
from tests.support.browser import Window, free_socket, serving
from tests.support.practice import Practice, open_practice
from tests.support.stores import Clock

Hinder = Callable[[ASGIApp], ASGIApp]
Hindered = Callable[[Hinder], AbstractContextManager[tuple[Practice, Window]]]


@dataclass
class Late:
    """A network that brings one script later than everything else."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/static/hx-sse.min.js":
            await asyncio.sleep(0.5)
        await self.app(scope, receive, send)


@dataclass
class Busy:
    """A house that sends every try to listen away until told otherwise."""

    app: ASGIApp
    refuses: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/inbox/live" and self.refuses:
            await refuse(send)
            return
        await self.app(scope, receive, send)


@dataclass
class Overrun:
    """A house that sends one refresh away when told to."""

    app: ASGIApp
    refreshed: int = 0
    refuses: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"x-live", b"1") in scope["headers"]:
            self.refreshed += 1
            if self.refuses:
                self.refuses = False
                await refuse(send)
                return
        await self.app(scope, receive, send)


async def refuse(send: Send) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def hindered(tmp_path: Path, clock: Clock, browsers: Callable[[int], webdriver.Chrome]) -> Hindered:
    """Open Anna's inbox in a practice with something between it and her window."""

    @contextmanager
    def opened(hinder: Hinder) -> Iterator[tuple[Practice, Window]]:
        listening = free_socket()
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        practice = open_practice(tmp_path, clock, base)
        with serving(hinder(create_app(practice.house)), listening):
            window = Window(browsers(0), base)
            window.enter(practice.session("anna"))
            yield practice, window
            window.driver.get("about:blank")
        practice.store.close()

    return opened


def test_a_window_whose_scripts_come_late_hears_of_a_new_card(hindered: Hindered) -> None:
    with hindered(Late) as (practice, anna):
        practice.card("rezept")
        anna.wait(lambda: len(anna.all(".row")) == 1)
        assert not anna.find("#offline").is_displayed()


def test_a_window_whose_first_try_to_listen_failed_says_so_and_tries_again(hindered: Hindered) -> None:
    houses: list[Busy] = []

    def busy(app: ASGIApp) -> ASGIApp:
        houses.append(Busy(app))
        return houses[0]

    with hindered(busy) as (practice, anna):
        anna.wait(lambda: anna.find("#offline").is_displayed())
        houses[0].refuses = False
        practice.card("rezept")
        anna.wait(lambda: len(anna.all(".row")) == 1)
        assert not anna.find("#offline").is_displayed()


def test_a_refresh_that_a_busy_house_sent_away_is_asked_for_again(hindered: Hindered) -> None:
    houses: list[Overrun] = []

    def overrun(app: ASGIApp) -> ASGIApp:
        houses.append(Overrun(app))
        return houses[0]

    with hindered(overrun) as (practice, anna):
        anna.wait(lambda: houses[0].refreshed)
        houses[0].refuses = True
        practice.card("rezept")
        anna.wait(lambda: not houses[0].refuses)
        anna.wait(lambda: len(anna.all(".row")) == 1)

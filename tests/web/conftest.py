from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver

from callflow.web.app import create_app
from tests.support.browser import Window, free_socket, serving, start_chromium
from tests.support.practice import Practice, open_practice
from tests.support.stores import Clock

Windows = Callable[..., Window]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def practice(tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    opened = open_practice(tmp_path, clock)
    yield opened
    opened.store.close()


@pytest.fixture
def web(practice: Practice) -> httpx.AsyncClient:
    """A browser without a window: keeps cookies, follows nothing."""
    transport = httpx.ASGITransport(create_app(practice.house))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


@pytest.fixture
def served(tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    """A practice behind a real server."""
    listening = free_socket()
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    opened = open_practice(tmp_path, clock, base)
    with serving(create_app(opened.house), listening):
        yield opened
    opened.store.close()


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], webdriver.Chrome]]:
    """Keep browsers running over all tests; each test gets them emptied."""
    running: list[webdriver.Chrome] = []

    def browser(number: int) -> webdriver.Chrome:
        while len(running) <= number:
            running.append(start_chromium(tmp_path_factory.mktemp("profile")))
        return running[number]

    yield browser
    for each in running:
        each.quit()


@pytest.fixture
def windows(served: Practice, browsers: Callable[[int], webdriver.Chrome]) -> Iterator[Windows]:
    """Open Chromium windows on the served practice."""
    opened: list[Window] = []

    def window(**more: Any) -> Window:  # noqa: ANN401  any fact of a window
        opened.append(Window(browsers(len(opened)), served.house.public_url, **more))
        return opened[-1]

    yield window
    for each in opened:
        each.driver.get("about:blank")

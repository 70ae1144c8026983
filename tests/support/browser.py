"""A real server on a free port and headless Chromium windows on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

import uvicorn
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from starlette.types import ASGIApp

from tests.support.lacking import lacking
from tests.support.ports import free_port

CHROMIUM = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
WITHIN_S = 30.0
STATE = """
const stream = document.getElementById('stream')?._htmx?.sse;
return {
  visible: document.visibilityState,
  stream: stream ? {attempt: stream.attempt, status: stream.status, last: stream.lastEventId} : null,
  offline: document.getElementById('offline')?.hidden === false,
  now: Math.round(performance.now()),
  requests: performance.getEntriesByType('resource').slice(-8).map(
    (e) => [e.name.replace(location.origin, ''), e.responseStatus, e.startTime, e.duration]),
  main: document.getElementById('main')?.innerText.slice(0, 400),
};
"""
# What the driver says when a page goes away while it looks at it; the next look is at the page that came.
GOING = ("document unloaded", "aborted by navigation", "execution context", "does not belong to the document")
T = TypeVar("T")


def free_socket() -> socket.socket:
    """Return a listening socket on a free loopback port: who connects before its server runs waits."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(64)
    return bound


@contextmanager
def serving(app: ASGIApp, on: socket.socket) -> Iterator[None]:
    """Serve the application in a thread until the block ends."""
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [on]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()  # however long: whoever closes the store next must not close it under a request


def start_chromium(profile: Path) -> webdriver.Chrome:
    """Start a headless browser with an empty profile."""
    if not (CHROMIUM.exists() and DRIVER.exists()):
        lacking(f"{CHROMIUM} AND {DRIVER} (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER), port=free_port()))
    driver.execute_cdp_cmd("Network.enable", {})
    return driver


class Window:
    """A browser window, emptied of what the test before left in it.

    Args:
        driver: the browser.
        base: address of the server.
        width: in CSS pixels.
        height: in CSS pixels.
        mobile: touch, viewport meta tag, no scroll bars.
        language: Accept-Language.
        scripts: whether JavaScript runs.
        dark: the reader prefers a dark page.
    """

    def __init__(  # noqa: PLR0913  a window has these facts
        self,
        driver: webdriver.Chrome,
        base: str,
        *,
        width: int = 1400,
        height: int = 900,
        mobile: bool = False,
        language: str = "de-DE",
        scripts: bool = True,
        dark: bool = False,
    ) -> None:
        self.driver = driver
        self.base = base
        driver.get("about:blank")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        for command, values in (
            ("Network.clearBrowserCookies", {}),
            ("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": language}}),
            ("Emulation.setDeviceMetricsOverride", size),
            ("Emulation.setEmulatedMedia", {"features": [scheme]}),
            ("Emulation.setScriptExecutionDisabled", {"value": not scripts}),
        ):
            driver.execute_cdp_cmd(command, values)
        self.complaints()

    def go(self, path: str) -> None:
        """Open a page."""
        self.driver.get(self.base + path)

    @property
    def path(self) -> str:
        """Return the page's path."""
        return str(self.driver.current_url).removeprefix(self.base)

    def find(self, selector: str) -> WebElement:
        """Return the first element of a CSS selector, as soon as there is one."""
        return self.wait(lambda: self.driver.find_element(By.CSS_SELECTOR, selector))

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        """Click, as soon as the element is there and nothing keeps the pointer from it."""

        def clicked() -> bool:
            self.driver.find_element(By.CSS_SELECTOR, selector).click()
            return True

        self.wait(clicked, ElementClickInterceptedException)

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""

        def typed() -> bool:
            field = self.driver.find_element(By.CSS_SELECTOR, selector)
            field.clear()
            field.send_keys(text)
            return True

        self.wait(typed)

    def texts(self, selector: str) -> list[str]:
        """Return the visible texts of a CSS selector."""
        return [
            str(t)
            for t in self.script(
                "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector
            )
        ]

    def wait(self, ready: Callable[[], T], *more: type[WebDriverException]) -> T:
        """Wait until `ready` gives something true, and return it; faults `more` pass by themselves."""

        def check(_driver: object) -> T | None:
            try:
                return ready()
            except WebDriverException as error:
                if any(sign in str(error.msg) for sign in GOING):
                    return None
                raise

        ignored = (NoSuchElementException, StaleElementReferenceException, *more)
        try:
            return cast("T", WebDriverWait(self.driver, WITHIN_S, 0.03, ignored).until(check))
        except TimeoutException:
            raise AssertionError(f"nothing within {WITHIN_S} s; the window: {self.state()}") from None

    def state(self) -> dict[str, object]:
        """Return what tells why a window stands still: visibility, stream, requests, complaints."""
        return {
            "path": self.path,
            "complaints": self.complaints(),
            **cast("dict[str, object]", self.script(STATE)),
        }

    def script(self, code: str, *arguments: object) -> object:
        """Run a script in the page."""
        return self.driver.execute_script(code, *arguments)

    def complaints(self) -> list[str]:
        """Return what the browser complained about since the last call: policy, scripts, missing files."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def enter(self, session: tuple[str, str]) -> None:
        """Open the inbox with a session begun elsewhere, which spares the slow look at a password."""
        cookie = {"name": "rufweiche_session", "value": session[0], "url": self.base, "httpOnly": True}
        self.driver.execute_cdp_cmd("Network.setCookie", cookie)
        self.go("/inbox")
        self.find("#queue")

    def sign_in(self, login: str, password: str) -> None:
        """Sign a member of the team in."""
        self.go("/sign-in")
        self.type("#login", login)
        self.type("#password", password)
        self.click("main button")
        self.find("#queue")

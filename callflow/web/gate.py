"""The telephone goes first: a bound on what the web may ask of the loop that also answers calls.

A few requests are worked on at once, the next wait in line, and what comes beyond that is sent away at once,
which costs next to nothing. A request that waits for its sender or receiver (a photo over a slow phone) gives
its place away meanwhile. While calls are being answered no further request is begun, for a moment at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callflow.precedence import Precedence
from callflow.web.throttle import Throttle

CALLS = "/webhooks/voice"
"""Requests that are a call themselves: they wait for nobody, and the others for them."""
_OPEN = ("/inbox/live", "/static/", "/health")
_API = "/api/"
_WINDOW_S = 10.0
_AGAIN_S = 1
Refuse = Callable[[Request, int], Response]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the web may ask.

    Args:
        at_once: requests worked on at once.
        waiting: requests that may wait for that.
        patience: seconds that a request waits for calls to be answered.
        per_program: requests of one API token in ten seconds; of one address twice as many.
    """

    at_once: int = 4
    waiting: int = 60
    patience: float = 0.25
    per_program: int = 200


@dataclass(slots=True)
class Gate:
    """The bound, as an ASGI layer.

    Args:
        app: the application inside.
        limits: how much it may be asked.
        calls: knows whether calls are being answered.
        refuse: makes the answer to a request that is sent away, given its status.
    """

    app: ASGIApp
    limits: Limits
    calls: Precedence
    refuse: Refuse
    waiting: int = 0
    _places: asyncio.Semaphore = field(init=False)
    _programs: Throttle = field(init=False)
    _addresses: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.limits.at_once)
        self._programs = Throttle(self.limits.per_program, _WINDOW_S, keys=500)
        self._addresses = Throttle(2 * self.limits.per_program, _WINDOW_S, keys=500)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in when its turn has come, or send it away."""
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(CALLS):
            with self.calls:
                await self.app(scope, receive, send)
            return
        status, seconds = self._refusal(scope)
        if status:
            answer = self.refuse(Request(scope), status)
            answer.headers["Retry-After"] = str(ceil(seconds))
            await answer(scope, receive, send)
            return
        await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = _Place(self._places)
        self.waiting += 1
        try:
            await place.take()
        finally:
            self.waiting -= 1
        try:
            await self.calls.clear(self.limits.patience)
            await self.app(scope, place.giving_way(receive), send)
        finally:
            place.give_back()

    def _refusal(self, scope: Scope) -> tuple[int, float]:
        if scope["path"].startswith(_API):
            wait = self._too_often(scope, asyncio.get_running_loop().time())
            if wait:
                return 429, wait
        return (503, _AGAIN_S) if self.waiting >= self.limits.waiting else (0, 0)

    def _too_often(self, scope: Scope, now: float) -> float:
        address = scope["client"][0] if scope["client"] else ""
        wait = self._addresses.wait(address, now)
        program = _program(scope)
        if program:
            wait = max(wait, self._programs.wait(program, now))
        if not wait:
            self._addresses.count(address, now)
            if program:
                self._programs.count(program, now)
        return wait


@dataclass(slots=True)
class _Place:
    """A request's place among those that are worked on."""

    places: asyncio.Semaphore
    held: bool = False

    async def take(self) -> None:
        await self.places.acquire()
        self.held = True

    def give_back(self) -> None:
        if self.held:
            self.held = False
            self.places.release()

    def giving_way(self, receive: Receive) -> Receive:
        """Return `receive`, giving the place away while the sender takes its time."""

        async def patient() -> Message:
            self.give_back()
            message = await receive()
            await self.take()
            return message

        return patient


def _program(scope: Scope) -> str:
    """Return a short mark of the token that a program shows, "" for none; the token itself is not kept."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return blake2b(value, digest_size=16).hexdigest()
    return ""

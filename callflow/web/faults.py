"""The last net: a fault of ours is logged without personal data and answered with a page."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = structlog.get_logger(__name__)


class QuietFaults:
    """Catches what no handler caught.

    An exception's message may hold what a person typed, so only its kind and the place in the code are
    logged; Starlette's own net would hand the whole traceback to the server's log.

    Args:
        app: the application inside.
        answer: makes the page that people see.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for it if it breaks before it answered."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if scope["type"] != "http":
                raise
            _log(scope, error)
            if not started:
                await self._answer(Request(scope))(scope, receive, send)


def _log(scope: Scope, error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    place = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-4:]]
    route = getattr(scope.get("route"), "path", "?")
    LOG.error("web.broken", fault=type(error).__name__, route=route, place=place)

"""A limit on what may be sent to us, counted while it arrives; pages with attachments have their own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_BYTES = 128 * 1024
FILES_BYTES = 40 * 1024 * 1024
FILES_PATHS = ("/form/page/",)


class TooLargeError(Exception):
    """More came than allowed."""


class BodyLimit:
    """Answers 413 to larger bodies, before they are read where the sender announces their length.

    Args:
        app: the application inside.
        refuse: makes the answer to a request that is sent away, given its status.
    """

    def __init__(self, app: ASGIApp, refuse: Callable[[Request, int], Response]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = FILES_BYTES if scope["path"].startswith(FILES_PATHS) else FORM_BYTES
        if _announced(scope) > limit:
            await self._refuse(Request(scope), 413)(scope, receive, send)
            return
        taken = 0
        started = False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            # The framework turns what goes wrong while it reads a body into its own answer: ours is clearer.
            if taken > limit and not started:
                return
            started = True
            await send(message)

        with contextlib.suppress(TooLargeError):
            await self._app(scope, counted, noted)
        if taken > limit and not started:
            await self._refuse(Request(scope), 413)(scope, receive, send)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0

"""The way in for Twilio's requests: body, signature, answer, and nothing else.

Plain ASGI endpoints under Starlette routes: what a framework would find out about such a route (arguments,
dependencies, response models) costs more than a step of a call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from webhooks.signature import Post, Signature

Take = Callable[[Post, Scope], Awaitable[str | None]]
"""Takes a request and returns the XML document that answers it; None for an answer without content."""

_NONE = {"type": "http.response.start", "status": 204, "headers": []}
_XML = (b"content-type", b"text/xml; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Entrance:
    """One address that Twilio posts to.

    Args:
        signature: lets only Twilio in.
        take: what is done with a request.
    """

    signature: Signature
    take: Take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        document = await self.take(await self.signature.post(scope, receive), scope)
        if document is None:
            await send(_NONE)
            await send({"type": "http.response.body", "body": b""})
            return
        body = document.encode()
        headers = [_XML, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def route(path: str, signature: Signature, take: Take) -> Route:
    """Return the route of an address."""
    return Route(path, Entrance(signature, take), methods=["POST"], include_in_schema=False)

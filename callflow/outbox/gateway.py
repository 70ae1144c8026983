"""Text messages through any HTTP gateway that takes JSON: sipgate, seven, GatewayAPI, an LTE box.

The request is described in the settings: address, headers and a JSON body in which `{to}`, `{text}` and
`{id}` stand for number, text and our id of the message. Such gateways cannot be asked in one common way for a
message whose id they never told, so a doubtful one ends as unknown, and a human calls, unless a report with
our id ends the doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import httpx

from callflow.outbox.gateway_reports import Places, place
from callflow.outbox.transport import (
    AmbiguousError,
    BrokenError,
    CannotAskError,
    Parcel,
    Receipt,
    SendError,
    TransientError,
)
from callflow.outbox.twilio import quiet_loggers

TIMEOUT_S: Final = 10.0
PROVIDER_ID: Final = "{provider_id}"
PLACES: Final = ("{to}", "{text}", "{id}")


@dataclass(frozen=True, slots=True)
class Request:
    """How the gateway wants it.

    Args:
        url: address.
        method: "POST" or "PUT".
        headers: sent with each request; may hold the gateway's key.
        body: JSON; `{to}`, `{text}`, `{id}` are replaced inside its texts.
        id_field: where the answer holds the gateway's id, as "messages.0.id"; "" for nowhere.
        poll_url: where the state of a sent message is asked for; `{provider_id}` in it is replaced. "" for
            a gateway that only reports.
        places: where its reports and answers hold what.
    """

    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, object] = field(default_factory=dict)
    id_field: str = ""
    poll_url: str = ""
    places: Places = field(default_factory=Places)


class Gateway:
    """Sends text messages by one HTTP request each.

    Args:
        request: what to request.
        timeout: seconds that the gateway may stay silent, or httpx's finer limits.
    """

    name = "gateway"

    def __init__(self, request: Request, timeout: float | httpx.Timeout = TIMEOUT_S) -> None:
        quiet_loggers()
        self._request = request
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False)

    async def send(self, parcel: Parcel) -> Receipt:
        """Send once; see `Transport`."""
        values = {"{to}": parcel.target, "{text}": parcel.text, "{id}": parcel.id}
        try:
            answer = await self._client.request(
                self._request.method,
                self._request.url,
                headers=dict(self._request.headers),
                json=filled(self._request.body, values),
            )
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            raise TransientError("no connection") from error
        except httpx.HTTPError as error:
            raise AmbiguousError(type(error).__name__) from error
        if not answer.is_success:
            raise _judged(answer.status_code)
        return Receipt(place(_json(answer), self._request.id_field), "sent")

    async def ask(self, parcel: Parcel, since: datetime) -> Receipt | None:
        """Refuse; see the module.

        Raises:
            CannotAskError: always.
        """
        del parcel, since
        raise CannotAskError("gateway")

    async def follow_up(self, provider_id: str) -> Receipt | None:
        """Ask at the polling address, if there is one.

        Raises:
            CannotAskError: no answer that tells the message's state.
        """
        url = self._request.poll_url.replace(PROVIDER_ID, quote(provider_id, safe=""))
        if not url or not provider_id:
            return None
        try:
            answer = await self._client.get(url, headers=dict(self._request.headers))
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise CannotAskError(type(error).__name__) from None
        delivery, code = self._request.places.state(_json(answer))
        if not delivery:
            raise CannotAskError("unreadable answer")
        return Receipt(provider_id, delivery, error=code)

    async def aclose(self) -> None:
        """Close the HTTP client."""
        await self._client.aclose()


def filled(template: object, values: Mapping[str, str]) -> Any:  # noqa: ANN401  any JSON
    """Return the template with its places replaced, in one pass: a text that holds `{to}` stays as it is."""
    match template:
        case str():
            return _replaced(template, values)
        case Mapping():
            return {key: filled(value, values) for key, value in template.items()}
        case list() | tuple():
            return [filled(value, values) for value in template]
        case _:
            return template


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _replaced(text: str, values: Mapping[str, str]) -> str:
    parts = [text]
    for mark in PLACES:
        parts = [piece for part in parts for piece in _split(part, mark)]
    return "".join(values.get(part, part) for part in parts)


def _split(text: str, place: str) -> list[str]:
    if text in PLACES:
        return [text]
    first, *rest = text.split(place)
    return [first, *(piece for part in rest for piece in (place, part))]


def _judged(status: int) -> SendError:
    code = f"HTTP {status}"
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status < httpx.codes.BAD_REQUEST:
        # A redirect, too, leaves open what the first address did with the request.
        return AmbiguousError(code)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return TransientError(code)
    # A gateway's 4xx may be about the number or about our template; nothing was sent, so the next may try.
    return BrokenError(code)

"""Text messages through Twilio, by the official SDK over an HTTP client that never repeats a request.

The SDK's asynchronous client ignores the timeout it is constructed with and, asked for retries, repeats
POSTs; hence this one. It also keeps no connection open: a request on a connection that died unseen would be
ambiguous.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from callflow.outbox.transport import (
    AmbiguousError,
    BrokenError,
    CannotAskError,
    Delivery,
    Parcel,
    Receipt,
    RefusedError,
    SendError,
    TransientError,
)

API: Final = "https://api.twilio.com"
TIMEOUT_S: Final = 10.0
LONGEST_VALIDITY_S: Final = 36_000  # Twilio's limit for ValidityPeriod
_LISTED = 50  # messages to one number that are looked through
_UNANSWERED = (httpx.HTTPError, TwilioException, ValueError, KeyError, TypeError)  # as the SDK fails
_CLOCKS = timedelta(minutes=5)  # how far Twilio's clock and ours may differ

# https://www.twilio.com/docs/api/errors
_NOT_THIS_PERSON = {21211, 21214, 21610, 21612, 21614, 21635, 21408, 30003, 30004, 30005, 30006}
_LATER = {14107, 20429, 21611, 30001, 63038}

DELIVERIES: Final[Mapping[str, Delivery]] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}
"""Twilio's message statuses in our words."""


@dataclass(frozen=True, slots=True)
class Account:
    """Access to Twilio.

    Args:
        sid: account, "AC...".
        user, secret: the account and its auth token, or an API key and its secret.
        sender: number, messaging service ("MG..."), or alphanumeric sender of at most 11 characters.
        callback: URL for status callbacks; the intent's id is added to its path. "" for none.
        base_url: other address of the API, for tests.
    """

    sid: str
    user: str
    secret: str
    sender: str
    callback: str = ""
    base_url: str = API


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted, which takes a while to read."""
    return httpx.create_ssl_context()


class HttpClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client for one request at a time: real timeouts, no repetition, no log.

    Args:
        base_url: takes the place of Twilio's own address.
        timeout: seconds for connecting, and between two signs of life; or httpx's finer limits.
    """

    def __init__(self, base_url: str = API, timeout: float | httpx.Timeout = TIMEOUT_S) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=True)
        self._base_url = base_url.rstrip("/")
        self._limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            verify=_trusted(), timeout=timeout, limits=self._limits, follow_redirects=False
        )

    async def request(  # noqa: PLR0913, PLR0917  the SDK's signature
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the SDK's signature
        allow_redirects: bool = False,  # noqa: FBT001, FBT002  the SDK's signature
    ) -> Response:
        """Send one request, once."""
        del timeout, allow_redirects
        answer = await self._client.request(
            method.upper(),
            self._base_url + uri.removeprefix(API),
            params=cast("Any", params or None),
            data=cast("Any", data or None),
            headers=headers,
            auth=auth,
        )
        return Response(answer.status_code, answer.text, answer.headers)

    async def aclose(self) -> None:
        """Close."""
        await self._client.aclose()


class Twilio:
    """Sends text messages through one Twilio account.

    Args:
        account: access.
        clock: gives the aware present time.
        timeout: seconds that Twilio may stay silent, or httpx's finer limits.
    """

    name = "twilio"

    def __init__(
        self, account: Account, clock: Callable[[], datetime], timeout: float | httpx.Timeout = TIMEOUT_S
    ) -> None:
        quiet_loggers()
        self._account = account
        self._clock = clock
        self._http = HttpClient(account.base_url, timeout)
        self._client = Client(account.user, account.secret, account_sid=account.sid, http_client=self._http)

    async def send(self, parcel: Parcel) -> Receipt:
        """Send once; see `Transport`."""
        try:
            message = await self._client.messages.create_async(
                to=parcel.target, body=parcel.text, **self._sender(), **self._options(parcel)
            )
            return _receipt(message)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise TransientError("no connection") from error
        except httpx.HTTPError as error:
            raise AmbiguousError(type(error).__name__) from error
        except TwilioRestException as error:
            raise _judged(error) from None
        except (TwilioException, ValueError, KeyError, TypeError) as error:
            # The SDK could not read the answer, whatever it said.
            raise AmbiguousError("unreadable answer") from error

    async def ask(self, parcel: Parcel, since: datetime) -> Receipt | None:
        """Look through the messages to this number; see `Transport`.

        Twilio filters by the time of sending, which a queued message does not have; so by creation, here.
        """
        try:
            messages = await self._client.messages.list_async(to=parcel.target, limit=_LISTED)
        except _UNANSWERED as error:
            raise CannotAskError(_code(error)) from None
        ours = (each for each in messages if _is_ours(each, parcel.reference, since - _CLOCKS))
        found = next(ours, None)
        return None if found is None else _receipt(found)

    async def follow_up(self, provider_id: str) -> Receipt | None:
        """Fetch a message; see `Transport`."""
        try:
            return _receipt(await self._client.messages(provider_id).fetch_async())
        except _UNANSWERED as error:
            raise CannotAskError(_code(error)) from None

    async def aclose(self) -> None:
        """Close the HTTP client."""
        await self._http.aclose()

    def _sender(self) -> dict[str, str]:
        sender = self._account.sender
        return {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}

    def _options(self, parcel: Parcel) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if parcel.expires is not None:
            left = int((parcel.expires - self._clock()).total_seconds())
            options["validity_period"] = min(max(left, 1), LONGEST_VALIDITY_S)
        if self._account.callback:
            options["status_callback"] = f"{self._account.callback}/{parcel.id}"
        return options


def quiet_loggers() -> None:
    """Keep the SDK and the HTTP client from logging numbers, texts and URLs."""
    for name in ("twilio", "twilio.http_client", "twilio.async_http_client", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _judged(error: TwilioRestException) -> SendError:
    code = error.code or 0
    if error.status == httpx.codes.TOO_MANY_REQUESTS or code in _LATER:
        return TransientError(_code(error))
    if error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return AmbiguousError(_code(error))
    return RefusedError(_code(error)) if code in _NOT_THIS_PERSON else BrokenError(_code(error))


def _code(error: Exception) -> str:
    if isinstance(error, TwilioRestException):
        return str(error.code or f"HTTP {error.status}")
    return type(error).__name__


def _is_ours(message: MessageInstance, reference: str, since: datetime) -> bool:
    created = cast("datetime | None", message.date_created)
    return reference in (message.body or "") and (created is None or created >= since)


def _receipt(message: MessageInstance) -> Receipt:
    if not message.sid:
        raise ValueError("a message without an id")
    return Receipt(
        provider_id=message.sid,
        delivery=DELIVERIES.get(str(message.status), "accepted"),
        segments=int(message.num_segments or 0),
        cost_micros=_micros(cast("str | None", message.price)),
        error=str(message.error_code or ""),
    )


def _micros(price: str | None) -> int:
    return round(abs(float(price)) * 1_000_000) if price else 0

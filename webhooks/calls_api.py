"""Calls over Twilio's REST API, by the official SDK over an HTTP client that never repeats a request.

Each failure says what is known: `NotDialledError` that no call was made, `DoubtfulError` that perhaps one
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance

from callflow.outbox.twilio import TIMEOUT_S, Account, HttpClient, quiet_loggers

OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Statuses of a call that has ended (Twilio, "Call resource")."""

_LISTED = 20  # calls to one telephone that are looked through
_EVENTS = ["initiated", "ringing", "answered", "completed"]


class CallsError(Exception):
    """A request about calls failed; the text holds no number."""


class NotDialledError(CallsError):
    """Surely no call was made."""


class DoubtfulError(CallsError):
    """Perhaps a call was made, or there is no telling now."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A call to be made.

    Args:
        to, shown: E.164 numbers of the telephone that rings and of the caller it sees.
        document: where the TwiML for the answered call is asked for.
        told: where its statuses are reported.
        ring_s: how long it rings.
    """

    to: str
    shown: str
    document: str
    told: str
    ring_s: int


@dataclass(frozen=True, slots=True)
class Leg:
    """A call as Twilio's API shows it.

    Args:
        sid: Twilio's id.
        status: Twilio's word, see `OVER`.
        seconds: how long both spoke.
        created: when it was asked for; None when not told.
        began, ended: from its dialling to its end; None when not told.
    """

    sid: str
    status: str
    seconds: int
    created: datetime | None
    began: datetime | None
    ended: datetime | None

    @property
    def rang_s(self) -> float | None:
        """Return the seconds from dialling to the answer, None when they are not told."""
        if self.began is None or self.ended is None:
            return None
        return max(0.0, (self.ended - self.began).total_seconds() - self.seconds)


class CallsApi:
    """The calls of one Twilio account.

    Args:
        account: access.
        timeout: seconds that Twilio may stay silent, or httpx's finer limits.
    """

    def __init__(self, account: Account, timeout: float | httpx.Timeout = TIMEOUT_S) -> None:
        quiet_loggers()
        self._http = HttpClient(account.base_url, timeout)
        self._client = Client(account.user, account.secret, account_sid=account.sid, http_client=self._http)

    async def create(self, wish: Wish) -> str:
        """Make a call, with one request; returns Twilio's id of it.

        Raises:
            NotDialledError, DoubtfulError: it was surely not made, or perhaps.
        """
        try:
            call = await self._client.calls.create_async(
                to=wish.to,
                from_=wish.shown,
                url=wish.document,
                method="POST",
                status_callback=wish.told,
                status_callback_method="POST",
                status_callback_event=_EVENTS,
                timeout=wish.ring_s,
            )
            return _leg(call).sid
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise NotDialledError("no connection") from None
        except TwilioRestException as error:
            known = error.status < httpx.codes.INTERNAL_SERVER_ERROR
            raise (NotDialledError if known else DoubtfulError)(f"{error.code or error.status}") from None
        except (httpx.HTTPError, TwilioException, ValueError, KeyError, TypeError) as error:
            raise DoubtfulError(type(error).__name__) from None

    async def fetch(self, sid: str) -> Leg:
        """Return how a call is.

        Raises:
            DoubtfulError: there is no telling now.
        """
        try:
            return _leg(await self._client.calls(sid).fetch_async())
        except _UNANSWERED as error:
            raise DoubtfulError(type(error).__name__) from None

    async def of(self, parent: str) -> Sequence[Leg]:
        """Return the calls that a call's <Dial> made.

        Raises:
            DoubtfulError: there is no telling now.
        """
        try:
            found = await self._client.calls.list_async(parent_call_sid=parent, limit=_LISTED)
            return [_leg(each) for each in found]
        except _UNANSWERED as error:
            raise DoubtfulError(type(error).__name__) from None

    async def between(self, to: str, shown: str) -> Sequence[Leg]:
        """Return the latest calls to a telephone that showed this number.

        Raises:
            DoubtfulError: there is no telling now.
        """
        try:
            found = await self._client.calls.list_async(to=to, from_=shown, limit=_LISTED)
            return [_leg(each) for each in found]
        except _UNANSWERED as error:
            raise DoubtfulError(type(error).__name__) from None

    async def aclose(self) -> None:
        """Close the HTTP client."""
        await self._http.aclose()


_UNANSWERED = (httpx.HTTPError, TwilioException, ValueError, KeyError, TypeError)  # as the SDK fails


def _leg(call: CallInstance) -> Leg:
    if not call.sid:
        raise ValueError("a call without an id")
    return Leg(
        sid=str(call.sid),
        status=str(call.status),
        seconds=int(call.duration or 0),
        created=cast("datetime | None", call.date_created),
        began=cast("datetime | None", call.start_time),
        ended=cast("datetime | None", call.end_time),
    )

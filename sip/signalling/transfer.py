"""Following a REFER of ours to its end by the peer's NOTIFYs, declining the peer's (RFC 3515, RFC 3420)."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

from sip.signalling.headers import Headers
from sip.signalling.message import Request, Response
from sip.signalling.uri import param, parse_name_addr, parse_params

Transferred = Literal["answered", "busy", "no_answer", "refused", "failed", "ended"]

_FRAGMENT = re.compile(rb"\s*SIP/2\.0 ([1-6][0-9][0-9])")
_AFTER_BYE_S = 1.0  # a last NOTIFY may be overtaken by the BYE
_BUSY = frozenset({486, 600})
_NO_ANSWER = frozenset({408, 480, 487, 504})


def outcome_of(status: int) -> Transferred:
    """Class a final status of a call attempt."""
    if status < 300:  # noqa: PLR2004  # success
        return "answered"
    if status in _BUSY:
        return "busy"
    if status in _NO_ANSWER:
        return "no_answer"
    return "failed" if 500 <= status < 600 else "refused"  # noqa: PLR2004  # server failures


class Subscription:
    """The implicit subscription that a REFER makes.

    It ends by the first of: a NOTIFY with a final status, a refused REFER, the leg's end, or the time
    limit (`outcome`).
    """

    def __init__(self) -> None:
        self._done: asyncio.Future[Transferred] = asyncio.get_running_loop().create_future()
        self._accepted = False
        self._heard = False

    async def outcome(self, timeout_s: float) -> Transferred:
        """Wait for the end; "no_answer" when the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._done
        except TimeoutError:
            return "no_answer"

    def answered(self, response: Response) -> None:
        """Take a response to the REFER itself."""
        if response.status >= 300:  # noqa: PLR2004  # refused
            self._end("failed" if 500 <= response.status < 600 else "refused")  # noqa: PLR2004  # server failure
        elif response.status >= 200:  # noqa: PLR2004  # accepted
            self._accepted = True

    def lost(self, _status: int) -> None:
        """The REFER was never answered."""
        self._end("failed")

    def notified(self, message: Request) -> None:
        """Take a NOTIFY; provisional reports only show that the peer reports at all."""
        self._heard = True
        found = _FRAGMENT.match(message.body)
        if found and int(found[1]) >= 200:  # noqa: PLR2004  # final
            self._end(outcome_of(int(found[1])))
            return
        self._terminated(message.headers.get("Subscription-State"))

    def _terminated(self, state: str) -> None:
        """Take an end without a status: the peer will not tell more (RFC 3265 3.2.4)."""
        word, semicolon, rest = state.partition(";")
        if word.strip().lower() != "terminated":
            return
        try:
            reason = param(parse_params(semicolon + rest), "reason") or ""
        except ValueError:
            reason = ""
        self._end("refused" if reason == "rejected" else "no_answer")

    def leg_ended(self, by: str) -> None:
        """The leg is over while we wait.

        A peer that took the REFER and never reports ends our leg once it has the caller elsewhere; a peer
        that reports would have told us, so there the caller hung up.
        """
        if by == "caller" and self._accepted and not self._heard:
            self._end("answered")
            return
        loop = asyncio.get_running_loop()
        loop.call_later(_AFTER_BYE_S, self._end, "ended")

    def _end(self, result: Transferred) -> None:
        if not self._done.done():
            self._done.set_result(result)


def declined(headers: Headers) -> int:
    """Give the status that refuses a REFER of the peer: nobody may make a practice's telephone call someone.

    RFC 3515 2.4.2 demands 400 unless there is exactly one Refer-To, and leaves the rest to policy. An
    attended transfer (RFC 5589 7) is no exception: whoever asked for it keeps both calls.
    """
    try:
        targets = [parse_name_addr(value) for value in headers.values("Refer-To")]
    except ValueError:
        return 400
    return 603 if len(targets) == 1 else 400

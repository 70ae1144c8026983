"""Registering an account: what to send and when to try again (RFC 3261 10.2, RFC 5626 4.5).

Sans-IO: answers come in as values, waiting times go out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sip.signalling.core import tag
from sip.signalling.digest import Login, Secret
from sip.signalling.headers import Headers, seconds
from sip.signalling.message import Response
from sip.signalling.phone_settings import Account
from sip.signalling.uri import param, parse_name_addr

_SHORT_S, _LONG_S = 4.0, 300.0  # after network faults and server failures
_REFUSED_S, _REFUSED_LONG_S = 60.0, 3600.0  # after a wrong password: more would lock the account
_DOUBLINGS = 12
_LONGEST_EXPIRES_S = 86_400
_SOON_S = 5


@dataclass(frozen=True, slots=True)
class Next:
    """What follows an answer: wait, then try again, perhaps at another registrar."""

    wait_s: float
    other: bool = False


def backoff_s(failures: int, chance: float, *, refused: bool = False) -> float:
    """Give the wait after the n-th failure in a row: doubling, capped, with a random half (RFC 5626 4.5).

    Args:
        failures: 1 after the first.
        chance: random number in [0, 1).
        refused: the registrar refused us, rather than being away.
    """
    base, longest = (_REFUSED_S, _REFUSED_LONG_S) if refused else (_SHORT_S, _LONG_S)
    return float(min(longest, base * 2 ** min(failures - 1, _DOUBLINGS)) * (0.5 + chance / 2))


class Registration:
    """One account's registration.

    Args:
        account: whose.
        chance: gives random numbers in [0, 1).

    Attributes:
        registered: the last answer was a 2xx that keeps our contact.
        expires_s: how long the registrar keeps it.
        refused: status of the last refusal, 0 after success; for status pages.
    """

    def __init__(self, account: Account, chance: Callable[[], float]) -> None:
        self.account = account
        self.registered = False
        self.expires_s = account.expires_s
        self.refused = 0
        self.login = Login(Secret(account.auth_user or account.user, account.password))
        self._chance = chance
        self._wanted_s = account.expires_s
        self._call_id = tag() + tag()
        self._tag = tag()
        self._seq = 0
        self._failures = 0
        self._proof: list[tuple[str, str]] = []

    @property
    def uri(self) -> str:
        """The registrar's URI: never with a user part (RFC 3261 10.2; FRITZ!Box insists)."""
        return f"sip:{self.account.domain}"

    def fields(self, contact: str, *, leave: bool = False, stale: str = "") -> list[tuple[str, str]]:
        """Write the next REGISTER's fields; `leave` ends the registration, `stale` is a contact to forget."""
        self._seq += 1
        address = f"<sip:{self.account.user}@{self.account.domain}>"
        proof = self._proof or self.login.fields("REGISTER", self.uri)
        self._proof = []
        return [
            ("From", f"{address};tag={self._tag}"),
            ("To", address),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._seq} REGISTER"),
            ("Contact", f"{contact}, {stale};expires=0" if stale else contact),
            ("Expires", "0" if leave else str(self._wanted_s)),
            *proof,
        ]

    def answered(self, answer: Response, contact: str) -> Next:
        """Take a final answer."""
        status = answer.status
        if status < 300:  # noqa: PLR2004  # success
            return self._success(answer.headers, contact)
        if status in {401, 407}:
            return self._challenged(answer)
        if status == 423:  # noqa: PLR2004  # interval too brief
            return self._too_brief(answer.headers)
        return self._failed(answer)

    def lost(self) -> Next:
        """No answer came, or nobody could be reached: try the next registrar."""
        self.registered = False
        self.refused = 0
        self._failures += 1
        self.login.forget()
        return Next(backoff_s(self._failures, self._chance()), other=True)

    def _success(self, headers: Headers, contact: str) -> Next:
        granted = granted_s(headers, contact)
        self.refused = self._failures = 0
        self.registered = granted != 0
        if not granted:
            self._failures = 1
            return Next(backoff_s(1, self._chance()))
        self.expires_s = granted
        return Next(refresh_s(granted, self._chance()))

    def _challenged(self, answer: Response) -> Next:
        self._proof = self.login.answer(answer.status, answer.headers, "REGISTER", self.uri)
        if self._proof:
            return Next(0.0)
        return self._refuse(answer.status)

    def _refuse(self, status: int) -> Next:
        self.registered = False
        self.refused = status
        self._failures += 1
        self.login.forget()
        return Next(backoff_s(self._failures, self._chance(), refused=True))

    def _too_brief(self, headers: Headers) -> Next:
        least = seconds(headers.get("Min-Expires"), _LONGEST_EXPIRES_S) or 0
        if least <= self._wanted_s:
            return self._refuse(423)
        self._wanted_s = least
        return Next(0.0)

    def _failed(self, answer: Response) -> Next:
        if 400 <= answer.status < 500 and answer.status not in {408, 480}:  # noqa: PLR2004  # our fault
            return self._refuse(answer.status)
        away = self.lost()
        self.refused = answer.status
        asked = seconds(answer.headers.get("Retry-After"), int(_REFUSED_LONG_S)) or 0
        return Next(max(away.wait_s, float(asked)), other=True)


def granted_s(headers: Headers, contact: str) -> int:
    """Read how long the registrar keeps our contact; 0 when it does not list it."""
    wanted = parse_name_addr(contact).uri
    general = seconds(headers.get("Expires"), _LONGEST_EXPIRES_S)
    try:
        listed = [parse_name_addr(value) for value in headers.values("Contact")]
    except ValueError:
        listed = []
    for one in listed:
        if (one.uri.user, one.uri.host, one.uri.port) == (wanted.user, wanted.host, wanted.port):
            own = param(one.params, "expires")
            found = seconds(own, _LONGEST_EXPIRES_S) if own else general
            return general or 3600 if found is None else found
    # Some registrars list nothing, or rewrite our contact behind NAT: the general time counts then.
    return general or 0 if not listed else general or 60


def refresh_s(granted: int, chance: float) -> float:
    """Refresh well before the end, not all accounts at the same moment."""
    if granted <= 2 * _SOON_S:
        return granted / 2
    return max(granted * (0.75 + chance * 0.1), _SOON_S) if granted < 1200 else granted - 300 + chance * 100  # noqa: PLR2004  # five minutes' margin suffices for long ones

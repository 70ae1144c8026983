"""The pyVoIP line's registrar: pyVoIP decides when to register, this says it so that registrars take it.

pyVoIP's REGISTER is written anew for an account that it does not know, and repeated by our transactions; of
each answer it is told, in the one form that it reads, whether it is registered, challenged or refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from sip.signalling.core import Core
from sip.signalling.digest import Login, Secret
from sip.signalling.headers import Headers, seconds
from sip.signalling.message import Request, Response, parse
from sip.signalling.phone_settings import Account
from sip.signalling.registration import granted_s, refresh_s
from sip.signalling.transport import Hop

FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 120.0
LEAVE_S = 2.0
EXPIRES_S = 120
_LONGEST_EXPIRES_S = 86_400
_OK, _CHALLENGE, _REFUSED, _BRIEF = 200, 401, 403, 423
_log = structlog.get_logger("line.pyvoip")

Work = Callable[[], Awaitable[bool]]


class Registrar:
    """One account's registrar, as pyVoIP sees it.

    Args:
        core: the telephone.
        account: whom to register; it takes the extension for the login, and the registrar for the domain.
        hop: where the registrar is.
        tell: takes the plain answers that pyVoIP is to read.

    Attributes:
        wanted_s: registration time asked for, seconds; pyVoIP asks for 120 and takes no 423.
        granted_s: what was granted, seconds, 0 while not registered; pyVoIP never looks.
    """

    def __init__(self, core: Core, account: Account, hop: Hop, tell: Callable[[bytes], None]) -> None:
        self.wanted_s = EXPIRES_S
        self.granted_s = 0
        self._core, self._account, self._hop, self._tell = core, account, hop, tell
        self._uri = f"sip:{account.domain}"
        self._login = Login(Secret(account.auth_user or account.user, account.password))
        self._proof: list[tuple[str, str]] = []
        self._asked: Request | None = None
        self._leaving = self._over = False
        self._task: asyncio.Task[None] | None = None

    def start(self, register: Work) -> None:
        """Begin to register, by pyVoIP's `register`."""
        self._task = asyncio.get_running_loop().create_task(self._stay(register))

    async def leave(self, deregister: Work) -> None:
        """Stop, and end the registration if the registrar answers soon."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._leaving = True
        self._give_up()
        if not self.granted_s:
            return
        leaving = asyncio.ensure_future(deregister())
        await asyncio.wait({leaving}, timeout=LEAVE_S)
        self._over = True
        self._give_up()
        await leaving

    def say(self, data: bytes) -> None:
        """Send a REGISTER of pyVoIP's as the account's."""
        asked = parse(data)
        assert isinstance(asked, Request)  # noqa: S101  # pyVoIP wrote it, and of it only facts of our own are used
        account, leaves = self._account, _leaves(asked)
        if self._over or (self._leaving and not leaves):
            self._tell(plain_answer(asked, _REFUSED))
            return
        address = f"<sip:{account.user}@{account.domain}>"
        contact = self._core.contact(self._hop, account.user)
        fields = [
            ("From", f"{address};tag={asked.headers.get('From').rpartition('tag=')[2]}"),
            ("To", address),
            ("Call-ID", asked.call_id),
            ("CSeq", str(asked.cseq)),
            ("Contact", contact),
            ("Expires", "0" if leaves else str(self.wanted_s)),
            *self._proof,
        ]
        self._proof = []
        self._asked = asked
        message = self._core.build(self._hop, "REGISTER", self._uri, fields)
        # It sends each REGISTER once: one lost packet and the line is away until the next try.
        self._core.ask(
            self._hop,
            message,
            partial(self._answered, asked, contact),
            lambda _status: self._end(asked, _REFUSED),
        )

    def _answered(self, asked: Request, contact: str, answer: Response) -> None:
        status = answer.status
        if status < _OK:
            return  # it reads nothing while it believes the registrar busy
        if status in {401, 407}:
            self._end(asked, self._challenged(answer))
            return
        if status == _BRIEF:
            self._learn(answer.headers)
        done = status < 300  # noqa: PLR2004  # success
        self.granted_s = granted_s(answer.headers, contact) if done and not _leaves(asked) else 0
        # All refusals are one: after a 500 it sleeps in its thread and tries again by itself.
        self._end(asked, _OK if done and (self.granted_s or _leaves(asked)) else _REFUSED)

    def _challenged(self, answer: Response) -> int:
        """Prove who we are: it knows no 407, no qop, no SHA-256, and takes the extension for the login."""
        self._login.forget()
        self._proof = self._login.answer(answer.status, answer.headers, "REGISTER", self._uri)
        return _CHALLENGE if self._proof else _REFUSED

    def _learn(self, headers: Headers) -> None:
        least = seconds(headers.get("Min-Expires"), _LONGEST_EXPIRES_S) or 0
        self.wanted_s = max(self.wanted_s, least)

    def _end(self, asked: Request, status: int) -> None:
        """Tell pyVoIP what came of its last REGISTER, once."""
        if self._asked is asked:
            self._asked = None
            self._tell(plain_answer(asked, status))

    def _give_up(self) -> None:
        """Let pyVoIP wait no longer."""
        if self._asked is not None:
            self._end(self._asked, _REFUSED)

    async def _stay(self, register: Work) -> None:
        # Its own timer gives up for ever after three failures, and repeats those without any pause.
        pause = FIRST_RETRY_S
        while True:
            wanted = self.wanted_s
            done = await register()
            _log.info("registration", account=self._account.name, done=done)
            if done:
                pause = FIRST_RETRY_S
                await asyncio.sleep(refresh_s(self.granted_s, random.random()))  # noqa: S311  # no secret
            elif self.wanted_s == wanted:  # else a longer time was asked for: say so at once
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_RETRY_S)


def _leaves(asked: Request) -> bool:
    return asked.headers.get("Expires") == "0"


def plain_answer(asked: Request, status: int) -> bytes:
    """Write an answer as pyVoIP can read it; what it is challenged with, it is not to know."""
    lines = [
        f"SIP/2.0 {status} Answer",
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKplain",
        "From: <sip:line@127.0.0.1>;tag=us",
        "To: <sip:line@127.0.0.1>;tag=them",
        f"Call-ID: {asked.call_id}",
        f"CSeq: {asked.cseq}",
        *(['WWW-Authenticate: Digest realm="line",nonce="plain"'] if status == _CHALLENGE else []),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()

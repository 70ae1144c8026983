"""An account at work: it registers, refreshes, changes registrars, keeps the way open and leaves."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import structlog

from sip.signalling.core import Core
from sip.signalling.message import Response
from sip.signalling.phone_settings import Account
from sip.signalling.registration import Next, Registration
from sip.signalling.transport import Hop, local_address
from sip.signalling.uri import Uri, parse_own

log = structlog.get_logger("sip")
# NAT bindings of UDP may close after 30 s (RFC 4787 REQ-5 names 2 min, home routers less), TCP's much later.
_KEEP_ALIVE_S = {False: 25.0, True: 90.0}
_LEAVE_S = 2.0
_AFTER_FAULT_S = 30.0

Locate = Callable[[Uri, str], Awaitable[list[Hop]]]


class Extension:
    """One registered account.

    Args:
        core: the telephone.
        account: what to register.
        locate: finds the registrar's hops; takes the URI and the file of certificate authorities.

    Raises:
        ValueError: the account's registrar is no host.

    Attributes:
        hop: the registrar that we use.
        addresses: every address that the registrar's name leads to: calls come from any of them.
    """

    def __init__(self, core: Core, account: Account, locate: Locate) -> None:
        self.account = account
        self.registration = Registration(account, random.random)
        self.hop: Hop | None = None
        self.addresses: frozenset[str] = frozenset()
        self.changed = asyncio.Event()
        self._core = core
        self._locate = locate
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._registrar = registrar_of(account)
        self._moved = False
        self._stale = ""
        self._told: int | None = None

    @property
    def registered(self) -> bool:
        """The registrar keeps our contact."""
        return self.registration.registered

    def start(self) -> None:
        """Begin registering."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"register {self.account.name}")

    async def leave(self) -> None:
        """Stop, and end the registration if the registrar answers soon."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.registered and self.hop:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_S):
                    await self._leave(self.hop)

    async def _leave(self, hop: Hop) -> None:
        """Send the last REGISTER, answering one challenge."""
        for _ in range(2):
            answer, contact = await self._register(hop, leave=True)
            if answer is None or self.registration.answered(answer, contact).wait_s:
                return

    def lost(self, hop: Hop) -> None:
        """A connection is gone; if it was ours, register again at once."""
        if hop == self.hop:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._register_on()
            except Exception as error:  # noqa: BLE001  # whatever happens, the account must come back
                self._core.counters["internal_error"] += 1
                log.error("registration failed", account=self.account.name, error=type(error).__name__)  # noqa: TRY400
                await self._wait(_AFTER_FAULT_S)

    async def _register_on(self) -> None:
        waiting: list[Hop] = []
        while True:
            if not waiting:
                waiting = await self._locate(self._registrar, self.account.ca)
                self.addresses = frozenset(hop.address[0] for hop in waiting) | self.addresses
            following = await self._try(waiting[0] if waiting else None)
            if following.other:
                waiting = waiting[1:]
            if not following.other or not waiting:
                await self._wait(following.wait_s)

    async def _try(self, hop: Hop | None) -> Next:
        was = self.registered
        self.hop = hop
        if hop is None:
            following = self.registration.lost()
        else:
            answer, contact = await self._register(hop)
            following = self._answered(hop, answer, contact) if answer else self.registration.lost()
        if not self.registered:
            local_address.cache_clear()  # our own address may have changed with the network
        if self.registered != was:
            self._core.counters["registered" if self.registered else "registration_lost"] += 1
            log.info("registration", account=self.account.name, registered=self.registered)
        self._tell(following)
        self.changed.set()
        return following

    def _tell(self, following: Next) -> None:
        """Say once why we are not registered: a wrong password shows nowhere else."""
        if self.registered:
            self._told = None
            return
        status = self.registration.refused
        if following.wait_s and status != self._told:
            self._told = status
            why, again_s = status or "silence", round(following.wait_s)
            log.warning("not registered", account=self.account.name, status=why, again_s=again_s)

    def _answered(self, hop: Hop, answer: Response, contact: str) -> Next:
        """Take an answer; a contact that it shows to lead nowhere is replaced at once."""
        following = self.registration.answered(answer, contact)
        moved = self._core.learn_mapping(hop, answer.via)
        if not moved or not self.registered or self._moved:
            self._moved = False
            return following
        self._moved, self._stale = True, contact  # once only: a mapping may change with every request
        log.info("address translation found", account=self.account.name)
        return Next(0.0)

    async def _register(self, hop: Hop, *, leave: bool = False) -> tuple[Response | None, str]:
        contact = self._core.contact(hop, self.account.user)
        stale, self._stale = self._stale, ""
        fields = self.registration.fields(contact, leave=leave, stale=stale)
        done: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()

        def answered(answer: Response) -> None:
            if answer.status >= 200 and not done.done():  # noqa: PLR2004  # final
                done.set_result(answer)

        def lost(_status: int) -> None:
            if not done.done():
                done.set_result(None)

        self._core.ask(hop, self._core.build(hop, "REGISTER", self.registration.uri, fields), answered, lost)
        return await done, contact

    async def _wait(self, seconds: float) -> None:
        """Wait, keeping the way through NAT open; a lost connection ends the wait."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        self._wake.clear()
        while (left := until - loop.time()) > 0:
            pause = min(left, _KEEP_ALIVE_S[self.hop.carrier.reliable]) if self.hop else left
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
                return
            if self.hop and self.registered:
                with contextlib.suppress(OSError):
                    self.hop.ping()


def registrar_of(account: Account) -> Uri:
    """Give the URI whose server registers an account.

    Raises:
        ValueError: no host.
    """
    suffix = "" if account.transport == "udp" else f";transport={account.transport}"
    host = account.registrar or account.domain
    try:
        return parse_own(f"sip:{host}{suffix}")
    except ValueError:
        raise ValueError(f"account {account.name}: {host!r} is no host to register at") from None

"""The worker: takes an intent, sends it, writes down how it ended.

Before a transport is given anything, that it will be is on disk. So a worker that dies leaves an intent that
is known to be in doubt, and the next one asks the provider instead of sending again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from callflow.outbox import delivery, queue
from callflow.outbox.delivery import Lost
from callflow.outbox.retry import Policy, Result, Standing, decide, next_transport
from callflow.outbox.transport import (
    AmbiguousError,
    BrokenError,
    CannotAskError,
    Parcel,
    Receipt,
    RefusedError,
    TransientError,
    Transport,
)
from callflow.store import Intent, Store, Tx, announce

_log = structlog.get_logger("outbox")
_SEND_S = 30.0  # a transport that is silent for longer has perhaps sent
_IDLE_S = 5.0  # polls that become due are seen after this at the latest
_BREATH_S = 0.02  # a clock that stands still must not make a busy loop
_LANES = 4  # a provider that hangs holds up one lane only


@dataclass(frozen=True, slots=True)
class _Taken:
    id: str
    lease: str
    transport: str
    doubtful: bool
    since: datetime
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class _Ending:
    result: Result
    receipt: Receipt | None = None
    error: str = ""


@dataclass(slots=True)
class Worker:
    """Empties the outbox; several may work side by side.

    Args:
        store: the database.
        transports: kind of intent -> ways of sending it, in the order in which they are tried.
        lost: what happens when something could not be brought to the person.
        clock: gives the aware present time.
        policy: how patient it is.
    """

    store: Store
    transports: Mapping[str, Sequence[Transport]]
    lost: Lost
    clock: Callable[[], datetime]
    policy: Policy = field(default_factory=Policy)

    async def run(self) -> None:
        """Work until cancelled; cancelling leaves nothing half done that the next start would not settle."""
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.store.on_commit(lambda: _wake(loop, wake))
        async with asyncio.TaskGroup() as lanes:
            for _ in range(_LANES):
                lanes.create_task(self._lane(wake, self.once))
            lanes.create_task(self._lane(wake, self.poll))

    async def once(self) -> bool:
        """Take one intent that is due to its next standing; False when none is due."""
        taken = await self.store.write(self._take)
        if taken is None:
            return False
        ending = await (self._ask(taken) if taken.doubtful else self._send(taken))
        _log.info(
            "outbox", intent=taken.id, transport=taken.transport, result=ending.result, error=ending.error
        )
        try:
            await self.store.write(lambda tx: self._settle(tx, taken, ending))
        except queue.LeaseLostError:
            _log.warning("lease lost", intent=taken.id)
        return True

    async def poll(self) -> bool:
        """Ask how far sent messages are; False when none is due."""
        due = await self.store.read(
            lambda tx: [_following(each) for each in delivery.due(tx, now=self.clock())]
        )
        for intent_id, transport, provider_id in due:
            receipt = await self._follow_up(transport, provider_id)
            await self.store.write(partial(self._polled, intent_id=intent_id, receipt=receipt))
        return bool(due)

    async def _lane(self, wake: asyncio.Event, work: Callable[[], Awaitable[bool]]) -> None:
        while True:
            wake.clear()
            idle = _IDLE_S
            try:
                while await work():
                    pass
                idle = await self._idle()
            except Exception:  # noqa: BLE001  as the next line says
                # One bad row or full disk must not end the outbox.
                _log.exception("outbox fault")
            with suppress(TimeoutError):
                async with asyncio.timeout(idle):
                    await wake.wait()

    async def _idle(self) -> float:
        """Return for how many seconds nothing can be due."""
        due = await self.store.read(lambda tx: queue.next_due(tx, tuple(self.transports)))
        until = (due - self.clock()).total_seconds() if due else _IDLE_S
        return min(max(until, _BREATH_S), _IDLE_S)

    def _take(self, tx: Tx) -> _Taken | None:
        now = self.clock()
        until = now + self.policy.lease
        while (intent := queue.lease(tx, tuple(self.transports), now=now, until=until)) and _expired(
            intent, now
        ):
            self._give_up(tx, intent, "failed", "expired", now)
        if intent is None:
            return None
        doubtful = intent.started
        if not doubtful:
            queue.begin(tx, intent, self._next_transport(intent), now=now)
        return _Taken(
            intent.id, intent.lease, intent.transport, doubtful, intent.started_at or now, _parcel(intent)
        )

    def _next_transport(self, intent: Intent) -> str:
        order = self._order(intent.kind)
        return next_transport(order, intent.tried.split()) or order[0]

    def _order(self, kind: str) -> list[str]:
        return [transport.name for transport in self.transports[kind]]

    def _transport(self, name: str) -> Transport | None:
        ways = (transport for ways in self.transports.values() for transport in ways)
        return next((transport for transport in ways if transport.name == name), None)

    async def _send(self, taken: _Taken) -> _Ending:
        transport = self._transport(taken.transport)
        assert transport is not None  # noqa: S101  chosen from the same list a moment ago
        try:
            async with asyncio.timeout(_SEND_S):
                return _Ending("sent", await transport.send(taken.parcel))
        except RefusedError as error:
            return _Ending("refused", error=error.code)
        except BrokenError as error:
            return _Ending("broken", error=error.code)
        except TransientError as error:
            return _Ending("transient", error=error.code)
        except AmbiguousError as error:
            return _Ending("ambiguous", error=error.code)
        except Exception as error:  # noqa: BLE001  as the next line says
            # A fault of our own says nothing about what the provider has got.
            _log.exception("transport fault", intent=taken.id, transport=taken.transport)
            return _Ending("ambiguous", error=type(error).__name__)

    async def _ask(self, taken: _Taken) -> _Ending:
        transport = self._transport(taken.transport)
        if transport is None:
            return _Ending("cannot_ask", error="transport gone")
        try:
            async with asyncio.timeout(_SEND_S):
                receipt = await transport.ask(taken.parcel, taken.since)
        except CannotAskError as error:
            return _Ending("cannot_ask", error=error.code)
        except Exception as error:  # noqa: BLE001  a fault of our own tells no more than silence
            _log.exception("transport fault", intent=taken.id, transport=taken.transport)
            return _Ending("cannot_ask", error=type(error).__name__)
        return _Ending("absent") if receipt is None else _Ending("found", receipt)

    async def _follow_up(self, name: str, provider_id: str) -> Receipt | None:
        transport = self._transport(name)
        try:
            async with asyncio.timeout(_SEND_S):
                return await transport.follow_up(provider_id) if transport else None
        except (CannotAskError, TimeoutError):
            return None

    def _settle(self, tx: Tx, taken: _Taken, ending: _Ending) -> None:
        now = self.clock()
        intent = queue.held(tx, taken.id, taken.lease)
        queue.note(tx, intent, ending.result, ending.error, now=now)
        if taken.doubtful:
            intent.asks += 1
        if ending.receipt is not None:
            self._sent(tx, intent, ending.receipt, now)
            return
        decision = decide(self.policy, ending.result, self._standing(intent), now=now)
        if decision.step in ("failed", "unknown"):
            self._give_up(tx, intent, decision.step, ending.error, now)
            return
        if decision.step == "switch":
            intent.tried = f"{intent.tried} {intent.transport}".strip()
        elif decision.step == "retry":
            intent.tried = ""
        intent.started = decision.step == "ask"
        queue.put_back(intent, at=decision.at, error=ending.error)

    def _standing(self, intent: Intent) -> Standing:
        order = self._order(intent.kind)
        untried = [name for name in order if name not in (*intent.tried.split(), intent.transport)]
        return Standing(-(-intent.attempts // len(order)), intent.asks, len(untried), intent.expires_at)

    def _sent(self, tx: Tx, intent: Intent, receipt: Receipt, now: datetime) -> None:
        queue.sent(intent, receipt, now=now)
        if intent.link_id:
            announce(tx, "link", intent.link_id, "sent", now=now)
        intent.poll_at = delivery.next_poll(now, now)
        delivery.rise(tx, intent, receipt.delivery, receipt.error, self.lost, now=now)

    def _give_up(self, tx: Tx, intent: Intent, status: str, error: str, now: datetime) -> None:
        queue.given_up(intent, status, error, now=now)
        self.lost(tx, intent, now)
        tx.info["changed"] = True

    def _polled(self, tx: Tx, intent_id: str, receipt: Receipt | None) -> None:
        now = self.clock()
        intent = tx.get_one(Intent, intent_id)
        intent.poll_at = delivery.next_poll(intent.finished_at or now, now)
        if receipt is None:
            return
        intent.segments = receipt.segments or intent.segments
        intent.cost_micros = receipt.cost_micros or intent.cost_micros
        delivery.rise(tx, intent, receipt.delivery, receipt.error, self.lost, now=now)


def _wake(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(wake.set)


def _expired(intent: Intent, now: datetime) -> bool:
    return not intent.started and intent.expires_at is not None and now >= intent.expires_at


def _following(intent: Intent) -> tuple[str, str, str]:
    return intent.id, intent.transport, intent.provider_id


def _parcel(intent: Intent) -> Parcel:
    return Parcel(intent.id, intent.target, intent.body, intent.reference, intent.purpose, intent.expires_at)

"""Click-to-call over Twilio: rings a person's own telephone, says who will be called, dials the patient.

Twilio is asked once to make the call. When the answer to that is lost, the call is looked for (by its own
reports, which name it, and in Twilio's list) and never asked for again. Documents are given only while
somebody waits for the call's outcome: what was given up dials nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog
from fastapi import APIRouter
from sqlmodel import col, delete, select
from starlette.types import Scope

from callflow.dialling import RING_OWN_S, DialOutcome, DialRequest, DialResult, answered, may_dial
from callflow.store import Fact, Store, Tx
from webhooks import announcing
from webhooks.calls_api import OVER, CallsApi, DoubtfulError, Leg, NotDialledError, Wish
from webhooks.entrance import route
from webhooks.signature import Fields, Post, Signature
from webhooks.twiml import Site, rejected

_log = structlog.get_logger("webhooks")
_NOTE = "twilio dial "
_KEPT = timedelta(days=2)  # longer than a house asks after a restart
_CLOCKS = timedelta(minutes=5)  # how far Twilio's clock and ours may differ
_HUMAN_S = 5.0  # assumed when nobody told how long the patient's telephone rang
_PATIENT: dict[str, DialOutcome] = {
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "cancelled",
    "failed": "refused",
}
_LOOKS = 3  # Twilio's list of a call's legs may lag behind


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things are waited for, seconds.

    Args:
        poll: between two looks at a call that reports nothing.
        doubt: each wait for a sign of a call whose making was not confirmed.
        longest: of a whole call; Twilio ends calls after four hours.
    """

    poll: float = 20.0
    doubt: tuple[float, ...] = (2.0, 5.0, 10.0, RING_OWN_S)
    longest: float = 4 * 3600.0


@dataclass(slots=True)
class _Going:
    """A call whose outcome somebody waits for; `request` is None after a restart."""

    dial: str
    request: DialRequest | None = None
    sid: str = ""
    over: str = ""
    done: Fields = field(default_factory=dict)
    connecting: bool = False
    looks: int = 0
    rings: datetime | None = None
    answers: datetime | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def rang_s(self) -> float | None:
        if self.rings is None or self.answers is None:
            return None
        return max(0.0, (self.answers - self.rings).total_seconds())


@dataclass(slots=True)
class TwilioDialler:
    """Calls that people make over one Twilio line; a `callflow.dialling.Dialler`.

    Args:
        name: of the line.
        api: makes calls and tells about them.
        site: what TwiML documents refer to.
        signature: lets only Twilio in.
        store: keeps which call is which over a restart.
        clock: gives the aware present time.
        patience: how long things are waited for.
    """

    name: str
    api: CallsApi
    site: Site
    signature: Signature
    store: Store
    clock: Callable[[], datetime]
    patience: Patience = field(default_factory=Patience)
    _going: dict[str, _Going] = field(default_factory=dict)

    def reaches(self, device: str) -> bool:
        """Say whether Twilio can ring such a telephone: those of the public network."""
        return device.startswith("+")

    async def dial(self, request: DialRequest) -> DialResult:
        """As `callflow.dialling.Dialler.dial`."""
        if not may_dial(request.number):
            return DialResult("refused")
        began = self.clock()
        with self._watched(_Going(request.id, request)) as going:
            try:
                await self._known_as(going, await self.api.create(self._wish(request)))
            except NotDialledError as error:
                _log.warning("not dialled", dial=request.id, why=str(error))
                return DialResult("failed")
            except DoubtfulError as error:
                _log.warning("lost the answer", dial=request.id, why=str(error))
                await self._look_for(going, began)
            return await self._settled(going) if going.sid else DialResult("unknown")

    async def became(self, dial: str) -> DialResult:
        """As `callflow.dialling.Dialler.became`."""
        with self._watched(_Going(dial)) as going:
            going.sid = await self.store.read(lambda tx: _noted(tx, dial))
            if not going.sid:
                await self._sign(going, RING_OWN_S)
            return await self._settled(going) if going.sid else DialResult("unknown")

    def router(self) -> APIRouter:
        """Return the routes under /webhooks/voice/dial/<name>; like calls, they wait for no page."""
        router = APIRouter(include_in_schema=False)
        takes = {
            "picked-up": self._picked_up,
            "confirmed": self._confirmed,
            "done": self._done,
            "own": self._own,
            "patient": self._patient,
        }
        for step, take in takes.items():
            path = f"/webhooks/voice/dial/{self.name}/{{dial}}/{step}"
            router.routes.append(route(path, self.signature, take))
        return router

    async def _picked_up(self, _post: Post, scope: Scope) -> str:
        request = self._request(scope)
        if request is None:
            return rejected()
        if request.confirm:
            return announcing.asking(request, self.site, self._address(request.id))
        return self._connect(request)

    async def _confirmed(self, post: Post, scope: Scope) -> str:
        request = self._request(scope)
        if request is None or post.fields.get("Digits") != announcing.KEY:
            return rejected()
        return self._connect(request)

    async def _done(self, post: Post, scope: Scope) -> str:
        if going := self._heard(scope):
            going.done = going.done or post.fields
        return rejected()

    async def _own(self, post: Post, scope: Scope) -> None:
        if going := self._heard(scope):
            if not going.sid:
                await self._known_as(going, post.fields.get("CallSid", ""))
            status = post.fields.get("CallStatus", "")
            going.over = going.over or (status if status in OVER else "")

    async def _patient(self, post: Post, scope: Scope) -> None:
        going, status = self._heard(scope), post.fields.get("CallStatus", "")
        at = _moment(post.fields) or self.clock()
        if going is not None and status == "initiated":
            going.rings = going.rings or at
        elif going is not None and status == "in-progress":
            going.answers = going.answers or at

    def _request(self, scope: Scope) -> DialRequest | None:
        going = self._heard(scope)
        return None if going is None else going.request

    def _heard(self, scope: Scope) -> _Going | None:
        going = self._going.get(scope["path_params"]["dial"])
        if going is not None:
            going.moved.set()
        return going

    def _connect(self, request: DialRequest) -> str:
        self._going[request.id].connecting = True
        return announcing.connecting(request, self.site, self._address(request.id))

    def _address(self, dial: str) -> str:
        return f"{self.site.base}/voice/dial/{self.name}/{dial}"

    def _wish(self, request: DialRequest) -> Wish:
        address = self._address(request.id)
        return Wish(request.device, request.caller_id, f"{address}/picked-up", f"{address}/own", RING_OWN_S)

    async def _known_as(self, going: _Going, sid: str) -> None:
        """Keep Twilio's id of a call, so that a restart finds it."""
        if sid and going.sid != sid:
            going.sid = sid
            await self.store.write(lambda tx: _note(tx, going, self.clock()))

    @contextmanager
    def _watched(self, going: _Going) -> Iterator[_Going]:
        self._going[going.dial] = going
        try:
            yield going
        finally:
            del self._going[going.dial]

    async def _sign(self, going: _Going, seconds: float) -> None:
        """Wait until Twilio reports something about the call, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await going.moved.wait()
        going.moved.clear()

    async def _look_for(self, going: _Going, began: datetime) -> None:
        """Find the call that was perhaps made: its reports name it, or it is the only one in the list."""
        for pause in self.patience.doubt:
            await self._sign(going, pause)
            if not going.sid:
                await self._known_as(going, await self._listed(going, began))
            if going.sid:
                return

    async def _listed(self, going: _Going, began: datetime) -> str:
        request = going.request
        if request is None:
            return ""
        known = {each.sid for each in self._going.values()} | await self.store.read(_all_noted)
        try:
            legs = await self.api.between(request.device, request.caller_id)
        except DoubtfulError:
            return ""
        ours = [leg.sid for leg in legs if leg.sid not in known and _since(leg, began - _CLOCKS)]
        return ours[0] if len(ours) == 1 else ""

    async def _settled(self, going: _Going) -> DialResult:
        """Return the outcome once the person's own call is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience.longest):
                while True:
                    with suppress(DoubtfulError):
                        if result := await self._result(going):
                            return result
                    await self._sign(going, self.patience.poll)
        return DialResult("unknown")

    async def _result(self, going: _Going) -> DialResult | None:
        """Return the outcome, None while the call goes on; what was not reported is asked for."""
        rang, status = going.rang_s(), going.done.get("DialCallStatus", "")
        if status in _PATIENT or (status and rang is not None):
            return _judged(status, rang, _seconds(going.done, "DialCallDuration"))
        over = going.over or (await self.api.fetch(going.sid)).status
        if over in OVER and over != "completed":
            return DialResult("failed" if over == "failed" else "not_picked_up")
        return await self._by_legs(going, rang) if over in OVER else None

    async def _by_legs(self, going: _Going, rang_s: float | None) -> DialResult | None:
        """Return the outcome as the patient's leg tells it."""
        going.looks += 1
        for leg in await self.api.of(going.sid):
            rang = leg.rang_s if rang_s is None else rang_s
            return _judged(leg.status, rang, leg.seconds) if leg.status in OVER else None
        return None if going.connecting and going.looks < _LOOKS else DialResult("cancelled")


def _judged(status: str, rang_s: float | None, talked_s: int) -> DialResult:
    if status in _PATIENT:
        return DialResult(_PATIENT[status])
    return answered(_HUMAN_S if rang_s is None else rang_s, talked_s)


def _since(leg: Leg, moment: datetime) -> bool:
    return leg.created is None or leg.created >= moment


def _seconds(fields: Fields, name: str) -> int:
    told = fields.get(name, "")
    return int(told) if told.isdecimal() else 0


def _moment(fields: Fields) -> datetime | None:
    """Return when Twilio says that something happened; reports themselves may come late."""
    try:
        told = parsedate_to_datetime(fields.get("Timestamp", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _note(tx: Tx, going: _Going, now: datetime) -> None:
    """Keep Twilio's id of a call; ids of calls that nobody asks about any more are removed."""
    oldest = (now - _KEPT).isoformat()
    tx.exec(delete(Fact).where(col(Fact.name).startswith(_NOTE), col(Fact.value) < oldest))
    tx.merge(Fact(name=_NOTE + going.dial, value=f"{now.isoformat()} {going.sid}"))


def _noted(tx: Tx, dial: str) -> str:
    fact = tx.get(Fact, _NOTE + dial)
    return "" if fact is None else fact.value.rpartition(" ")[2]


def _all_noted(tx: Tx) -> set[str]:
    facts = tx.exec(select(Fact).where(col(Fact.name).startswith(_NOTE))).all()
    return {fact.value.rpartition(" ")[2] for fact in facts}

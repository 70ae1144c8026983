"""Other programs: tokens for the API, endpoints for events, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from callflow.outbox import endpoints, events, queue
from callflow.outbox.endpoints import EVENTS, Subscription
from callflow.store import ApiToken, Endpoint, Intent, Tx
from callflow.users import api_token
from callflow.web import words
from callflow.web.house import House
from callflow.web.staff import AdminDep, GuardedAdminDep, HouseDep, Staff, go, show

router = APIRouter(prefix="/programs", include_in_schema=False)
HOME = "/programs"
_LATEST = 3
_TONES = {"sent": "good", "failed": "urgent", "unknown": "soon"}
_NAMED_ERRORS = frozenset(
    {"forbidden address", "endpoint gone", "ConnectError", "ConnectTimeout", "ReadTimeout"}
)


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that is shown this once: whose it is, and what kind ("token" or "secret")."""

    kind: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as the page shows it."""

    id: str
    name: str
    scopes: Sequence[str]
    issued: str
    used: str
    active: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """An event on its way or at its end."""

    id: str
    at: str
    event: str
    state: str
    tone: str
    attempts: int
    error: str
    under_way: bool


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """An endpoint as the page shows it; `under_way` while its newest event has no result yet."""

    id: str
    name: str
    url: str
    events: Sequence[str]
    full: bool
    active: bool
    latest: Sequence[Sent]

    @property
    def under_way(self) -> bool:
        """Say whether the newest event has no result yet."""
        return bool(self.latest) and self.latest[0].under_way


@dataclass(frozen=True, slots=True)
class _Rows:
    tokens: Sequence[ApiToken]
    endpoints: Sequence[Endpoint]
    latest: dict[str, Sequence[Intent]]
    dead: Sequence[Intent]


@router.get("")
async def programs(request: Request, staff: AdminDep, house: HouseDep) -> Response:
    """Show tokens, endpoints and dead letters."""
    return await _page(request, staff, house)


@router.post("/tokens")
async def issue(
    request: Request,
    staff: GuardedAdminDep,
    house: HouseDep,
    *,
    name: Annotated[str, Form(max_length=80)] = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies defaults
) -> Response:
    """Issue a token and show it this once."""
    label, scopes = name.strip(), [each for each in scope if each in api_token.SCOPES]
    if not label or not scopes:
        return await _page(request, staff, house, fault="programs.token_fault", status=422)
    now = house.clock()
    token, _ = await house.store.write(lambda tx: api_token.issue(tx, name=label, scopes=scopes, now=now))
    return await _page(request, staff, house, secret=Secret("token", label, token))


@router.post("/tokens/{token_id}/revoke")
async def revoke(_staff: GuardedAdminDep, house: HouseDep, token_id: str) -> Response:
    """End a token."""
    now = house.clock()

    def work(tx: Tx) -> None:
        if tx.get(ApiToken, token_id):
            api_token.revoke(tx, token_id, now=now)

    await house.store.write(work)
    return go(HOME)


async def _wish(
    name: Annotated[str, Form(max_length=80)] = "",
    url: Annotated[str, Form(max_length=500)] = "",
    event: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies defaults
    full: Annotated[str, Form()] = "",
) -> Subscription:
    names = [each for each in event if each in EVENTS]
    # All of them means: those to come as well.
    return Subscription(name.strip(), url.strip(), () if len(names) == len(EVENTS) else names, bool(full))


WishDep = Annotated[Subscription, Depends(_wish)]


@router.post("/endpoints")
async def add(request: Request, staff: GuardedAdminDep, house: HouseDep, wish: WishDep) -> Response:
    """Add an endpoint and show its secret this once."""
    now = house.clock()
    if not wish.name or not _address(wish.url):
        return await _page(request, staff, house, fault="programs.endpoint_fault", given=wish, status=422)
    made = await house.store.write(lambda tx: endpoints.add(tx, wish, now=now))
    return await _page(request, staff, house, secret=Secret("secret", made.name, made.secret))


@router.post("/endpoints/{endpoint_id}")
async def change(
    request: Request, staff: GuardedAdminDep, house: HouseDep, endpoint_id: str, wish: WishDep
) -> Response:
    """Change an endpoint."""
    if not wish.name or not _address(wish.url):
        return await _page(request, staff, house, fault="programs.endpoint_fault", status=422)
    await _known(house, endpoint_id, lambda tx: endpoints.change(tx, endpoint_id, wish))
    return go(HOME)


@router.post("/endpoints/{endpoint_id}/secret")
async def rotate(request: Request, staff: GuardedAdminDep, house: HouseDep, endpoint_id: str) -> Response:
    """Give an endpoint a fresh secret and show it this once."""
    made = await house.store.write(
        lambda tx: endpoints.rotate(tx, endpoint_id) if tx.get(Endpoint, endpoint_id) else None
    )
    secret = Secret("secret", made.name, made.secret) if made else None
    return await _page(request, staff, house, secret=secret)


@router.post("/endpoints/{endpoint_id}/test")
async def try_out(_staff: GuardedAdminDep, house: HouseDep, endpoint_id: str) -> Response:
    """Queue a test event; the page shows how it went."""
    now = house.clock()
    await _known(house, endpoint_id, lambda tx: events.test(tx, endpoint_id, now=now))
    return go(f"{HOME}#endpoint-{endpoint_id}")


@router.post("/endpoints/{endpoint_id}/{state}")
async def switch(_staff: GuardedAdminDep, house: HouseDep, endpoint_id: str, state: str) -> Response:
    """Stop an endpoint's events ("off"), let them flow again ("on"), or forget the endpoint ("delete")."""
    if state == "delete":
        await house.store.write(lambda tx: endpoints.remove(tx, endpoint_id))
    elif state in {"on", "off"}:
        await _known(house, endpoint_id, lambda tx: endpoints.switch(tx, endpoint_id, active=state == "on"))
    return go(HOME)


@router.post("/events/{intent_id}/again")
async def again(_staff: GuardedAdminDep, house: HouseDep, intent_id: str) -> Response:
    """Send an event once more that could not be delivered."""
    now = house.clock()
    await house.store.write(lambda tx: queue.revive(tx, intent_id, now=now))
    return go(f"{HOME}#lost")


async def _known(house: House, endpoint_id: str, work: Callable[[Tx], object]) -> None:
    """Do something with an endpoint that is there; one that somebody forgot meanwhile needs nothing."""

    def checked(tx: Tx) -> None:
        if tx.get(Endpoint, endpoint_id):
            work(tx)

    await house.store.write(checked)


def _address(url: str) -> bool:
    return url.startswith(("https://", "http://")) and url.isprintable() and " " not in url


async def _page(  # noqa: PLR0913  what the page says
    request: Request,
    staff: Staff,
    house: House,
    *,
    secret: Secret | None = None,
    fault: str = "",
    given: Subscription | None = None,
    status: int = 200,
) -> Response:
    rows, now = await house.store.read(_read), house.clock()
    return show(
        request,
        "programs.html",
        staff,
        status,
        tokens=[_token(token, staff, now) for token in rows.tokens],
        endpoints=[_endpoint(each, rows.latest[each.id], staff, now) for each in rows.endpoints],
        lost=[_sent(intent, staff, now) for intent in rows.dead],
        names={each.id: each.name for each in rows.endpoints},
        targets={intent.id: intent.target for intent in rows.dead},
        scopes=api_token.SCOPES,
        events=EVENTS,
        secret=secret,
        fault=staff.texts(fault) if fault else "",
        given=given or Subscription("", ""),
    )


def _read(tx: Tx) -> _Rows:
    every = endpoints.everything(tx)
    return _Rows(
        tokens=api_token.everything(tx),
        endpoints=every,
        latest={each.id: endpoints.of_endpoint(tx, each.id, limit=_LATEST) for each in every},
        dead=queue.dead(tx),
    )


def _token(token: ApiToken, staff: Staff, now: datetime) -> TokenLine:
    used = words.age(staff.texts, token.used_at, now) if token.used_at else staff.texts("programs.never")
    return TokenLine(
        id=token.id,
        name=token.name,
        scopes=token.scopes.split(),
        issued=words.stamp(token.created_at, now),
        used=used,
        active=token.revoked_at is None,
    )


def _endpoint(row: Endpoint, latest: Sequence[Intent], staff: Staff, now: datetime) -> EndpointLine:
    return EndpointLine(
        id=row.id,
        name=row.name,
        url=row.url,
        events=row.events.split() or EVENTS,
        full=row.full,
        active=row.active,
        latest=[_sent(intent, staff, now) for intent in latest],
    )


def _sent(intent: Intent, staff: Staff, now: datetime) -> Sent:
    known = intent.error in _NAMED_ERRORS
    return Sent(
        id=intent.id,
        at=words.stamp(intent.finished_at or intent.created_at, now),
        event=intent.purpose,
        state=staff.texts(f"outbox.{intent.status}"),
        tone=_TONES.get(intent.status, ""),
        attempts=intent.attempts,
        error=staff.texts(f"programs.error.{intent.error.replace(' ', '_')}") if known else intent.error,
        under_way=intent.status in {"queued", "leased"} and not intent.error,
    )

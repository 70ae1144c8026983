"""The API for programs: cards, calls, outbox; bearer tokens with scopes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from sqlmodel import col, select

from callflow import inbox
from callflow.links.form import submission_of
from callflow.outbox.queue import recent
from callflow.store import ApiToken, Call, Card, CardEvent, Intent, Tx
from callflow.users import api_token
from callflow.web.staff import HouseDep

DESCRIPTION = """\
Cards, calls and messages of this practice, for other inboxes and practice software.

Every request carries `Authorization: Bearer <token>`; `rufweiche token` issues tokens with scopes. Times
are UTC (RFC 3339), numbers E.164. Answers hold health data: keep them as carefully as we do.
"""
router = APIRouter(prefix="/api", tags=["api"])
_bearer = HTTPBearer(auto_error=False, description="A token issued for this program.")


def _no_number(given: object) -> object:
    """Refuse bare numbers, which would be taken for seconds since 1970."""
    if isinstance(given, str) and given.replace(".", "").lstrip("-+").isdecimal():
        raise ValueError("a time as in RFC 3339 is needed, e.g. 2026-11-22T08:00:00Z")
    return given


Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
Id = Annotated[str, Path(min_length=1, max_length=64)]


class Problem(BaseModel):
    """What was wrong with a request."""

    detail: str


HELD_OFF: dict[int | str, dict[str, object]] = {
    429: {"model": Problem, "description": "Asked too often; come back after Retry-After seconds."},
    503: {"model": Problem, "description": "Calls go first; come back after Retry-After seconds."},
}
REFUSED: dict[int | str, dict[str, object]] = HELD_OFF | {
    401: {"model": Problem, "description": "No valid token."},
    403: {"model": Problem, "description": "The token lacks the scope."},
}
MISSING: dict[int | str, dict[str, object]] = {
    404: {"model": Problem, "description": "There is none of this id."}
}


_EVER = datetime.min.replace(tzinfo=UTC)


class Latest(BaseModel):
    """How much of a list is wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=200, ge=1, le=500, description="Most rows in the answer.")


class CardsWanted(Latest):
    """Which cards are wanted."""

    view: Literal["open", "later", "all", "closed"] = "open"
    since: Instant | None = Field(default=None, description="For closed cards: closed at or after.")


class CardOut(BaseModel):
    """A card: one person's one concern."""

    id: str
    kind: str
    status: Literal["open", "claimed", "closed"]
    urgency: Literal["urgent", "soon", "routine"]
    concern: str
    number: str
    name: str
    text: str
    answers: dict[str, str]
    language: str
    call_id: str
    link_id: str
    contacts: int
    attempts: int
    first_contact_at: datetime
    last_contact_at: datetime
    due_at: datetime
    back_at: datetime | None
    claimed_by: str
    claimed_at: datetime | None
    closed_at: datetime | None
    outcome: str


class EventOut(BaseModel):
    """An entry of a card's history."""

    at: datetime
    kind: str
    user_id: str
    text: str


class CardWithHistory(CardOut):
    """A card with what happened to it, oldest first."""

    history: list[EventOut]


class SoundOut(BaseModel):
    """How good a call's sound was between us and the PBX or provider; null is what the line does not know."""

    grade: Literal["unknown", "good", "fair", "bad"] = Field(
        description="fair: a figure is beyond its limit (loss 1 %, jitter 30 ms, round trip 300 ms);"
        " bad: more than 5 % were lost one way."
    )
    loss: float | None = Field(description="Part of the caller's packets that never came, 0 to 1.")
    jitter_ms: float | None = Field(description="Interarrival jitter (RFC 3550), mean of the call.")
    remote_loss: float | None = Field(
        description="Part of our packets that the other side reported as lost (RTCP), 0 to 1."
    )
    round_trip_ms: float | None = Field(description="Milliseconds there and back (RTCP).")


class CallOut(BaseModel):
    """A call as the line saw it."""

    id: str
    line: str
    dialled: str
    number: str
    number_kind: str
    flow: str
    version: str
    outcome: str
    started_at: datetime
    ended_at: datetime | None
    sound: SoundOut


class MessageOut(BaseModel):
    """A message of the outbox; its text, which holds a link, is told only with the demo transport."""

    id: str
    kind: str
    purpose: str
    status: str
    to: str
    text: str
    call_id: str
    link_id: str
    card_id: str
    created_at: datetime
    finished_at: datetime | None
    attempts: int
    delivery: str
    error: str


def needs(scope: str) -> Callable[..., Awaitable[ApiToken]]:
    """Return the dependency that lets tokens with this scope pass."""

    async def check(
        house: HouseDep, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> ApiToken:
        now = house.clock()
        secret = given.credentials if given else ""
        token, known = await house.store.read(lambda tx: _holder(tx, secret, scope))
        if not known:
            raise HTTPException(401, "no valid token", {"WWW-Authenticate": "Bearer"})
        if token is None:
            raise HTTPException(403, f"the token lacks the scope {scope}")
        if api_token.needs_mark(token, now=now):
            await house.store.write(lambda tx: api_token.mark_used(tx, token.id, now=now))
        return token

    return check


@router.get("/cards", dependencies=[Depends(needs("cards:read"))], responses=REFUSED)
async def cards(house: HouseDep, wanted: Annotated[CardsWanted, Query()]) -> list[CardOut]:
    """List cards in the order in which they are worked off."""
    now = house.clock()

    def work(tx: Tx) -> list[CardOut]:
        found: list[Card] = []
        if wanted.view in {"open", "all"}:
            found += inbox.queue(tx, now=now)
        if wanted.view in {"later", "all"}:
            found += inbox.later(tx, now=now)
        if wanted.view in {"closed", "all"}:
            found += inbox.closed(
                tx, since=wanted.since or datetime.min.replace(tzinfo=now.tzinfo), limit=wanted.limit
            )
        return [card_out(tx, card) for card in found[: wanted.limit]]

    return await house.store.read(work)


@router.get("/cards/{card_id}", dependencies=[Depends(needs("cards:read"))], responses=REFUSED | MISSING)
async def card(house: HouseDep, card_id: Id) -> CardWithHistory:
    """Return one card with its history."""

    def work(tx: Tx) -> CardWithHistory:
        found = inbox.find(tx, card_id)
        history = [_event(event) for event in inbox.history(tx, card_id)]
        return CardWithHistory.model_validate(card_out(tx, found).model_dump() | {"history": history})

    return await house.store.read(work)


@router.get("/calls", dependencies=[Depends(needs("calls:read"))], responses=REFUSED)
async def calls(house: HouseDep, wanted: Annotated[Latest, Query()]) -> list[CallOut]:
    """List the latest calls, latest first."""
    latest = select(Call).order_by(col(Call.started_at).desc(), col(Call.id)).limit(wanted.limit)
    found = await house.store.read(lambda tx: tx.exec(latest).all())
    return [CallOut.model_validate(call, from_attributes=True) for call in found]


@router.get("/calls/{call_id}", dependencies=[Depends(needs("calls:read"))], responses=REFUSED | MISSING)
async def call(house: HouseDep, call_id: Id) -> CallOut:
    """Return one call."""
    found = await house.store.read(lambda tx: tx.get(Call, call_id))
    if found is None:
        raise HTTPException(404, "no such call")
    return CallOut.model_validate(found, from_attributes=True)


@router.get("/outbox", dependencies=[Depends(needs("outbox:read"))], responses=REFUSED)
async def outbox(house: HouseDep, wanted: Annotated[Latest, Query()]) -> list[MessageOut]:
    """List the latest text messages, latest first."""
    found = await house.store.read(lambda tx: recent(tx, limit=wanted.limit))
    return [_message(intent, demo=house.demo) for intent in found]


def _holder(tx: Tx, secret: str, scope: str) -> tuple[ApiToken | None, bool]:
    """Return the token if it has the scope, and whether it is one of ours at all."""
    token = api_token.holder(tx, secret, scope)
    return token, token is not None or any(api_token.holder(tx, secret, each) for each in api_token.SCOPES)


def card_out(tx: Tx, card: Card) -> CardOut:
    """Return a card as programs see it."""
    submission = submission_of(tx, card)
    answers = json.loads(submission.answers) if submission else {}
    return CardOut.model_validate(card.model_dump() | {"answers": answers})


def _event(event: CardEvent) -> dict[str, object]:
    return {"at": event.at, "kind": event.kind, "user_id": event.user_id, "text": event.text}


def _message(intent: Intent, *, demo: bool) -> MessageOut:
    fields = intent.model_dump() | {"to": intent.target, "text": intent.body if demo else ""}
    return MessageOut.model_validate(fields)

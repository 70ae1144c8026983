"""The API's changing half: programs work cards off as people do, and report forms filled in elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException
from pydantic import BaseModel, Field

from callflow import inbox
from callflow.inbox import CardUnknownError, CloseOutcome, InboxError
from callflow.links import external
from callflow.store import ApiToken, Card, Tx
from callflow.web.routes.api import MISSING, REFUSED, CardOut, Id, Problem, card_out, needs
from callflow.web.staff import HouseDep

router = APIRouter(prefix="/api", tags=["api"])
_CONFLICT: dict[int | str, dict[str, object]] = {
    409: {"model": Problem, "description": "Somebody else holds the card, nobody does, or it is closed."}
}
_BROKEN: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "The body cannot be read."}
}
_ANSWERS = _BROKEN | REFUSED | MISSING | _CONFLICT
Writer = Annotated[ApiToken, Depends(needs("cards:write"))]
Reporter = Annotated[ApiToken, Depends(needs("events:write"))]


class Note(BaseModel):
    """A note on a card."""

    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Close(BaseModel):
    """How a card ends."""

    outcome: CloseOutcome


@router.post("/cards/{card_id}/claim", responses=_ANSWERS)
async def claim(house: HouseDep, token: Writer, card_id: Id) -> CardOut:
    """Take the card for this program; nobody else can hold it then."""
    now = house.clock()
    return await _work(house, lambda tx: inbox.claim(tx, card_id, token.id, now=now))


@router.post("/cards/{card_id}/release", responses=_ANSWERS)
async def release(house: HouseDep, token: Writer, card_id: Id) -> CardOut:
    """Put the card back into the queue."""
    now = house.clock()
    return await _work(house, lambda tx: inbox.release(tx, card_id, token.id, now=now))


@router.post("/cards/{card_id}/unreached", responses=_ANSWERS)
async def unreached(house: HouseDep, token: Writer, card_id: Id) -> CardOut:
    """Count a call that nobody took; the card comes back later."""
    now = house.clock()

    def work(tx: Tx) -> Card:
        back = house.deadlines.comes_back(inbox.find(tx, card_id).attempts + 1, now)
        return inbox.attempt(tx, card_id, token.id, now=now, back=back)

    return await _work(house, work)


@router.post("/cards/{card_id}/close", responses=_ANSWERS)
async def close(house: HouseDep, token: Writer, card_id: Id, wish: Annotated[Close, Body()]) -> CardOut:
    """Finish the card; the program must hold it."""
    now = house.clock()
    return await _work(house, lambda tx: inbox.close(tx, card_id, token.id, wish.outcome, now=now))


@router.post("/cards/{card_id}/note", responses=_ANSWERS)
async def note(house: HouseDep, token: Writer, card_id: Id, wish: Annotated[Note, Body()]) -> CardOut:
    """Write a note on the card."""
    now = house.clock()
    return await _work(house, lambda tx: inbox.note(tx, card_id, token.id, wish.text, now=now))


@router.post("/links/{reference}/submitted", responses=REFUSED | MISSING, status_code=204)
async def submitted(house: HouseDep, _token: Reporter, reference: Id) -> None:
    """Report that the external form behind a link (its `rw_ref`) was sent: no callback is due for it then."""
    now = house.clock()
    if not await house.store.write(lambda tx: external.submitted(tx, reference, now=now)):
        raise HTTPException(404, "no such link")


async def _work(house: HouseDep, work: Callable[[Tx], Card]) -> CardOut:
    try:
        return await house.store.write(lambda tx: card_out(tx, work(tx)))
    except CardUnknownError:
        raise
    except InboxError as error:
        raise HTTPException(409, str(error)) from error

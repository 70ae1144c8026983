"""Cards as FHIR R4 over HTTP: Task and Communication, read and search (https://hl7.org/fhir/R4/http.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callflow import inbox
from callflow.inbox import fhir, fhir_search
from callflow.inbox.fhir import Json
from callflow.inbox.fhir_search import MOMENT, CursorError, Found, Wanted
from callflow.store import Card, Message, Tx
from callflow.web.house import House
from callflow.web.routes.api import HELD_OFF, REFUSED, Id, needs
from callflow.web.staff import HouseDep

PATH = "/api/fhir"
MEDIA_TYPE = "application/fhir+json"
T = TypeVar("T")


class FhirResponse(JSONResponse):
    """A FHIR resource."""

    media_type = MEDIA_TYPE


def _shape(*kinds: str) -> dict[str, object]:
    schema = {
        "type": "object",
        "properties": {"resourceType": {"type": "string", "enum": list(kinds)}},
        "required": ["resourceType"],
    }
    return {"content": {MEDIA_TYPE: {"schema": schema}}}


def outcome(status: int, said: str) -> FhirResponse:
    """Return a refusal as FHIR tells it (https://hl7.org/fhir/R4/operationoutcome.html)."""
    issue = {"severity": "error", "code": _ISSUES.get(status, "processing"), "diagnostics": said}
    return FhirResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status)


_ISSUES = {
    401: "login",
    403: "forbidden",
    404: "not-found",
    422: "invalid",
    429: "throttled",
    503: "transient",
}


def _refusals(described: Mapping[int | str, Mapping[str, object]]) -> dict[int | str, dict[str, object]]:
    told = {code: str(said["description"]) for code, said in described.items()}
    return {code: {"description": said, **_shape("OperationOutcome")} for code, said in told.items()}


_HELD_OFF = _refusals(HELD_OFF)
_SAID = _refusals(REFUSED | {422: {"description": "The search is not one of ours."}})
_MISSING: dict[int | str, dict[str, object]] = {
    404: {"description": "There is none of this id, or no such page.", **_shape("OperationOutcome")}
}
router = APIRouter(prefix=PATH, tags=["fhir"], default_response_class=FhirResponse)


class Search(BaseModel):
    """What is searched for."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    updated: list[Annotated[str, StringConstraints(pattern=MOMENT)]] = Field(
        default=[],
        alias="_lastUpdated",
        max_length=2,
        description="Changed when: a day or an instant, with a prefix such as ge or lt; twice for a span.",
    )
    count: int = Field(default=50, alias="_count", ge=1, le=200, description="Most resources on a page.")
    page: str = Field(
        default="", max_length=200, pattern="^[A-Za-z0-9_=-]*$", description="As told by the link next."
    )


@router.get(
    "/Task",
    dependencies=[Depends(needs("cards:read"))],
    responses={200: _shape("Bundle"), **_SAID, **_MISSING},
)
async def search_tasks(house: HouseDep, wanted: Annotated[Search, Query()]) -> FhirResponse:
    """Search cards, longest unchanged first."""

    def work(tx: Tx) -> Json:
        found = fhir_search.tasks(tx, _wanted(wanted))
        return _bundle(house, "Task", wanted, found, lambda row: fhir.task(*row))

    return await _searched(house, work)


@router.get(
    "/Task/{resource_id}",
    dependencies=[Depends(needs("cards:read"))],
    responses={200: _shape("Task"), **_SAID, **_MISSING},
)
async def read_task(house: HouseDep, resource_id: Id) -> FhirResponse:
    """Return one card."""

    def work(tx: Tx) -> Json:
        return fhir.task(inbox.find(tx, resource_id), inbox.history(tx, resource_id))

    return FhirResponse(await house.store.read(work))


@router.get(
    "/Communication",
    dependencies=[Depends(needs("messages:read"))],
    responses={200: _shape("Bundle"), **_SAID, **_MISSING},
)
async def search_communications(house: HouseDep, wanted: Annotated[Search, Query()]) -> FhirResponse:
    """Search the messages of all threads, longest unchanged first."""

    def work(tx: Tx) -> Json:
        found = fhir_search.communications(tx, _wanted(wanted))
        return _bundle(house, "Communication", wanted, found, lambda row: fhir.communication(*row))

    return await _searched(house, work)


@router.get(
    "/Communication/{resource_id}",
    dependencies=[Depends(needs("messages:read"))],
    responses={200: _shape("Communication"), **_SAID, **_MISSING},
)
async def read_communication(house: HouseDep, resource_id: Id) -> FhirResponse:
    """Return one message."""

    def work(tx: Tx) -> Json | None:
        message = tx.get(Message, resource_id)
        return fhir.communication(tx.get_one(Card, message.card_id), message) if message else None

    found = await house.store.read(work)
    if found is None:
        raise HTTPException(404, "no such message")
    return FhirResponse(found)


@router.get("/metadata", responses={200: _shape("CapabilityStatement"), **_HELD_OFF})
async def metadata(house: HouseDep) -> FhirResponse:
    """Tell what this service can do; needs no token."""
    return FhirResponse(fhir.capabilities(f"{house.public_url}{PATH}"))


async def _searched(house: House, work: Callable[[Tx], Json]) -> FhirResponse:
    try:
        return FhirResponse(await house.store.read(work))
    except CursorError as error:
        raise HTTPException(404, str(error)) from error


def _wanted(search: Search) -> Wanted:
    return Wanted(search.updated, search.count, search.page)


def _bundle(house: House, kind: str, search: Search, found: Found[T], told: Callable[[T], Json]) -> Json:
    base = f"{house.public_url}{PATH}"
    asked: Sequence[tuple[str, str]] = [
        *(("_lastUpdated", each) for each in search.updated),
        ("_count", str(search.count)),
    ]

    def address(page: str) -> str:
        return f"{base}/{kind}?{urlencode([*asked, ('page', page)] if page else asked)}"

    onward = address(found.after) if found.after else ""
    page = fhir.Page(base, address(search.page), onward, found.total)
    return fhir.searchset([told(row) for row in found.rows], page)

"""Cards as FHIR R4 resources, for practice software and other inboxes.

A card is a Task (https://hl7.org/fhir/R4/task.html), a message of its thread a Communication
(https://hl7.org/fhir/R4/communication.html) based on that Task. The person is a contained Patient: we know a
number and perhaps a name, not whose record that is. Built and checked by `fhir.resources` (its R4B models;
both resources are the same in R4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.task import Task

from callflow.store import Card, CardEvent, Message

SYSTEM: Final = "urn:rufweiche"
Json = dict[str, Any]
_PRIORITY: Final = {"urgent": "urgent", "soon": "asap", "routine": "routine"}
_STATUS: Final = {"open": "requested", "claimed": "in-progress", "closed": "completed"}
_NOT_DONE: Final = {"not_reached": "failed", "not_needed": "cancelled"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search.

    Args:
        base: address of the FHIR service, without a slash at its end.
        address: of this page.
        onward: address of the next page, "" on the last.
        total: matches on all pages.
    """

    base: str
    address: str
    onward: str
    total: int


def searchset(resources: Sequence[Json], page: Page) -> Json:
    """Return a page of found resources as a checked Bundle (https://hl7.org/fhir/R4/http.html#paging)."""
    links = [{"relation": "self", "url": page.address}]
    if page.onward:
        links.append({"relation": "next", "url": page.onward})
    content: Json = {"resourceType": "Bundle", "type": "searchset", "total": page.total, "link": links}
    if resources:
        content["entry"] = [
            {
                "fullUrl": f"{page.base}/{each['resourceType']}/{each['id']}",
                "resource": each,
                "search": {"mode": "match"},
            }
            for each in resources
        ]
    return _json(Bundle.model_validate(content))


def task(card: Card, history: Sequence[CardEvent] = ()) -> Json:
    """Return a card as checked FHIR JSON; notes of the staff become its notes."""
    changed = updated(card, history).isoformat()
    content: Json = {
        "resourceType": "Task",
        "id": card.id,
        "meta": {"lastUpdated": changed},
        "contained": [_patient(card)],
        "identifier": [{"system": f"{SYSTEM}:card", "value": card.id}],
        "status": _NOT_DONE.get(card.outcome) or _STATUS[card.status],
        "intent": "proposal",
        "priority": _PRIORITY[card.urgency],
        "code": _coded("kind", card.kind),
        "for": {"reference": "#patient"},
        "authoredOn": card.first_contact_at.isoformat(),
        "lastModified": changed,
        "restriction": {"period": {"end": card.due_at.isoformat()}},
    }
    if card.concern:
        content["reasonCode"] = _coded("concern", card.concern)
    if card.text:
        content["description"] = card.text
    if card.outcome:
        content["businessStatus"] = _coded("outcome", card.outcome)
    notes = [
        {"time": each.at.isoformat(), "text": each.text}
        for each in history
        if each.kind == "note" and each.text
    ]
    if notes:
        content["note"] = notes
    return _json(Task.model_validate(content))


def capabilities(base: str) -> Json:
    """Return what the service at this address can do (https://hl7.org/fhir/R4/capabilitystatement.html)."""
    resources = [
        {
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": "_lastUpdated", "type": "date"}],
        }
        for kind in ("Task", "Communication")
    ]
    content: Json = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-22",
        "kind": "instance",
        "implementation": {"description": "Rufweiche", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{"mode": "server", "resource": resources}],
    }
    return _json(CapabilityStatement.model_validate(content))


def updated(card: Card, history: Sequence[CardEvent]) -> datetime:
    """Return when the card was changed last: its history tells of every change."""
    return max((card.first_contact_at, *(each.at for each in history)))


def communication(card: Card, message: Message) -> Json:
    """Return a message of a card's thread as checked FHIR JSON."""
    person, practice = {"reference": "#patient"}, {"display": "Praxis"}
    sender, recipient = (person, practice) if message.direction == "from_patient" else (practice, person)
    content: Json = {
        "resourceType": "Communication",
        "id": message.id,
        "meta": {"lastUpdated": (message.read_at or message.at).isoformat()},
        "contained": [_patient(card)],
        "identifier": [{"system": f"{SYSTEM}:message", "value": message.id}],
        "basedOn": [{"reference": f"Task/{card.id}"}],
        "status": "completed",
        "subject": person,
        "sent": message.at.isoformat(),
        "sender": sender,
        "recipient": [recipient],
        "payload": [{"contentString": message.text}],
    }
    if message.read_at:
        content["received"] = message.read_at.isoformat()
    return _json(Communication.model_validate(content))


def _patient(card: Card) -> Json:
    patient: Json = {"resourceType": "Patient", "id": "patient"}
    if card.name:
        patient["name"] = [{"text": card.name}]
    if card.number:
        patient["telecom"] = [{"system": "phone", "value": card.number}]
    return patient


def _coded(of: str, code: str) -> Json:
    return {"coding": [{"system": f"{SYSTEM}:{of}", "code": code}]}


def _json(resource: Any) -> Json:  # noqa: ANN401  the library ships no types
    content: Json = resource.model_dump(mode="json", exclude_none=True, by_alias=True)
    return content

"""Cards as FHIR resources."""

from __future__ import annotations

import pytest

from callflow.inbox import fhir
from callflow.store import Card, CardEvent, Message
from tests.support.stores import NOW

ID = "0123456789abcdef0123456789abcdef"


def _card(**values: object) -> Card:
    times = {"first_contact_at": NOW, "last_contact_at": NOW, "due_at": NOW}
    return Card.model_validate({"id": ID, "kind": "form", **times, **values})


def test_a_card_is_a_task_about_a_person_with_a_deadline() -> None:
    card = _card(
        number="+491711234567", name="Erika Mustermann", concern="rezept", text="Ramipril", urgency="soon"
    )
    assert fhir.task(card, [CardEvent(card_id=ID, position=1, at=NOW, kind="note", text="liegt bereit")]) == {
        "resourceType": "Task",
        "id": ID,
        "meta": {"lastUpdated": "2026-03-02T09:00:00Z"},
        "contained": [
            {
                "resourceType": "Patient",
                "id": "patient",
                "name": [{"text": "Erika Mustermann"}],
                "telecom": [{"system": "phone", "value": "+491711234567"}],
            }
        ],
        "identifier": [{"system": "urn:rufweiche:card", "value": ID}],
        "status": "requested",
        "intent": "proposal",
        "priority": "asap",
        "code": {"coding": [{"system": "urn:rufweiche:kind", "code": "form"}]},
        "reasonCode": {"coding": [{"system": "urn:rufweiche:concern", "code": "rezept"}]},
        "description": "Ramipril",
        "for": {"reference": "#patient"},
        "authoredOn": "2026-03-02T09:00:00Z",
        "lastModified": "2026-03-02T09:00:00Z",
        "restriction": {"period": {"end": "2026-03-02T09:00:00Z"}},
        "note": [{"time": "2026-03-02T09:00:00Z", "text": "liegt bereit"}],
    }


@pytest.mark.parametrize(
    ("status", "outcome", "expected"),
    [
        ("open", "", "requested"),
        ("claimed", "", "in-progress"),
        ("closed", "done", "completed"),
        ("closed", "not_reached", "failed"),
        ("closed", "not_needed", "cancelled"),
    ],
)
def test_the_cards_standing_is_the_tasks_status(status: str, outcome: str, expected: str) -> None:
    assert fhir.task(_card(status=status, outcome=outcome))["status"] == expected


def test_a_withheld_caller_is_a_person_without_data() -> None:
    assert fhir.task(_card(kind="missed"))["contained"] == [{"resourceType": "Patient", "id": "patient"}]


@pytest.mark.parametrize(("direction", "sender"), [("from_patient", "#patient"), ("to_patient", None)])
def test_a_message_is_a_communication_based_on_its_task(direction: str, sender: str | None) -> None:
    message = Message(card_id=ID, direction=direction, text="Danke", at=NOW, read_at=NOW)
    told = fhir.communication(_card(), message)
    assert (told["sender"].get("reference"), told["payload"]) == (sender, [{"contentString": "Danke"}])
    assert told["basedOn"] == [{"reference": f"Task/{ID}"}]

"""People the practice knows, found by their number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import col, func, select

from callflow.store import Person, Tx, sealer_of
from callflow.store.prepared import Look

_KNOWN = Look(select(func.count(col(Person.id))).where(col(Person.number_blind) == bindparam("number")))


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a person.

    Args:
        number: E.164.
        name: as the practice writes it.
        urgent: always reaches a human (palliative care, pregnancy at risk, ...).
        language: two-letter code, "" when unknown.
        note: for the staff.
    """

    number: str
    name: str = ""
    urgent: bool = False
    language: str = ""
    note: str = ""


def find(tx: Tx, number: str) -> Person | None:
    """Return the person of an E.164 number; of several (a family's landline) the urgent one."""
    blind = sealer_of(tx).blind(number)
    if not number or not _KNOWN.number(tx, {"number": blind}):
        return None
    same = tx.exec(select(Person).where(Person.number_blind == blind)).all()
    return max(same, key=lambda person: (person.urgent, person.updated_at, person.id), default=None)


def put(tx: Tx, entries: Iterable[Entry], *, source: str, now: datetime) -> int:
    """Take over entries: same number and name is the same person; returns how many were new."""
    added = 0
    for entry in entries:
        person = _same(tx, entry)
        if person is None:
            person = Person(updated_at=now)
            added += 1
        for field in ("number", "name", "urgent", "language", "note"):
            setattr(person, field, getattr(entry, field))
        person.source = source
        person.updated_at = now
        tx.add(person)
        tx.flush()
    return added


def everyone(tx: Tx) -> Sequence[Person]:
    """Return all known people, by name."""
    # Names are sealed, so the database cannot sort them.
    return sorted(tx.exec(select(Person)).all(), key=lambda person: (person.name.casefold(), person.id))


def forget(tx: Tx, person_id: str) -> None:
    """Delete a person; an unknown id changes nothing."""
    person = tx.get(Person, person_id)
    if person is not None:
        tx.delete(person)


def _same(tx: Tx, entry: Entry) -> Person | None:
    blind = sealer_of(tx).blind(entry.number)
    same_number = tx.exec(select(Person).where(Person.number_blind == blind)).all()
    return next((person for person in same_number if person.name == entry.name), None)

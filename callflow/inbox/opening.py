"""A person reaches us about a concern: a new card, or another contact on the open one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from callflow.effects import CardKind, Urgency
from callflow.inbox.events import log
from callflow.store import Card, Tx, sealer_of

RANK: dict[str, int] = {"urgent": 0, "soon": 1, "routine": 2}
# What a card is called after another contact: the kind that tells more about the wish stays.
_WEIGHT: dict[str, int] = {
    "missed": 0,
    "sms_failed": 1,
    "link_unused": 1,
    "callback": 2,
    "voice": 3,
    "message": 4,
    "form": 5,
}


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known when a person reaches us.

    Args:
        kind: what kind of card it makes.
        concern: key of the reason, "" when none was chosen.
        urgency: order in the inbox.
        number: E.164 to call back, "" when withheld: such a contact never joins another card.
        name: as the person or the directory gave it.
        text: what the person wrote, in readable lines.
        recording: name of a voice message.
        language: two-letter code the person speaks.
        call_id, link_id, submission_id: where it came from.
    """

    kind: CardKind
    concern: str = ""
    urgency: Urgency = "routine"
    number: str = ""
    name: str = ""
    text: str = ""
    recording: str = ""
    language: str = "de"
    call_id: str = ""
    link_id: str = ""
    submission_id: str = ""


def open_card(tx: Tx, contact: Contact, *, now: datetime, due: datetime) -> Card:
    """Put a contact into the inbox: join the open card of the same caller and concern, or open a new one.

    Args:
        tx: a write transaction.
        contact: who, about what.
        now: aware time of the contact.
        due: deadline if the card is new or becomes more urgent; a joined card keeps the earlier one.
    """
    card = _open_card_of(tx, contact)
    if card is not None:
        _join(card, contact, now, due)
        log(tx, card, "contact", now=now, text=contact.kind)
        return card
    card = Card(
        kind=contact.kind,
        urgency=contact.urgency,
        number=contact.number,
        name=contact.name,
        concern=contact.concern,
        text=contact.text,
        recording=contact.recording,
        language=contact.language,
        call_id=contact.call_id,
        link_id=contact.link_id,
        submission_id=contact.submission_id,
        first_contact_at=now,
        last_contact_at=now,
        due_at=due,
    )
    tx.add(card)
    tx.flush()
    log(tx, card, "opened", now=now, text=contact.kind)
    return card


def _open_card_of(tx: Tx, contact: Contact) -> Card | None:
    if not contact.number:
        return None
    same_number = tx.exec(
        select(Card)
        .where(Card.number_blind == sealer_of(tx).blind(contact.number), Card.status != "closed")
        .order_by(col(Card.first_contact_at), col(Card.id))
    )
    # The concern is sealed without a blind index (few values would give themselves away), so compare it here.
    return next((card for card in same_number if card.concern == contact.concern), None)


def _join(card: Card, contact: Contact, now: datetime, due: datetime) -> None:
    card.contacts += 1
    card.last_contact_at = max(card.last_contact_at, now)
    card.due_at = min(card.due_at, due)
    card.back_at = None
    if RANK[contact.urgency] < RANK[card.urgency]:
        card.urgency = contact.urgency
    if _WEIGHT[contact.kind] > _WEIGHT[card.kind]:
        card.kind = contact.kind
    card.name = contact.name or card.name
    card.recording = contact.recording or card.recording
    card.text = "\n\n".join(part for part in (card.text, contact.text) if part)
    card.submission_id = contact.submission_id or card.submission_id
    card.link_id = contact.link_id or card.link_id

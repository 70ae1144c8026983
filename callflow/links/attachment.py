"""Files that come with a form: kept with its link, found again by its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from callflow.links.link import LinkClosedError, usable
from callflow.store import Attachment, Link, Submission, Tx


@dataclass(frozen=True, slots=True)
class File:
    """A file that was checked and stripped of its metadata.

    Args:
        name: as the patient's phone called it.
        media_type: as found in the content.
        content: the bytes.
    """

    name: str
    media_type: str
    content: bytes


def keep(tx: Tx, link_id: str, file: File, *, now: datetime) -> Attachment:
    """Keep a file with the link.

    Raises:
        LinkClosedError: the link takes no form any more.
    """
    if not usable(tx.get_one(Link, link_id), now=now):
        raise LinkClosedError
    row = Attachment(
        link_id=link_id,
        name=file.name,
        media_type=file.media_type,
        size=len(file.content),
        content=file.content,
        at=now,
    )
    tx.add(row)
    return row


def drop(tx: Tx, link_id: str, attachment_id: str) -> None:
    """Forget a file that was not sent yet; an unknown one changes nothing."""
    row = tx.get(Attachment, attachment_id)
    if row is not None and row.link_id == link_id and not row.submission_id:
        tx.delete(row)


def of_link(tx: Tx, link_id: str) -> Sequence[Attachment]:
    """Return the link's files in the order in which they came."""
    kept = select(Attachment).where(Attachment.link_id == link_id)
    return tx.exec(kept.order_by(col(Attachment.at), col(Attachment.id))).all()


def of_card(tx: Tx, card_id: str) -> Sequence[Attachment]:
    """Return the files of every form that the card holds."""
    forms = select(Submission.id).where(Submission.card_id == card_id)
    kept = select(Attachment).where(col(Attachment.submission_id).in_(forms))
    return tx.exec(kept.order_by(col(Attachment.at), col(Attachment.id))).all()

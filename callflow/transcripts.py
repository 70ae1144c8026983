"""Voice messages written down by a machine, in the background, if the operator supplies a speech model.

A transcript becomes an entry in the card's history that says who wrote it; the recording stays what counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from sqlmodel import col, exists, select

from callflow import voice_messages
from callflow.inbox.events import log
from callflow.prompts.process import SpeechError
from callflow.sealing import Sealer, SealError
from callflow.store import Card, CardEvent, Store, Tx
from callflow.voice_messages import NoRecordingError

EVERY_S = 10.0
_log = structlog.get_logger("transcripts")


@dataclass(frozen=True, slots=True)
class Message:
    """A voice message that waits to be written down.

    Args:
        card: id of the card that it hangs on.
        recording: its name in DATA/recordings.
        language: two-letter code that it is heard in.
    """

    card: str
    recording: str
    language: str


@dataclass(slots=True)
class Transcripts:
    """Writes voice messages down, one after the other.

    Args:
        store: the database.
        recordings: DATA/recordings.
        sealer: opens them.
        hear: A-law sound and a language to words; raises `SpeechError`.
        clock: gives the aware present time.
    """

    store: Store
    recordings: Path
    sealer: Sealer
    hear: Callable[[bytes, str], Awaitable[str]]
    clock: Callable[[], datetime]
    _tried: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again after the next start."""
        while True:
            try:
                while await self.next():
                    pass
            except Exception as error:  # noqa: BLE001  a full disk must not end the house
                _log.error("transcripts failed", why=type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def next(self) -> bool:
        """Write down the message that waits longest; False when none does."""
        message = await self.store.read(lambda tx: waiting(tx, self._tried))
        if message is None:
            return False
        self._tried.add(message.recording)
        try:
            alaw = await asyncio.to_thread(
                voice_messages.sound, self.recordings, self.sealer, message.recording
            )
            words = await self.hear(alaw, message.language)
        except (NoRecordingError, SealError, SpeechError) as error:
            _log.warning("message not written down", card=message.card, why=type(error).__name__)
            return True
        await self.store.write(lambda tx: keep(tx, message, words, self.clock()))
        return True


def waiting(tx: Tx, tried: set[str]) -> Message | None:
    """Find the oldest message on an open card without a transcript since its last contact."""
    written = exists().where(
        col(CardEvent.card_id) == col(Card.id),
        col(CardEvent.kind) == "transcript",
        col(CardEvent.at) >= col(Card.last_contact_at),
    )
    cards = select(Card).where(Card.status != "closed", ~written).order_by(col(Card.last_contact_at))
    return next(
        (
            Message(card.id, card.recording, card.language)
            for card in tx.exec(cards)
            if card.recording and card.recording not in tried
        ),
        None,
    )


def keep(tx: Tx, message: Message, words: str, now: datetime) -> None:
    """Enter a transcript into the card's history, "" if nothing was understood."""
    card = tx.get(Card, message.card)
    if card is not None:
        log(tx, card, "transcript", now=now, text=words)

"""Voice messages are written down once each, by a machine and marked so; a deaf one loses nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlmodel import select

from callflow import inbox, voice_messages
from callflow.inbox import Contact
from callflow.prompts.process import SpeechError
from callflow.sealing import Sealer
from callflow.store import Card, CardEvent, Store
from callflow.transcripts import Transcripts
from tests.support.stores import KEY, Clock

ALAW = bytes(range(256)) * 5


@dataclass
class Ear:
    """Writes down what it is told to, and remembers what it was given."""

    words: str = "Bitte rufen Sie zurück."
    heard: list[tuple[bytes, str]] = field(default_factory=list)

    async def __call__(self, alaw: bytes, language: str) -> str:
        self.heard.append((alaw, language))
        return self.words


async def deaf(alaw: bytes, language: str) -> str:
    del alaw, language
    raise SpeechError("worker: TimeoutError")


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def machine(store: Store, clock: Clock, ear: Ear, tmp_path: Path) -> Transcripts:
    return Transcripts(store, tmp_path / "recordings", Sealer(KEY), ear, clock)


async def message(machine: Transcripts, clock: Clock, name: str, number: str = "+491711234567") -> Card:
    """Somebody leaves a voice message."""
    voice_messages.keep(machine.recordings, machine.sealer, name, ALAW)
    contact = Contact("voice", number=number, recording=name)
    now = clock.forward(minutes=1)
    return await machine.store.write(lambda tx: inbox.open_card(tx, contact, now=now, due=now))


def transcripts(store: Store) -> list[str]:
    found = select(CardEvent).where(CardEvent.kind == "transcript").order_by(CardEvent.at)  # type: ignore[arg-type]
    return store.read_now(lambda tx: [event.text for event in tx.exec(found)])


async def test_a_message_is_written_down_once(machine: Transcripts, clock: Clock, ear: Ear) -> None:
    await message(machine, clock, "sound-1")
    assert [await machine.next(), await machine.next()] == [True, False]
    assert (ear.heard, transcripts(machine.store)) == ([(ALAW, "de")], [ear.words])


async def test_after_a_restart_it_is_not_written_down_again(
    machine: Transcripts, clock: Clock, ear: Ear
) -> None:
    await message(machine, clock, "sound-1")
    await machine.next()
    again = Transcripts(machine.store, machine.recordings, machine.sealer, ear, clock)
    assert (await again.next(), len(ear.heard)) == (False, 1)


async def test_a_second_message_on_the_same_card_is_written_down_too(
    machine: Transcripts, clock: Clock, ear: Ear
) -> None:
    await message(machine, clock, "sound-1")
    await machine.next()
    ear.words = "Es eilt."
    await message(machine, clock, "sound-2")
    await machine.next()
    assert transcripts(machine.store) == ["Bitte rufen Sie zurück.", "Es eilt."]


async def test_the_message_that_waits_longest_comes_first(machine: Transcripts, clock: Clock) -> None:
    first = await message(machine, clock, "sound-1")
    await message(machine, clock, "sound-2", "+491711234568")
    await machine.next()
    (event,) = machine.store.read_now(
        lambda tx: tx.exec(select(CardEvent).where(CardEvent.kind == "transcript")).all()
    )
    assert event.card_id == first.id


async def test_what_cannot_be_heard_keeps_its_card_and_its_sound(machine: Transcripts, clock: Clock) -> None:
    card = await message(machine, clock, "sound-1")
    machine.hear = deaf
    assert [await machine.next(), await machine.next()] == [True, False]
    assert transcripts(machine.store) == []
    assert machine.store.read_now(lambda tx: tx.get_one(Card, card.id)).recording == "sound-1"
    assert voice_messages.sound(machine.recordings, machine.sealer, "sound-1") == ALAW


async def test_a_recording_that_is_gone_does_not_stop_the_next_one(
    machine: Transcripts, clock: Clock, ear: Ear
) -> None:
    await message(machine, clock, "sound-1")
    await message(machine, clock, "sound-2", "+491711234568")
    voice_messages.remove(machine.recordings, "sound-1")
    while await machine.next():
        pass
    assert transcripts(machine.store) == [ear.words]

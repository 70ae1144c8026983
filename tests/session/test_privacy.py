"""A day at the reception, from calls to closed cards; then disk and log are searched for people."""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlmodel import select

from callflow import directory, inbox
from callflow.events import DigitsPressed
from callflow.inbox import Contact
from callflow.links import form, link
from callflow.links.form import Form
from callflow.outbox import endpoints, events
from callflow.outbox.endpoints import Subscription
from callflow.outbox.transport import Parcel, Receipt, RefusedError, TransientError
from callflow.outbox.worker import Worker
from callflow.session import Sessions
from callflow.store import Attachment, Card, Link, Message, Store, Tx
from tests.support.reception import LANDLINE, MOBILE, Telephone, handlers, sessions
from tests.support.stores import NOW, Clock, database_bytes

TYPED = "01719876543"
PEOPLE = (
    MOBILE[3:],
    LANDLINE[3:],
    TYPED[1:],
    "Mustermann",
    "Palliativ",
    "Ramipril",
    "Husten",
    "Gute Besserung",
    "befundbild",
    "JFIF-photo",
    "praxis.example/f/",
    "1980-12-24",
)
REASONS = ("rezept", "ueberweisung", "termin", "befund", "frage", "dringend")


class _Moody:
    """A provider that takes the first message, refuses the second, is away for the rest."""

    name = "moody"

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, parcel: Parcel) -> Receipt:
        self.sent.append(parcel.text)
        if len(self.sent) == 1:
            return Receipt("SM1", "undelivered", error="30006")
        raise RefusedError("21610") if len(self.sent) == 2 else TransientError("429")

    async def ask(self, parcel: Parcel, since: object) -> Receipt | None:
        del parcel, since
        return None

    async def follow_up(self, provider_id: str) -> Receipt | None:
        del provider_id
        return None


async def _calls(house: Sessions) -> None:
    for keys in (("1", "1"), ("2", "1"), ("3", "2", "1"), ("4", "1"), ("9", "1")):
        await (await (await Telephone(house).dial()).press(*keys)).finish()
    await (await (await Telephone(house, LANDLINE).dial()).press("1", "1", TYPED, "1")).finish()
    await house.happened("never", 3, DigitsPressed(TYPED))


def _form(store: Store) -> None:
    answers = Form(
        {"medikament": "Ramipril", "geburtsdatum": "1980-12-24"},
        "Husten seit gestern",
        name="Erika Mustermann",
    )

    def fill(tx: Tx) -> None:
        row = tx.exec(select(Link).where(Link.fallback == "waiting")).first()
        assert row is not None
        link.keep_draft(tx, row.id, {"medikament": "Ramipril"}, now=NOW)
        photo = {"name": "befundbild.jpg", "media_type": "image/jpeg", "size": 10, "content": b"JFIF-photo"}
        tx.add(Attachment(link_id=row.id, at=NOW, **photo))
        card = form.submit(tx, row.id, answers, now=NOW, due=NOW)
        tx.add(Message(card_id=card.id, direction="to_patient", text="Gute Besserung", at=NOW))

    store.write_now(fill)


def _work(store: Store) -> None:
    for card in store.read_now(lambda tx: inbox.queue(tx, now=NOW)):
        store.write_now(lambda tx, each=card.id: inbox.claim(tx, each, "anna", now=NOW))
        store.write_now(lambda tx, each=card.id: inbox.note(tx, each, "anna", "nimmt Ramipril", now=NOW))
        store.write_now(lambda tx, each=card.id: inbox.close(tx, each, "anna", "done", now=NOW))


async def test_no_person_and_no_reason_can_be_read_from_disk_or_log(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    with structlog.testing.capture_logs() as entries:
        entry = directory.Entry(MOBILE, "Erika Mustermann", note="Palliativ")
        store.write_now(lambda tx: directory.put(tx, [entry], source="test", now=NOW))
        wish = Subscription("PVS", "https://pvs.praxis.example", full=True)
        store.write_now(lambda tx: endpoints.add(tx, wish, now=NOW))
        await _calls(sessions(store, clock))
        provider = _Moody()
        worker = Worker(store, {"sms": [provider]}, handlers().sms_lost, clock)
        for _ in range(8):
            await worker.once()
        _form(store)
        store.write_now(lambda tx: events.pump(tx, now=NOW))
        voice = Contact("voice", "frage", number=MOBILE, text="Husten", recording="rec-1")
        store.write_now(lambda tx: inbox.open_card(tx, voice, now=NOW, due=NOW))
        _work(store)
    # The day really held all this: sealed is not the same as absent.
    cards = store.read_now(lambda tx: tx.exec(select(Card)).all())
    assert {card.kind for card in cards} >= {"form", "callback", "sms_failed", "voice"}
    assert any(text.startswith("Praxis am Lindenplatz") for text in provider.sent)
    assert len(entries) >= 4
    on_disk = database_bytes(tmp_path)
    assert len(on_disk) > 100_000
    assert [word for word in (*PEOPLE, *REASONS) if word.encode() in on_disk] == []
    assert [word for word in (*PEOPLE, *REASONS) if word in repr(entries)] == []

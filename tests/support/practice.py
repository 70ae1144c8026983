"""A practice with pages: the example's reasons and forms, a team of three, a clock that tests set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select

from callflow.inbox import Contact, open_card
from callflow.links import link as links
from callflow.outbox.queue import Sms, put_sms
from callflow.store import Card, Intent, Store, Tx
from callflow.users import account, api_token
from callflow.users import session as sessions
from callflow.web.forms.source import load_forms
from callflow.web.house import Concern, Face, House
from tests.support.stores import Clock, open_store

CONFIG = Path(__file__).parents[2] / "config"
PASSWORD = "ein langes Passwort"
HASH = account.hash_password(PASSWORD)
PATIENT = "+4915112345678"
CONCERNS = {
    "rezept": Concern({"de": "Folgerezept", "en": "Repeat prescription"}, "rezept"),
    "ueberweisung": Concern({"de": "Überweisung", "en": "Referral"}, "ueberweisung"),
    "termin": Concern({"de": "Termin", "en": "Appointment"}, "termin"),
    "befund": Concern({"de": "Befund", "en": "Test result"}, "befund"),
    "au": Concern({"de": "Krankschreibung (AU)", "en": "Sick note"}, "au"),
    "frage": Concern({"de": "Medizinische Frage", "en": "Medical question"}, "frage"),
    "dringend": Concern({"de": "Dringend heute", "en": "Urgent today"}),
    "sonstiges": Concern({"de": "Anderes Anliegen", "en": "Other request"}),
}


@dataclass
class Practice:
    """A house and short ways to put something into it."""

    house: House
    clock: Clock
    folder: Path
    users: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.house.store

    def card(self, concern: str = "rezept", number: str = PATIENT, *, ago: float = 10, **more: Any) -> Card:  # noqa: ANN401  any field of a contact
        """Open a card `ago` minutes before now; `due` is minutes from its opening."""
        due = timedelta(minutes=more.pop("due", 480))
        at = self.clock() - timedelta(minutes=ago)
        contact = Contact(**{"kind": "callback", "concern": concern, "number": number} | more)
        return self.store.write_now(lambda tx: open_card(tx, contact, now=at, due=at + due))

    def link(
        self, concern: str = "rezept", number: str = PATIENT, language: str = "de", hours: float = 72
    ) -> str:
        """Make a form link with its SMS and return the token."""
        now = self.clock()
        offer = links.Offer(
            number=number,
            concern=concern,
            due=now + timedelta(hours=2),
            expires=now + timedelta(hours=hours),
            language=language,
        )

        def work(tx: Tx) -> str:
            token, link = links.create(tx, offer, now=now)
            text = f"Praxis am Lindenplatz: {self.house.public_url}/f/{token} (Im Notfall: 112)"
            put_sms(tx, Sms(to=number, text=text, reference=token, link_id=link.id), now=now)
            return token

        return self.store.write_now(work)

    def session(self, login: str = "anna") -> tuple[str, str]:
        """Sign someone in; returns the cookie's token and the session's CSRF token."""
        token, row = self.store.write_now(
            lambda tx: sessions.sign_in(tx, self.users[login], now=self.clock())
        )
        return token, row.csrf

    def api_token(self, scopes: Sequence[str] = api_token.SCOPES) -> str:
        """Issue a token for a program."""
        return self.store.write_now(
            lambda tx: api_token.issue(tx, name="test", scopes=scopes, now=self.clock())
        )[0]

    def intents(self) -> list[Intent]:
        """Return everything in the outbox."""
        return list(self.store.read_now(lambda tx: tx.exec(select(Intent)).all()))


def open_practice(folder: Path, clock: Clock, public_url: str = "http://testserver", **more: Any) -> Practice:  # noqa: ANN401  any field of a house
    """Open a practice in a folder; close its store when done."""
    house = House(
        **{
            "face": Face("Hausarztpraxis am Lindenplatz", "+4935112345600", "Lindenplatz 1, 01067 Dresden"),
            "store": open_store(folder),
            "clock": clock,
            "public_url": public_url,
            "concerns": CONCERNS,
            "forms": load_forms(CONFIG / "forms"),
            "demo": True,
            "sms_name": "Praxis am Lindenplatz",
            "recordings": folder / "recordings",
        }
        | more
    )
    practice = Practice(house, clock, folder)
    practice.users = practice.store.write_now(lambda tx: _team(tx, clock()))
    return practice


def _team(tx: Tx, now: datetime) -> dict[str, str]:
    people = (("admin", "Dr. Petra Vogt"), ("anna", "Anna Becker"), ("birgit", "Birgit Kowalski"))
    ids = {}
    for login, name in people:
        role: account.Role = "admin" if login == "admin" else "staff"
        user = account.create(tx, login=login, name=name, role=role, now=now)
        user.password_hash = HASH
        ids[login] = user.id
    return ids

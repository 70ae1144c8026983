"""What the pages need of the house; `callflow.bootstrap` fills it in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from callflow.desk_calls import DeskCalls
from callflow.effects import Urgency
from callflow.inbox import Deadlines
from callflow.inbox.blocks import Block
from callflow.language.problems import Problem
from callflow.language.versions import Entry, Versions
from callflow.outbox.caps import Caps
from callflow.precedence import Precedence
from callflow.store import Store, Submission
from callflow.web.catalogue import PATIENT_LANGUAGES
from callflow.web.forms.form import Form
from callflow.web.forms.reading import readable
from callflow.web.forms.source import Forms
from callflow.web.gate import Limits

BIRTH = "geburt"
"""Name of the question for the date of birth; who opens a thread must know the answer."""
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Face:
    """The practice as patients and staff see it.

    Args:
        name: full name.
        phone: E.164 number that patients call, "" when none is published.
        address: one line.
    """

    name: str
    phone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Concern:
    """A reason to call.

    Args:
        label: language -> words.
        form: name of the form in config/forms/, "" for the one for everything else.
    """

    label: Mapping[str, str]
    form: str = ""


@dataclass(frozen=True, slots=True)
class House:
    """Everything the pages may touch.

    Args:
        face: the practice's name, number and address.
        store: the database.
        clock: gives the aware present time.
        public_url: base of pages, without a slash at the end; https makes cookies Secure.
        concerns: reasons by key, in the order in which patients choose.
        forms: the request forms.
        deadlines: until when cards are answered.
        languages: languages of patient pages, German first.
        demo: no provider sends SMS: the outbox page shows them with their links.
        line_up: tells whether the telephone line is up.
        trunks: tells which trunks are up, by name; empty when no line knows.
        flows: tells what was done last to each flow, by name.
        faults: tells what is wrong in files of the configuration that are therefore not in force.
        versions: all versions of all flows, to look at and to go back to.
        sms_name: how the practice is called in text messages, where the specialty must not show.
        recordings: folder of the sealed voice messages.
        caps: limits on text messages.
        desk_calls: makes calls from cards; None where no line can.
        blocks: times of a working day kept free for the inbox.
        calls: calls that are being answered; pages wait for them.
        limits: how much pages and programs may ask.
        link_url: base of links in text messages, "" for that of pages.
        room_mb: tells how many megabytes are free where everything is kept.
    """

    face: Face
    store: Store
    clock: Clock
    public_url: str
    concerns: Mapping[str, Concern]
    forms: Forms
    deadlines: Deadlines = field(default_factory=Deadlines)
    languages: tuple[str, ...] = tuple(PATIENT_LANGUAGES)
    demo: bool = False
    line_up: Callable[[], bool] = lambda: True
    trunks: Callable[[], Mapping[str, bool]] = dict
    flows: Callable[[], Mapping[str, Entry]] = dict
    faults: Callable[[], tuple[Problem, ...]] = tuple
    versions: Versions | None = None
    sms_name: str = ""
    recordings: Path = Path("recordings")
    caps: Caps = field(default_factory=Caps)
    desk_calls: DeskCalls | None = None
    blocks: tuple[Block, ...] = ()
    calls: Precedence = field(default_factory=Precedence)
    limits: Limits = field(default_factory=Limits)
    link_url: str = ""
    room_mb: Callable[[], int] = lambda: 1_000_000

    @property
    def form_key(self) -> str:
        """Return the key that signs links to external forms; the other side must know it."""
        return self.store.sealer.blind("external form key")

    def link(self, token: str) -> str:
        """Return the address that a text message shows."""
        return f"{self.link_url or self.public_url}/f/{token}"

    @property
    def reachable(self) -> bool:
        """Say whether calls come in: the line is up, and of its trunks at least one, if it knows of any."""
        trunks = self.trunks()
        return self.line_up() and (not trunks or any(trunks.values()))

    @property
    def https(self) -> bool:
        """Say whether patients and staff come by https."""
        return self.public_url.startswith("https://")

    def form_of(self, concern: str) -> Form:
        """Return the form of a reason; reasons without one share the form for everything else."""
        known = self.concerns.get(concern)
        return self.forms.form(known.form if known else "")

    def answers(self, submission: Submission, language: str) -> list[tuple[str, str]]:
        """Return the questions and answers of a submitted form in words."""
        kept: dict[str, str] = json.loads(submission.answers)
        return list(readable(self.forms, self.form_of(submission.concern), kept, language))

    def due(self, concern: str, urgency: str, now: datetime) -> datetime:
        """Return until when a card about this reason is answered."""
        return self.deadlines.due(concern, cast("Urgency", urgency), now)

    def concern_label(self, key: str, language: str) -> str:
        """Return the words for a reason in a language, else in German, "" for none."""
        concern = self.concerns.get(key)
        if concern is None:
            return key
        german = concern.label.get("de", key)
        return concern.label.get(language) or self.forms.text(german, language)

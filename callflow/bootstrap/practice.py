"""The practice's settings in the words of each room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from callflow.handlers import LinkRules
from callflow.inbox import Deadlines
from callflow.inbox.blocks import Block
from callflow.outbox.caps import Caps
from callflow.settings import Settings
from callflow.web.house import Concern, Face


def deadlines(settings: Settings, is_open: Callable[[datetime], bool]) -> Deadlines:
    """Return until when cards are promised to be answered."""
    inbox = settings.practice.inbox
    return Deadlines(
        urgent=timedelta(minutes=inbox.urgent_minutes),
        answers={key: timedelta(hours=each.answer_hours) for key, each in settings.practice.concerns.items()},
        pauses=tuple(timedelta(minutes=minutes) for minutes in inbox.retry_minutes),
        is_open=is_open,
    )


def link_rules(settings: Settings) -> LinkRules:
    """Return how form links are made."""
    practice = settings.practice
    return LinkRules(
        base=settings.link_url,
        practice=practice.practice.sms_name,
        valid=timedelta(hours=practice.links.valid_hours),
        unused_after=timedelta(minutes=practice.links.unused_after_minutes),
        sms_valid=timedelta(minutes=practice.sms.validity_minutes),
    )


def caps(settings: Settings) -> Caps:
    """Return the limits on text messages."""
    sms = settings.practice.sms
    return Caps(sms.countries, sms.per_number_a_day, sms.per_day)


def face(settings: Settings) -> Face:
    """Return the practice as pages show it."""
    practice = settings.practice.practice
    return Face(practice.name, practice.phone, practice.address)


def concerns(settings: Settings) -> dict[str, Concern]:
    """Return the reasons to call as pages show them."""
    return {key: Concern(each.label, each.form) for key, each in settings.practice.concerns.items()}


def work_blocks(settings: Settings) -> tuple[Block, ...]:
    """Return the times of a working day that are kept free for the inbox."""
    spans = (span.partition("-") for span in settings.practice.inbox.work_blocks)
    return tuple(Block(time.fromisoformat(begin), time.fromisoformat(end)) for begin, _, end in spans)


def transports(settings: Settings) -> tuple[str, ...]:
    """Return the SMS transports in their order; "auto" is Twilio with an account, else the console."""
    automatic = "twilio" if settings.secrets.twilio_account_sid else "console"
    named = (automatic if name == "auto" else name for name in settings.practice.sms.transports)
    return tuple(dict.fromkeys(named))

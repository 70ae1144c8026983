"""Against abuse: where text messages may go, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam
from sqlmodel import col, func, select

from callflow.numbers import allowed_mobile
from callflow.store import Intent, Tx, sealer_of
from callflow.store.prepared import Look

Objection = Literal["", "no_mobile", "number_cap", "budget"]
_DAY = timedelta(hours=24)
_SMS = select(func.count(col(Intent.id))).where(
    col(Intent.kind) == "sms", col(Intent.created_at) > bindparam("since")
)
_TO_NUMBER = Look(_SMS.where(col(Intent.target_blind) == bindparam("number")))
_IN_ALL = Look(_SMS.where(col(Intent.status) != "cancelled"))


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits on text messages.

    Args:
        countries: regions whose mobile numbers may be written to.
        per_number_a_day: most messages to one number in 24 hours.
        per_day: most messages in 24 hours in all.
        alarm_at: share of `per_day` from which the health page warns.
    """

    countries: tuple[str, ...] = ("DE",)
    per_number_a_day: int = 4
    per_day: int = 400
    alarm_at: float = 0.8

    def objection(self, tx: Tx, number: str, *, now: datetime) -> Objection:
        """Return why no message may go to `number` now, "" if one may."""
        if not allowed_mobile(number, self.countries):
            return "no_mobile"
        to_number = _TO_NUMBER.number(tx, {"number": sealer_of(tx).blind(number), "since": now - _DAY})
        if to_number >= self.per_number_a_day:
            return "number_cap"
        return "budget" if messages(tx, now=now) >= self.per_day else ""

    def alarm(self, tx: Tx, *, now: datetime) -> bool:
        """Tell whether the day's budget is nearly (or wholly) used up."""
        return messages(tx, now=now) >= self.alarm_at * self.per_day


def messages(tx: Tx, *, now: datetime) -> int:
    """Return how many text messages were queued in the last 24 hours."""
    return _IN_ALL.number(tx, {"since": now - _DAY})

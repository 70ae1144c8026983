"""Who calls: what the network told, made regular, and what we know of that number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, func, select

from callflow.directory.people import find
from callflow.events import Caller, CallStarted
from callflow.numbers import e164, kind
from callflow.store import Call, Tx, sealer_of
from callflow.store.prepared import Look

_EARLIER = Look(
    select(func.count(col(Call.id))).where(
        col(Call.number_blind) == bindparam("number"), col(Call.started_at) >= bindparam("since")
    )
)


@dataclass(frozen=True, slots=True)
class Recognition:
    """How callers are recognised.

    Args:
        region: country of the practice, two letters.
        window: how long an earlier call makes a caller a repeat caller.
        bare_country: names of lines that send the country code without "+".
    """

    region: str = "DE"
    window: timedelta = timedelta(hours=24)
    bare_country: frozenset[str] = frozenset()

    def normal(self, raw: str, line: str) -> str:
        """Return the E.164 form of what a line told, "" if unusable."""
        return e164(raw, self.region, bare_country=line in self.bare_country)

    def caller(self, tx: Tx, started: CallStarted) -> Caller:
        """Return the calling party with everything we know of it."""
        number = self.normal(started.caller.number, started.line)
        person = find(tx, number)
        return Caller(
            number=number,
            kind=kind(number, self.region) if number else "withheld",
            known=person is not None,
            urgent=person.urgent if person else False,
            repeat=earlier_calls(tx, number, since=started.at - self.window),
            language=person.language if person else "",
        )


def earlier_calls(tx: Tx, number: str, *, since: datetime) -> int:
    """Return how many calls of this number began since then; 0 for a withheld one."""
    if not number:
        return 0
    return _EARLIER.number(tx, {"number": sealer_of(tx).blind(number), "since": since})

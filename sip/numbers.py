"""The number plan as the SIP side needs it: spellings, dial strings, the plan as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from callflow.numbers import e164
from callflow.plan import Destination, Home, Migration, Plan, TeamsTrunk

GERMANY = "+49"
FORWARDING = ("external", "teams")  # kinds of destinations that may have a forwarding of their own
DIRECT = "direct"  # rendered endpoint that dials destinations given as a complete SIP address


def spellings(number: str) -> tuple[str, ...]:
    """Return how trunks write the E.164 `number` in a request: +49.., 0049.., national 0.., bare 49.."""
    plain = number.removeprefix("+")
    national = ("0" + number.removeprefix(GERMANY),) if number.startswith(GERMANY) else ()
    return (number, "00" + plain, *national, plain)


def dialled(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return each practice number with every user part that means it."""
    return {number: (*spellings(number), *entry.aliases) for number, entry in plan.numbers.items()}


def dial_string(destination: Destination) -> str:
    """Return what Asterisk's Dial takes for a destination."""
    if destination.uri:
        return f"PJSIP/{DIRECT}/{destination.uri}"
    return f"PJSIP/{destination.number}@{destination.via}"


def receptions(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return, per practice number, the dial strings of its people: first at its home, then at the other one.

    Used when nobody can decide: a migration's date or share plays no part, every home is tried.
    """
    return {number: tuple(_reception(plan, number)) for number in plan.numbers}


def _reception(plan: Plan, number: str) -> Iterator[str]:
    entry = plan.numbers[number]
    homes: tuple[Home, ...] = (entry.home, "teams" if entry.home == "pbx" else "pbx")
    for name in dict.fromkeys(plan.counterpart(entry.destination, home) for home in homes):
        if name in plan.destinations:
            yield dial_string(plan.destinations[name])


@dataclass(frozen=True, slots=True)
class Row:
    """One practice number as `rufweiche numbers` shows it; `share` is the part of calls that `home` gets."""

    number: str
    flow: str
    home: str
    destination: str
    moving: str


def table(plan: Plan, at: datetime) -> tuple[Row, ...]:
    """Return the plan as it is in force at the aware time `at`, one row for each number."""
    return tuple(
        Row(number, entry.flow, *_in_force(plan, number, at), _moving(entry.migration, at))
        for number, entry in plan.numbers.items()
    )


def _in_force(plan: Plan, number: str, at: datetime) -> tuple[str, str]:
    """Return home and destination; both homes when calls are shared between them."""
    entry = plan.numbers[number]
    homes = tuple(dict.fromkeys((entry.home_at(at, 0.0), entry.home_at(at, 0.999_999))))
    names = tuple(plan.counterpart(entry.destination, home) for home in homes)
    return " / ".join(homes), " / ".join(dict.fromkeys(names))


def _moving(move: Migration | None, at: datetime) -> str:
    if move is None:
        return ""
    windows = ", ".join(f"{'+'.join(w.days)} {w.since:%H:%M}-{w.until:%H:%M}" for w in move.windows)
    state = "moving" if move.moves(at, 0.0) else "waiting"
    back = "falls back" if move.fallback else "no fallback"
    return f"{state}: to {move.to} from {move.start:%d.%m.%Y}, {move.share} %, {windows or 'always'}, {back}"


@dataclass(frozen=True, slots=True)
class Arriving:
    """What a call says of itself when it comes to us.

    Args:
        caller: who calls, "" for withheld.
        diverted_by: the number that forwarded it, "" when the network does not say.
        trunk: the trunk that it came over.
    """

    caller: str
    diverted_by: str = ""
    trunk: str = ""


@dataclass(frozen=True, slots=True)
class Ringing:
    """A leg that we ring: for whom (as shown to the other side), and which number."""

    caller: str
    number: str


def comes_back(plan: Plan, arriving: Arriving, ringing: Iterable[Ringing]) -> bool:
    """Say whether an arriving call is one of ours that whoever we ring has forwarded back to us.

    A destination that forwards to the practice would ring itself for ever. The network usually names who
    forwarded. Where it does not, a caller who rings in Teams cannot at the same time call from Teams; and the
    third leg for the same caller and number is cut in any case.

    Args:
        plan: the number plan.
        arriving: the call.
        ringing: the legs that we are ringing now.
    """
    forwards = {entry.number: entry.via for entry in plan.destinations.values() if entry.kind in FORWARDING}
    caller, diverted_by = _same(arriving.caller), _same(arriving.diverted_by)
    legs = [leg for leg in ringing if leg.number in forwards]
    ours = [leg.number for leg in legs if _same(leg.caller) == caller]
    if diverted_by in (*ours, *(leg.number for leg in legs if caller in ("", leg.number))):
        return True
    return any(_is_teams(plan, forwards[number], arriving) or ours.count(number) > 1 for number in ours)


def _same(number: str) -> str:
    """Return a number as E.164, so that two trunks' spellings of it are equal."""
    return e164(number) or number


def _is_teams(plan: Plan, via: str, arriving: Arriving) -> bool:
    return via == arriving.trunk and isinstance(plan.trunks.get(via), TeamsTrunk)

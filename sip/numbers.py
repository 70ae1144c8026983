"""The number plan as the SIP side needs it: spellings, dial strings, the plan as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from callflow.numbers import e164
from callflow.plan import Destination, Home, Migration, Number, Plan, TeamsTrunk
from callflow.plan.moving import BERLIN

GERMANY = "+49"
FORWARDING = ("external", "teams")  # kinds of destinations that may have a forwarding of their own
State = Literal["waiting", "moving", "resting"]
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


WORDS = {
    "de": {
        "waiting": "wartet",
        "moving": "läuft",
        "resting": "ruht",
        "to": "zu {home} ab {start}",
        "always": "jederzeit",
        True: "mit Rückfall",
        False: "ohne Rückfall",
    },
    "en": {
        "waiting": "waiting",
        "moving": "moving",
        "resting": "resting",
        "to": "to {home} from {start}",
        "always": "always",
        True: "falls back",
        False: "no fallback",
    },
}


def table(plan: Plan, at: date, language: str = "de") -> tuple[Row, ...]:
    """Return the plan as it is in force, one row for each number.

    Args:
        plan: the number plan.
        at: an aware `datetime` for a moment, a `date` for all that a German calendar day brings.
        language: of the words about moves: de, en.
    """
    return tuple(
        Row(number, entry.flow, *_in_force(plan, number, at), _moving(entry.migration, at, language))
        for number, entry in plan.numbers.items()
    )


def _in_force(plan: Plan, number: str, at: date) -> tuple[str, str]:
    """Return home and destination; both homes when calls are shared between them."""
    entry = plan.numbers[number]
    homes = _homes(entry, at)
    names = tuple(plan.counterpart(entry.destination, home) for home in homes)
    return " / ".join(homes), " / ".join(dict.fromkeys(names))


def _homes(entry: Number, at: date) -> tuple[Home, ...]:
    """Return the homes that calls get, the new one first."""
    if isinstance(at, datetime):
        return tuple(dict.fromkeys((entry.home_at(at, 0.0), entry.home_at(at, 0.999_999))))
    move = entry.migration
    if move is None or _state(move, at) != "moving" or move.share == 0:
        return (entry.home,)
    return (move.to,) if move.share == 100 and not move.windows else (move.to, entry.home)  # noqa: PLR2004  # per cent


def _state(move: Migration, at: date) -> State:
    """Say how far a move is: a day without a window, or a moment outside of them, rests."""
    begun = (at.astimezone(BERLIN).date() if isinstance(at, datetime) else at) >= move.start
    if not begun:
        return "waiting"
    open_now = (window.holds(at) if isinstance(at, datetime) else window.on(at) for window in move.windows)
    return "moving" if not move.windows or any(open_now) else "resting"


def _moving(move: Migration | None, at: date, language: str) -> str:
    if move is None:
        return ""
    words = WORDS[language]
    way = words["to"].format(home=move.to, start=f"{move.start:%d.%m.%Y}")
    windows = ", ".join(map(str, move.windows)) or words["always"]
    return f"{words[_state(move, at)]}: {way}, {move.share} %, {windows}, {words[move.fallback]}"


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

"""Faults of the practice's numbers: spelling, homes, and moves between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from callflow.plan import E164, Number, Plan, TeamsTrunk
from callflow.plan.moving import Migration, Window
from callflow.plan_check.fault import Fault, not_e164, unknown

Place = tuple[str, ...]


def faults(plan: Plan) -> Iterator[Fault]:
    """Find what is wrong with each number."""
    taken = Counter(
        _digits(name) for number, entry in plan.numbers.items() for name in (number, *entry.aliases)
    )
    for number, entry in plan.numbers.items():
        place = ("numbers", number)
        if not E164.fullmatch(number):
            yield not_e164(place, number)
        for name in (number, *entry.aliases):
            if taken[_digits(name)] > 1:
                yield _duplicate(place, name)
        yield from _homes(plan, place, entry)
    if not plan.numbers:
        yield Fault(
            ("numbers",),
            "no_number",
            "Es gibt keine Rufnummer: Jeder Anruf würde abgewiesen. Unter numbers die der Praxis eintragen.",
            "there is no number: every call would be refused; put the practice's under numbers",
            "warning",
        )


def _duplicate(place: Place, name: str) -> Fault:
    return Fault(
        place,
        "duplicate",
        f"{name} steht zweimal im Plan, als Nummer oder unter aliases.",
        f"{name} stands twice in the plan, as a number or among aliases",
    )


def _digits(name: str) -> str:
    return "".join(sign for sign in name if sign.isalnum())


def _homes(plan: Plan, place: Place, entry: Number) -> Iterator[Fault]:
    if entry.migration is not None:
        yield from _move((*place, "migration"), entry, entry.migration)
    if entry.destination not in plan.destinations:
        yield unknown((*place, "destination"), "Ziel", entry.destination, plan.destinations)
        return
    homes = {entry.home} | ({entry.migration.to} if entry.migration else set())
    if "pbx" in homes:
        yield from _home_pbx(plan, place, entry.destination)
    if "teams" in homes:
        yield from _home_teams(plan, place, entry.destination)


def _move(place: Place, entry: Number, move: Migration) -> Iterator[Fault]:
    if move.to == entry.home:
        yield Fault(
            (*place, "to"),
            "no_move",
            f"Die Nummer ist schon bei {entry.home} zu Hause.",
            f"the number is at home in {entry.home} already",
        )
    for window in move.windows:
        if window.since >= window.until:
            yield Fault(
                (*place, "windows"),
                "never_moves",
                f"Das Fenster {window} hält nie: since muss vor until liegen. Über Mitternacht: zwei, "
                'eines bis "24:00", eines ab "00:00".',
                f"the window {window} never holds: since must come before until; over midnight: two of them, "
                'one until "24:00", one since "00:00"',
            )
    for first, second in combinations(move.windows, 2):
        if first.meets(second):
            yield _overlapping((*place, "windows"), first, second)


def _overlapping(place: Place, first: Window, second: Window) -> Fault:
    return Fault(
        place,
        "overlapping",
        f"Die Fenster {first} und {second} überlappen sich; es gilt beides zusammen.",
        f"the windows {first} and {second} overlap; both together count",
        "warning",
    )


def _home_pbx(plan: Plan, place: Place, destination: str) -> Iterator[Fault]:
    rung = plan.destinations.get(plan.counterpart(destination, "pbx"))
    if rung is not None and rung.kind == "teams":
        yield Fault(
            (*place, "destination"),
            "no_pbx_target",
            f"Für die Heimat pbx braucht {destination} ein Ziel an der Telefonanlage (pbx: ...).",
            f"for the home pbx {destination} needs a counterpart at the PBX (pbx: ...)",
        )


def _home_teams(plan: Plan, place: Place, destination: str) -> Iterator[Fault]:
    rung = plan.destinations.get(plan.counterpart(destination, "teams"))
    if rung is None or rung.kind != "teams":
        yield Fault(
            (*place, "destination"),
            "no_teams_target",
            f"Für die Heimat teams braucht {destination} ein Teams-Ziel (teams: ...).",
            f"for the home teams {destination} needs a Teams counterpart (teams: ...)",
        )
    if not any(isinstance(trunk, TeamsTrunk) for trunk in plan.trunks.values()):
        yield Fault(
            (*place, "home"),
            "no_teams_trunk",
            "Eine Teams-Nummer ohne Teams-Trunk: unter trunks fehlt einer mit kind: teams (docs/teams.md).",
            "a Teams number without a Teams trunk: put one of kind: teams under trunks (docs/teams.md)",
        )

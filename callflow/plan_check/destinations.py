"""Faults of destinations: whether each can be dialled, and does not lead back to us."""

from __future__ import annotations

from collections.abc import Iterator

from callflow.numbers import e164
from callflow.plan import (
    E164,
    Destination,
    EmbeddedLine,
    Line,
    Plan,
    PyVoipLine,
    SipTrunk,
    TeamsTrunk,
    Trunk,
)
from callflow.plan.moving import Home
from callflow.plan_check.addresses import bad_name, is_diallable, is_uri, user
from callflow.plan_check.fault import Fault, not_e164, unknown

# No practice may route people to these by a plan: emergency and on-call numbers are named, never dialled.
EMERGENCY = frozenset({"112", "110", "116117", "+49112", "+49110", "+49116117"})
Place = tuple[str, ...]
HOMES: tuple[Home, Home] = ("pbx", "teams")


def faults(plan: Plan) -> Iterator[Fault]:
    """Find what is wrong with each destination."""
    rung = _rung(plan)
    for name, entry in plan.destinations.items():
        place = ("destinations", name)
        yield from bad_name(place)
        yield from _target(plan, place, entry)
        yield from _counterparts(plan, place, name, entry)
        if name not in rung:
            yield Fault(
                place,
                "not_rung",
                "Keine Rufnummer führt hierher; nur ein Ablauf kann dieses Ziel noch nennen.",
                "no number leads here; only a flow may still name it",
                "warning",
            )


def _rung(plan: Plan) -> set[str]:
    named = {number.destination for number in plan.numbers.values()}
    named |= {plan.counterpart(name, home) for name in set(named) for home in HOMES}
    return named


def _target(plan: Plan, place: Place, entry: Destination) -> Iterator[Fault]:
    if bool(entry.uri) == bool(entry.number):
        yield Fault(
            place,
            "no_target",
            "Genau eines angeben: uri, oder number mit via.",
            "give exactly one: uri, or number with via",
        )
        return
    key, dialled = ("number", entry.number) if entry.number else ("uri", user(entry.uri))
    if dialled in EMERGENCY:
        yield Fault(
            (*place, key),
            "emergency",
            f"{dialled} wird angesagt, aber nie gewählt.",
            f"{dialled} is announced and never dialled",
        )
    if entry.number:
        yield from _via(plan, place, entry)
    elif not is_uri(entry.uri):
        yield _bad_uri((*place, "uri"), entry.uri)
    if entry.kind == "teams" and entry.method == "refer":
        yield Fault(
            (*place, "method"),
            "teams_refer",
            "Zu Teams nie mit REFER: method: bridge.",
            "never REFER towards Teams: method: bridge",
        )
    yield from _number((*place, "number"), entry)
    if _is_ours(plan, entry, dialled):
        yield Fault(
            (*place, key),
            "loop",
            f"{dialled} ist unsere eigene Rufnummer: der Anruf käme zu uns zurück.",
            f"{dialled} is our own number: the call would come back to us",
        )


def _number(place: Place, entry: Destination) -> Iterator[Fault]:
    if not entry.number:
        return
    if entry.kind in ("teams", "external"):
        if not E164.fullmatch(entry.number):
            yield not_e164(place, entry.number)
    elif not is_diallable(entry.number):
        yield Fault(
            place,
            "bad_number",
            f"„{entry.number}“ lässt sich nicht wählen: Ziffern, + * # oder der Name einer Nebenstelle.",
            f"{entry.number!r} cannot be dialled: digits, + * # or the name of an extension",
        )


def _bad_uri(place: Place, uri: str) -> Fault:
    return Fault(
        place,
        "bad_uri",
        f"„{uri}“ ist keine SIP-Adresse, wie sip:100@192.168.178.1:5060.",
        f"{uri!r} is no SIP address, such as sip:100@192.168.178.1:5060",
    )


def _is_ours(plan: Plan, entry: Destination, dialled: str) -> bool:
    """Say whether a call there comes back: to a number of ours, however written, or to our own account."""
    if dialled in plan.numbers or e164(dialled) in plan.numbers:
        return True
    trunk = plan.trunks.get(entry.via)
    return isinstance(trunk, SipTrunk) and trunk.account is not None and dialled == trunk.account.username


def _via(plan: Plan, place: Place, entry: Destination) -> Iterator[Fault]:
    if not entry.via:
        yield Fault(
            (*place, "via"),
            "no_trunk",
            "number braucht via: über welchen Trunk?",
            "number needs via: over which trunk?",
        )
        return
    trunk = plan.trunks.get(entry.via)
    if trunk is None:
        yield unknown((*place, "via"), "Trunk", entry.via, plan.trunks)
        return
    if (entry.kind == "teams") != isinstance(trunk, TeamsTrunk):
        yield Fault(
            (*place, "via"),
            "wrong_trunk",
            f"Ziel der Art {entry.kind} über {trunk.kind}-Trunk: Teams-Ziele brauchen einen Teams-Trunk.",
            f"a {entry.kind} destination over a {trunk.kind} trunk: Teams destinations need a Teams trunk",
        )
    elif plan.lines and not any(_dials(line, entry.via, trunk) for line in plan.lines.values()):
        yield _unreachable((*place, "via"), entry.via, trunk)


def _dials(line: Line, name: str, trunk: Trunk) -> bool:
    """Say whether a line can call over a trunk; Twilio dials by itself whatever has a number."""
    if isinstance(line, EmbeddedLine | PyVoipLine):
        mine = line.trunks if isinstance(line, EmbeddedLine) else (line.trunk,)
        return isinstance(trunk, SipTrunk) and name in mine
    return True


def _unreachable(place: Place, name: str, trunk: Trunk) -> Fault:
    teams = isinstance(trunk, TeamsTrunk)
    return Fault(
        place,
        "unreachable",
        f"Keine Leitung erreicht {name}: "
        + ("Teams braucht eine Leitung mit kind: asterisk." if teams else "bei einer unter trunks nennen."),
        f"no line reaches {name}: "
        + ("Teams needs a line of kind: asterisk" if teams else "name it under trunks of one"),
    )


def _counterparts(plan: Plan, place: Place, name: str, entry: Destination) -> Iterator[Fault]:
    for home, other in zip(HOMES, (entry.pbx, entry.teams), strict=True):
        if not other:
            continue
        if other not in plan.destinations:
            yield unknown((*place, home), "Ziel", other, plan.destinations)
        elif plan.counterpart(other, home) != other:
            yield Fault(
                (*place, home),
                "loop",
                f"{name} verweist auf {other}, das selbst weiterverweist: nur ein Schritt ist erlaubt.",
                f"{name} points to {other}, which itself points on: one step is allowed",
            )

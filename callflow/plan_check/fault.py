"""One finding about a number plan, and the findings that several rooms of the check make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from callflow.numbers import e164

Code = Literal[
    "bad_host",
    "bad_name",
    "bad_network",
    "bad_number",
    "bad_ports",
    "bad_uri",
    "duplicate",
    "emergency",
    "loop",
    "never_moves",
    "no_account",
    "no_address",
    "no_certificate",
    "no_fqdn",
    "no_line",
    "no_media_address",
    "no_move",
    "no_network",
    "no_number",
    "no_pbx_target",
    "no_target",
    "no_teams_target",
    "no_teams_trunk",
    "no_trunk",
    "not_e164",
    "not_rung",
    "overlapping",
    "plain_manager",
    "pyvoip_bridge",
    "pyvoip_udp",
    "registered_twice",
    "same_port",
    "teams_refer",
    "unknown_destination",
    "unknown_trunk",
    "unreachable",
    "wrong_trunk",
]
FileCode = Literal["certificate", "expired", "ca_file"]  # told by whoever reads the files that the plan names
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding.

    Args:
        place: keys from the top of the file to the value.
        code: stable word for the rule.
        german: what is wrong and what to do.
        english: the same in English.
        severity: errors keep the server from starting.
    """

    place: tuple[str, ...]
    code: Code | FileCode
    german: str
    english: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{'.'.join(self.place)}: {self.english} [{self.code}]"


def unknown(place: tuple[str, ...], what: Literal["Trunk", "Ziel"], name: str, known: Iterable[str]) -> Fault:
    """Tell of a name that nothing in the plan bears, and which one may have been meant."""
    there = sorted(known)
    near = get_close_matches(name, there, n=1, cutoff=0.6)
    german = f"Gemeint ist „{near[0]}“?" if near else f"Es gibt: {', '.join(there) or 'noch keinen Eintrag'}."
    english = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(there) or 'no entry yet'}"
    if what == "Trunk":
        told = f"Trunk „{name}“ gibt es nicht. {german}", f"there is no trunk {name!r}; {english}"
        return Fault(place, "unknown_trunk", *told)
    told = f"Ziel „{name}“ gibt es nicht. {german}", f"there is no destination {name!r}; {english}"
    return Fault(place, "unknown_destination", *told)


def not_e164(place: tuple[str, ...], number: str) -> Fault:
    """Tell of a number that is not in E.164, and how it is written there."""
    meant = e164(number, bare_country=True)
    return Fault(
        place,
        "not_e164",
        f"„{number}“ ist keine Rufnummer in E.164 (+49 und Ziffern, ohne Leerzeichen). "
        + (f'Gemeint ist "{meant}"?' if meant else 'Ein Beispiel: "+4935112345600".'),
        f"{number!r} is no E.164 number (+49 and digits, no blanks); "
        + (f'did you mean "{meant}"?' if meant else 'an example: "+4935112345600"'),
    )

"""What is wrong with a number plan beyond its schema: pure, finds everything at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from callflow.plan import (
    E164,
    AsteriskLine,
    Destination,
    EmbeddedLine,
    Line,
    Number,
    Plan,
    PyVoipLine,
    SipTrunk,
    TeamsTrunk,
    Trunk,
)

# No practice may route people to these by a plan: emergency and on-call numbers are named, never dialled.
EMERGENCY = frozenset({"112", "110", "116117", "+49112", "+49110", "+49116117"})
LOOPBACK = ("127.", "localhost", "::1")

Code = Literal[
    "duplicate",
    "emergency",
    "loop",
    "no_account",
    "no_address",
    "no_certificate",
    "no_fqdn",
    "no_media_address",
    "no_move",
    "no_pbx_target",
    "no_target",
    "no_teams_target",
    "no_teams_trunk",
    "no_trunk",
    "not_e164",
    "not_rung",
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
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{'.'.join(self.place)}: {self.english} [{self.code}]"


def check(plan: Plan) -> tuple[Fault, ...]:
    """Return every fault of the plan, in the order of the file."""
    return (*_lines(plan), *_shared(plan), *_trunks(plan), *_destinations(plan), *_numbers(plan))


def errors(plan: Plan) -> tuple[Fault, ...]:
    """Return the faults that forbid starting."""
    return tuple(fault for fault in check(plan) if fault.severity == "error")


def _lines(plan: Plan) -> Iterator[Fault]:
    for name, line in plan.lines.items():
        place = ("lines", name)
        if isinstance(line, EmbeddedLine):
            yield from _reachable(place, line)
            yield from (
                _unknown((*place, "trunks"), "Trunk", trunk)
                for trunk in line.trunks
                if trunk not in plan.trunks
            )
        if isinstance(line, PyVoipLine):
            yield from _pyvoip(plan, name, line)
        if isinstance(line, AsteriskLine) and not line.tls and not line.host.startswith(LOOPBACK):
            yield Fault(
                (*place, "tls"),
                "plain_manager",
                f"Die Verbindung zu {line.host} verlässt diese Maschine unverschlüsselt: tls: true setzen.",
                f"the connection to {line.host} leaves this machine unencrypted: set tls: true",
            )


def _shared(plan: Plan) -> Iterator[Fault]:
    """Find what two lines of our own, a process each, cannot both have."""
    own = {name: line for name, line in plan.lines.items() if isinstance(line, EmbeddedLine | PyVoipLine)}
    places: set[tuple[str, int]] = set()
    registered: set[str] = set()
    for name, line in own.items():
        ports = {key: port for key in ("port", "tls_port") if (port := getattr(line, key, 0))}
        for key, port in ports.items():
            if (line.host, port) in places:
                yield _same_port(("lines", name, key), f"{line.host}:{port}")
        places |= {(line.host, port) for port in ports.values()}
        trunks = line.trunks if isinstance(line, EmbeddedLine) else (line.trunk,)
        mine = {trunk for trunk in trunks if _registers(plan, trunk)}
        yield from (_registered_twice(("lines", name), trunk) for trunk in sorted(mine & registered))
        registered |= mine


def _same_port(place: tuple[str, ...], address: str) -> Fault:
    return Fault(
        place,
        "same_port",
        f"Auf {address} hört schon eine andere Leitung: jede braucht Ports für sich.",
        f"another line listens on {address}: each needs ports of its own",
    )


def _registered_twice(place: tuple[str, ...], trunk: str) -> Fault:
    return Fault(
        place,
        "registered_twice",
        f"{trunk} ist schon an einer anderen Leitung angemeldet: jeder Anruf klingelte an beiden. Jede "
        "Leitung braucht ein Konto für sich, oder beide einen Trunk ohne Anmeldung.",
        f"{trunk} is registered by another line already: every call would ring at both. Give each line an "
        "account of its own, or both a trunk without registration.",
    )


def _registers(plan: Plan, name: str) -> bool:
    trunk = plan.trunks.get(name)
    return isinstance(trunk, SipTrunk) and trunk.registers


def _pyvoip(plan: Plan, name: str, line: PyVoipLine) -> Iterator[Fault]:
    if line.trunk and line.trunk not in plan.trunks:
        yield _unknown(("lines", name, "trunk"), "Trunk", line.trunk)
    trunk = plan.trunks.get(line.trunk)
    if isinstance(trunk, SipTrunk) and (trunk.transport != "udp" or trunk.srtp == "required"):
        yield Fault(
            ("trunks", line.trunk, "srtp" if trunk.transport == "udp" else "transport"),
            "pyvoip_udp",
            f"Die pyVoIP-Leitung {name} kennt nur UDP ohne SRTP: der Leitung kind: embedded geben.",
            f"the pyVoIP line {name} knows nothing but UDP without SRTP: give the line kind: embedded",
        )
    alone = all(isinstance(other, PyVoipLine) for other in plan.lines.values())
    for target in (target for target, entry in plan.destinations.items() if entry.method == "bridge"):
        yield Fault(
            ("destinations", target, "method"),
            "pyvoip_bridge",
            f"{name} wählt nicht selbst, verbindet nur mit REFER: method: refer, oder kind: embedded dort.",
            f"{name} cannot call out, it passes callers on by REFER only: method: refer, or kind: embedded",
            "error" if alone else "warning",  # other lines may bridge what this one refers
        )


def _reachable(place: tuple[str, ...], line: EmbeddedLine) -> Iterator[Fault]:
    if line.tls_port and not line.certificate:
        yield Fault(
            (*place, "tls_port"),
            "no_certificate",
            "TLS (tls_port) braucht certificate und key: PEM-Dateien neben dieser Datei.",
            "TLS (tls_port) needs certificate and key: PEM files beside this file",
        )
    if line.public_address and not _is_address(line.public_address):
        yield Fault(
            (*place, "public_address"),
            "no_address",
            f"{line.public_address!r} ist keine IP-Adresse.",
            f"{line.public_address!r} is no IP address",
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _trunks(plan: Plan) -> Iterator[Fault]:
    for name, trunk in plan.trunks.items():
        place = ("trunks", name)
        if isinstance(trunk, SipTrunk) and trunk.registers and trunk.account is None:
            yield Fault(
                (*place, "registers"),
                "no_account",
                "Anmelden (registers) braucht account mit username.",
                "registers needs an account with a username",
            )
        if isinstance(trunk, TeamsTrunk):
            yield from _teams(place, trunk)


def _teams(place: tuple[str, ...], trunk: TeamsTrunk) -> Iterator[Fault]:
    if not _is_name(trunk.fqdn):
        yield Fault(
            (*place, "fqdn"),
            "no_fqdn",
            f"Teams lehnt {trunk.fqdn!r} ab: der SBC braucht einen vollständigen Namen, keine Adresse.",
            f"Teams refuses {trunk.fqdn!r}: the SBC needs a fully qualified name, not an address",
        )
    host, _, port = trunk.listen.rpartition(":")
    if not (_is_address(host) and port.isdecimal()):
        yield Fault(
            (*place, "listen"),
            "no_address",
            f"{trunk.listen!r} ist keine Adresse mit Port, wie 203.0.113.7:5061.",
            f"{trunk.listen!r} is no address with a port, such as 203.0.113.7:5061",
        )
    elif trunk.front != "asterisk" and not _is_one_address(trunk.media_address or host):
        yield Fault(
            (*place, "media_address"),
            "no_media_address",
            "Teams muss eine Adresse für den Ton genannt werden, sonst hört niemand: media_address oder "
            "in listen die öffentliche Adresse dieser Maschine angeben (nicht 0.0.0.0).",
            "Teams must be told one address for sound, or nobody hears anything: give this machine's public "
            "address as media_address or in listen (not 0.0.0.0)",
        )


def _is_one_address(text: str) -> bool:
    return _is_address(text) and not ip_address(text).is_unspecified


def _is_name(fqdn: str) -> bool:
    return "." in fqdn and not fqdn.replace(".", "").isdigit() and ":" not in fqdn


def _destinations(plan: Plan) -> Iterator[Fault]:
    rung = _rung(plan)
    for name, entry in plan.destinations.items():
        place = ("destinations", name)
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
    named |= {plan.counterpart(name, home) for name in set(named) for home in ("pbx", "teams")}
    return named


def _target(plan: Plan, place: tuple[str, ...], entry: Destination) -> Iterator[Fault]:
    if bool(entry.uri) == bool(entry.number):
        yield Fault(
            place,
            "no_target",
            "Genau eines angeben: uri, oder number mit via.",
            "give exactly one: uri, or number with via",
        )
        return
    if entry.number in EMERGENCY:
        yield Fault(
            (*place, "number"),
            "emergency",
            f"{entry.number} wird angesagt, aber nie gewählt.",
            f"{entry.number} is announced and never dialled",
        )
    if entry.number:
        yield from _via(plan, place, entry)
    if entry.kind == "teams" and entry.method == "refer":
        yield Fault(
            (*place, "method"),
            "teams_refer",
            "Zu Teams nie mit REFER: method: bridge.",
            "never REFER towards Teams: method: bridge",
        )
    if entry.kind in ("teams", "external") and entry.number and not E164.fullmatch(entry.number):
        yield _not_e164((*place, "number"), entry.number)
    if entry.number in plan.numbers:
        yield Fault(
            (*place, "number"),
            "loop",
            f"{entry.number} ist unsere eigene Rufnummer: der Anruf käme zu uns zurück.",
            f"{entry.number} is our own number: the call would come back to us",
        )


def _via(plan: Plan, place: tuple[str, ...], entry: Destination) -> Iterator[Fault]:
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
        yield _unknown((*place, "via"), "Trunk", entry.via)
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


def _unreachable(place: tuple[str, ...], name: str, trunk: Trunk) -> Fault:
    teams = isinstance(trunk, TeamsTrunk)
    return Fault(
        place,
        "unreachable",
        f"Keine Leitung erreicht {name}: "
        + ("Teams braucht eine Leitung mit kind: asterisk." if teams else "bei einer unter trunks nennen."),
        f"no line reaches {name}: "
        + ("Teams needs a line of kind: asterisk" if teams else "name it under trunks of one"),
    )


def _counterparts(plan: Plan, place: tuple[str, ...], name: str, entry: Destination) -> Iterator[Fault]:
    for home, other in (("pbx", entry.pbx), ("teams", entry.teams)):
        if not other:
            continue
        if other not in plan.destinations:
            yield _unknown((*place, home), "Ziel", other)
        elif plan.counterpart(other, "teams" if home == "teams" else "pbx") != other:
            yield Fault(
                (*place, home),
                "loop",
                f"{name} verweist auf {other}, das selbst weiterverweist: nur ein Schritt ist erlaubt.",
                f"{name} points to {other}, which itself points on: one step is allowed",
            )


def _numbers(plan: Plan) -> Iterator[Fault]:
    taken = Counter(
        _digits(name) for number, entry in plan.numbers.items() for name in (number, *entry.aliases)
    )
    for number, entry in plan.numbers.items():
        place = ("numbers", number)
        if not E164.fullmatch(number):
            yield _not_e164(place, number)
        if any(taken[_digits(name)] > 1 for name in (number, *entry.aliases)):
            yield Fault(
                place,
                "duplicate",
                f"{number} steht zweimal im Plan.",
                f"{number} stands twice in the plan",
            )
        yield from _number_homes(plan, place, entry)


def _digits(name: str) -> str:
    return "".join(sign for sign in name if sign.isalnum())


def _number_homes(plan: Plan, place: tuple[str, ...], entry: Number) -> Iterator[Fault]:
    if entry.destination not in plan.destinations:
        yield _unknown((*place, "destination"), "Ziel", entry.destination)
        return
    if entry.migration is not None and entry.migration.to == entry.home:
        yield Fault(
            (*place, "migration", "to"),
            "no_move",
            f"Die Nummer ist schon bei {entry.home} zu Hause.",
            f"the number is at home in {entry.home} already",
        )
    homes = {entry.home} | ({entry.migration.to} if entry.migration else set())
    if "pbx" in homes:
        yield from _home_pbx(plan, place, entry.destination)
    if "teams" in homes:
        yield from _home_teams(plan, place, entry.destination)


def _home_pbx(plan: Plan, place: tuple[str, ...], destination: str) -> Iterator[Fault]:
    rung = plan.destinations.get(plan.counterpart(destination, "pbx"))
    if rung is not None and rung.kind == "teams":
        yield Fault(
            (*place, "destination"),
            "no_pbx_target",
            f"Für die Heimat pbx braucht {destination} ein Ziel an der Telefonanlage (pbx: ...).",
            f"for the home pbx {destination} needs a counterpart at the PBX (pbx: ...)",
        )


def _home_teams(plan: Plan, place: tuple[str, ...], destination: str) -> Iterator[Fault]:
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
            "Eine Teams-Nummer ohne Teams-Trunk.",
            "a Teams number without a Teams trunk",
        )


def _unknown(place: tuple[str, ...], what: Literal["Trunk", "Ziel"], name: str) -> Fault:
    german = f"{what} {name!r} gibt es nicht."
    if what == "Trunk":
        return Fault(place, "unknown_trunk", german, f"there is no trunk {name!r}")
    return Fault(place, "unknown_destination", german, f"there is no destination {name!r}")


def _not_e164(place: tuple[str, ...], number: str) -> Fault:
    return Fault(
        place,
        "not_e164",
        f"{number!r} ist keine Rufnummer in E.164 (+49 und Ziffern, ohne Leerzeichen).",
        f"{number!r} is no E.164 number (+49 and digits, no blanks)",
    )

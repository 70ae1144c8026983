"""Faults of lines: what each needs, and what two of them cannot both have."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from callflow.plan import AsteriskLine, EmbeddedLine, Plan, PyVoipLine, SipTrunk, TeamsTrunk, TwilioLine
from callflow.plan_check.addresses import bad_host, bad_name, bad_ports, is_address
from callflow.plan_check.fault import Fault, Severity, unknown

LOOPBACK = ("127.", "localhost", "::1")
Place = tuple[str, ...]


def faults(plan: Plan) -> Iterator[Fault]:
    """Find what is wrong with each line, and with all of them together."""
    for name, line in plan.lines.items():
        place = ("lines", name)
        yield from bad_name(place)
        if isinstance(line, TwilioLine):
            continue
        yield from bad_host((*place, "host"), line.host)
        yield from bad_ports((*place, "rtp_ports"), line.rtp_ports)
        if isinstance(line, EmbeddedLine):
            yield from _embedded(plan, place, line)
        if isinstance(line, PyVoipLine):
            yield from _pyvoip(plan, name, line)
        if isinstance(line, AsteriskLine):
            yield from _asterisk(place, line)
    yield from _shared(plan)
    if not plan.lines:
        yield Fault(
            ("lines",),
            "no_line",
            "Es gibt keine Leitung: Kein Anruf erreicht uns. Unter lines eine eintragen.",
            "there is no line: no call reaches us; put one under lines",
            "warning",
        )


def _embedded(plan: Plan, place: Place, line: EmbeddedLine) -> Iterator[Fault]:
    yield from (
        unknown((*place, "trunks"), "Trunk", trunk, plan.trunks)
        for trunk in line.trunks
        if trunk not in plan.trunks
    )
    yield from (_no_network(name, trunk) for name in line.trunks if (trunk := _unknown_caller(plan, name)))
    if line.tls_port and not line.certificate:
        yield Fault(
            (*place, "tls_port"),
            "no_certificate",
            "TLS (tls_port) braucht certificate und key: PEM-Dateien neben dieser Datei.",
            "TLS (tls_port) needs certificate and key: PEM files beside this file",
        )
    if line.public_address and not is_address(line.public_address):
        yield Fault(
            (*place, "public_address"),
            "no_address",
            f"{line.public_address!r} ist keine IP-Adresse.",
            f"{line.public_address!r} is no IP address",
        )


def _unknown_caller(plan: Plan, name: str) -> SipTrunk | None:
    """Return a trunk whose calls an embedded line could not tell from a stranger's."""
    trunk = plan.trunks.get(name)
    if not isinstance(trunk, SipTrunk) or trunk.registers or trunk.account or trunk.accept:
        return None
    return None if is_address(trunk.neighbour) else trunk


def _no_network(name: str, trunk: SipTrunk) -> Fault:
    return Fault(
        ("trunks", name),
        "no_network",
        f"Anrufe von {trunk.neighbour} nimmt niemand an: Ohne Anmeldung zählt die Adresse, und ein Name ist "
        "keine. accept nennt die Netze, aus denen sie kommen, wie accept: [192.168.178.1].",
        f"nobody takes calls from {trunk.neighbour}: without registration the address counts, and a name is "
        "none; accept lists the networks that they come from, such as accept: [192.168.178.1]",
        "warning",
    )


def _pyvoip(plan: Plan, name: str, line: PyVoipLine) -> Iterator[Fault]:
    if line.trunk and line.trunk not in plan.trunks:
        yield unknown(("lines", name, "trunk"), "Trunk", line.trunk, plan.trunks)
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


def _asterisk(place: Place, line: AsteriskLine) -> Iterator[Fault]:
    if not is_address(line.bind):
        yield Fault(
            (*place, "bind"),
            "no_address",
            f"{line.bind!r} ist keine IP-Adresse.",
            f"{line.bind!r} is no IP address",
        )
    if not line.tls and not line.host.startswith(LOOPBACK):
        yield Fault(
            (*place, "tls"),
            "plain_manager",
            f"Die Verbindung zu {line.host} verlässt diese Maschine unverschlüsselt: tls: true setzen.",
            f"the connection to {line.host} leaves this machine unencrypted: set tls: true",
        )


def _shared(plan: Plan) -> Iterator[Fault]:
    """Find what two lines of our own, a process each, cannot both have; and two who listen on one port."""
    registered: set[str] = set()
    for name, line in plan.lines.items():
        if not isinstance(line, EmbeddedLine | PyVoipLine):
            continue
        trunks = line.trunks if isinstance(line, EmbeddedLine) else (line.trunk,)
        mine = {trunk for trunk in trunks if _registers(plan, trunk)}
        yield from (_registered_twice(("lines", name), trunk) for trunk in sorted(mine & registered))
        registered |= mine
    taken: list[tuple[str, int]] = []
    for place, host, port, severity in _listeners(plan):
        if any(port == other and _meet(host, where) for where, other in taken):
            yield _same_port(place, f"{host}:{port}", severity)
        taken.append((host, port))


def _listeners(plan: Plan) -> Iterator[tuple[Place, str, int, Severity]]:
    """List who listens on this machine, where, and how bad it is when somebody else does.

    Of Asterisk and its front only a warning: their configuration may be another than the rendered one.
    """
    for name, line in plan.lines.items():
        place = ("lines", name)
        if isinstance(line, EmbeddedLine | PyVoipLine):
            ports = {key: port for key in ("port", "tls_port") if (port := getattr(line, key, 0))}
            yield from (((*place, key), line.host, port, "error") for key, port in ports.items())
        elif isinstance(line, AsteriskLine) and line.host.startswith(LOOPBACK):
            yield from _rendered(plan, place, line)


def _rendered(plan: Plan, place: Place, line: AsteriskLine) -> Iterator[tuple[Place, str, int, Severity]]:
    """List what Asterisk and its front open for the trunks of a plan."""
    yield (*place, "sip_port"), line.bind, line.sip_port, "warning"
    if any(isinstance(trunk, SipTrunk) and trunk.transport == "tls" for trunk in plan.trunks.values()):
        yield (*place, "tls_port"), line.bind, line.tls_port, "warning"
    for name, trunk in plan.trunks.items():
        host, _, port = trunk.listen.rpartition(":") if isinstance(trunk, TeamsTrunk) else ("", "", "")
        if port.isdecimal():
            yield ("trunks", name, "listen"), host, int(port), "warning"


def _meet(host: str, other: str) -> bool:
    """Say whether two addresses cannot share a port: the same one, or one of them means all."""
    return host == other or any(
        is_address(each) and ip_address(each).is_unspecified for each in (host, other)
    )


def _same_port(place: Place, address: str, severity: Severity) -> Fault:
    return Fault(
        place,
        "same_port",
        f"Auf {address} hört schon jemand anders aus diesem Plan: Jeder braucht Ports für sich.",
        f"somebody else of this plan listens on {address}: each needs ports of its own",
        severity,
    )


def _registered_twice(place: Place, trunk: str) -> Fault:
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

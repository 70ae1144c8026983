"""Asterisk 22's configuration: everything it reads, with no module that a call does not need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from callflow.plan import AsteriskLine, Plan, SipTrunk, TeamsTrunk
from sip import numbers
from sip.asterisk_transfers import ELSEWHERE
from sip.render.files import BANNER, SYSTEM_TRUST, RenderError, environment

# First release with external_signaling_hostname (Asterisk 22.11 change log): before it, Asterisk can put
# only an address into Contact, which Teams answers with 403.
TEAMS_BY_ITSELF = (22, 11)

FILES = (
    "asterisk.conf",
    "modules.conf",
    "logger.conf",
    "musiconhold.conf",
    "indications.conf",
    "rtp.conf",
    "cdr.conf",
    "manager.conf",
    "pjsip.conf",
    "extensions.conf",
)

# Dial's outcomes after which another data centre may take the call.
ANOTHER = f'${{REGEX("^(CONGESTION|CHANUNAVAIL) ({"|".join(ELSEWHERE)})$" ${{DIALSTATUS}} ${{HANGUPCAUSE}})}}'

# Asterisk logs an error for each of these that it does not find, though none needs an entry.
UNUSED = ("acl", "ccss", "cel", "features", "geolocation", "pjproject", "statsd", "udptl")


@dataclass(frozen=True, slots=True)
class Site:
    """Where things lie on the machine or in the image that runs Asterisk (Debian's layout by default).

    Args:
        etc: folder of the configuration.
        modules: folder of Asterisk's modules.
        data: folder of Asterisk's own sounds and documentation.
        state: folder for the database, keys and spool.
        run: folder for the pid file and the control socket.
        log: folder for logs.
        sounds: folder of our prompts as Asterisk sees it.
        front_inside: "address:port" of Kamailio's plain side, when it fronts for Teams.
        version: Asterisk's version, (major, minor).
        grace_seconds: how long a call waits for a sign of life from us.
    """

    etc: str = "/etc/asterisk"
    modules: str = "/usr/lib/x86_64-linux-gnu/asterisk/modules"
    data: str = "/usr/share/asterisk"
    state: str = "/var/lib/asterisk"
    run: str = "/var/run/asterisk"
    log: str = "/var/log/asterisk"
    sounds: str = "/var/lib/rufweiche/sounds"
    front_inside: str = "127.0.0.1:5062"
    version: tuple[int, int] = (22, 10)
    grace_seconds: int = 3


@dataclass(frozen=True, slots=True)
class AsteriskSecrets:
    """Passwords out of the environment: the manager's and, by trunk name, those of accounts."""

    manager: str = field(repr=False)
    trunks: Mapping[str, str] = field(default_factory=dict, repr=False)


def version(text: str) -> tuple[int, int]:
    """Return (major, minor) out of what `asterisk -V` prints.

    Raises:
        RenderError: there is no version in the text.
    """
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None:
        raise RenderError("render-version", text=text[:40])
    return int(found[1]), int(found[2])


def front(trunk: TeamsTrunk, asterisk: tuple[int, int]) -> str:
    """Return who speaks to Microsoft: "kamailio" or "asterisk".

    Raises:
        RenderError: the plan asks for Asterisk alone and this Asterisk cannot.
    """
    able = asterisk >= TEAMS_BY_ITSELF
    if trunk.front == "asterisk" and not able:
        raise RenderError("render-front", version=".".join(map(str, TEAMS_BY_ITSELF)))
    return "asterisk" if able and trunk.front != "kamailio" else "kamailio"


def render(plan: Plan, site: Site, secrets: AsteriskSecrets, templates: Path) -> dict[str, str]:
    """Return file name -> text of Asterisk's whole configuration folder.

    Args:
        plan: the number plan; it must have an Asterisk line.
        site: where things lie.
        secrets: passwords.
        templates: the folder docker/asterisk.

    Raises:
        RenderError: a value cannot be written, a password is missing, or there is no Asterisk line.
    """
    line = _line(plan)
    site = replace(site, sounds=line.sounds_in_asterisk or line.sounds or site.sounds)
    values = {"banner": BANNER, "site": site, "secrets": secrets, **_values(plan, site)}
    _demand_passwords(plan, secrets)
    env = environment(templates, "asterisk")
    empty = {f"{name}.conf": f"; {BANNER}\n" for name in UNUSED}
    return empty | {name: env.get_template(f"{name}.j2").render(values) for name in FILES}


def _values(plan: Plan, site: Site) -> dict[str, object]:
    sip = {name: trunk for name, trunk in plan.trunks.items() if isinstance(trunk, SipTrunk)}
    teams = {name: trunk for name, trunk in plan.trunks.items() if isinstance(trunk, TeamsTrunk)}
    transports = {"udp": "classic", "tcp": "classic-tcp", "tls": "classic-tls"}
    fronts = {name: front(trunk, site.version) for name, trunk in teams.items()}
    return {
        "line": _line(plan),
        "sip_trunks": sip,
        "teams_trunks": teams,
        "trunks": (*sip, *teams),
        "neighbours": {name: _neighbours(trunk) for name, trunk in sip.items()},
        "transports": {name: transports[trunk.transport] for name, trunk in sip.items()},
        "uses_tcp": "kamailio" in fronts.values() or any(trunk.transport == "tcp" for trunk in sip.values()),
        "uses_tls": any(trunk.transport == "tls" for trunk in sip.values()),
        "authorities": str(PurePosixPath(site.etc) / _authorities(sip.values())),
        "system_trust": SYSTEM_TRUST,
        "fronts": fronts,
        "centres": {
            name: _centres(name, trunk) if fronts[name] == "asterisk" else () for name, trunk in teams.items()
        },
        "another": ANOTHER,
        "numbers": tuple(plan.numbers),
        "dialled": numbers.dialled(plan),
        "only_number": next(iter(plan.numbers)) if len(plan.numbers) == 1 else "",
        "receptions": numbers.receptions(plan),
        "in_etc": lambda file: str(PurePosixPath(site.etc) / file),
    }


def _neighbours(trunk: SipTrunk) -> tuple[str, ...]:
    """Return the networks and hosts that tell a trunk's calls from others'.

    None for one that registers by a proxy that is only a name: Asterisk looks names up once, at its start,
    and a provider's servers change. What was registered tells its calls.
    """
    if trunk.accept:
        return trunk.accept
    by_name = bool(trunk.proxy) and ":" not in trunk.proxy and not trunk.proxy.replace(".", "").isdigit()
    return () if trunk.registers and by_name else (trunk.neighbour,)


def _authorities(trunks: Iterable[SipTrunk]) -> str:
    """Return the file of authorities that all TLS trunks share: Asterisk has one for each of its ports."""
    named = {trunk.ca_file or SYSTEM_TRUST for trunk in trunks if trunk.transport == "tls"}
    if len(named) > 1:
        raise RenderError("render-authorities", files=", ".join(sorted(named)))
    return next(iter(named), SYSTEM_TRUST)


def _centres(name: str, trunk: TeamsTrunk) -> tuple[str, ...]:
    """Return a name for each data centre of a trunk, the first one's being the trunk's."""
    return tuple(name if number == 1 else f"{name}-{number}" for number in range(1, len(trunk.servers) + 1))


def _line(plan: Plan) -> AsteriskLine:
    for line in plan.lines.values():
        if isinstance(line, AsteriskLine):
            return line
    raise RenderError("render-asterisk")


def _demand_passwords(plan: Plan, secrets: AsteriskSecrets) -> None:
    if not secrets.manager:
        raise RenderError("render-manager")
    for name, trunk in plan.trunks.items():
        if isinstance(trunk, SipTrunk) and trunk.account and not secrets.trunks.get(name):
            raise RenderError(
                "secret-missing", name=name, example=f'RUFWEICHE_SIP_PASSWORDS={{"{name}": "..."}}'
            )

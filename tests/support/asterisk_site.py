"""The example practice with an Asterisk line, rendered for instances on loopback.

Every peer has a loopback address of its own, as it would have an address of its own in a practice: ours
127.0.0.1, the classic PBX 127.0.0.2, the SIP provider 127.0.0.3, Kamailio's inside 127.0.0.4, the desk
telephones 127.0.0.5, Microsoft 127.0.1.1 to 127.0.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from callflow.plan import Plan
from sip.ami import Access
from sip.render.asterisk import AsteriskSecrets, Site, render
from tests.support.asterisk_box import Asterisk, Folder
from tests.support.ports import free_port, sound_ports

TEMPLATES = Path(__file__).parents[2] / "docker" / "asterisk"
OURS, PBX, PROVIDER, PHONES = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.5"
SECRET = "manager-secret-of-the-tests"
NUMBER = "+4935112345600"


@dataclass(frozen=True)
class Ports:
    """Where everybody listens in one test run."""

    sip: int = field(default_factory=free_port)
    manager: int = field(default_factory=free_port)
    pbx: int = field(default_factory=free_port)
    provider: int = field(default_factory=free_port)
    reception: int = field(default_factory=free_port)
    laboratory: int = field(default_factory=free_port)


def plan(ports: Ports, **changes: object) -> Plan:
    """Return the practice's plan: one number at home on the PBX, reception is extension 100."""
    first, last = sound_ports(1000)
    values: dict[str, object] = {
        "lines": {
            "anlage": {
                "kind": "asterisk",
                "port": ports.manager,
                "bind": OURS,
                "sip_port": ports.sip,
                "rtp_ports": (first, last),
            }
        },
        "trunks": {
            "pbx": {"kind": "pbx", "host": PBX, "port": ports.pbx, "check_seconds": 1},
            "amt": {"kind": "provider", "host": PROVIDER, "port": ports.provider, "check_seconds": 1},
        },
        "destinations": {
            "empfang": {"kind": "extension", "number": "100", "via": "pbx"},
            "labor": {"kind": "extension", "number": "101", "via": "pbx"},
        },
        "numbers": {NUMBER: {"flow": "praxis", "destination": "empfang", "aliases": ["praxis"]}},
    }
    return Plan.model_validate(values | changes)


def site(folder: Folder, front: str = "127.0.0.4:5062", grace: int = 3, prefix: str = "") -> Site:
    """Return where things lie in an instance's folder."""
    inside, usual = str(folder.inside), Site()
    return Site(
        etc=f"{inside}/etc",
        state=f"{inside}/state",
        run=f"{inside}/run",
        log=f"{inside}/log",
        sounds=f"{inside}/sounds",
        modules=f"{prefix}{usual.modules}",
        data=f"{prefix}{usual.data}",
        front_inside=front,
        grace_seconds=grace,
    )


def switch(
    wanted: Plan, extra: dict[str, str] | None = None, front: str = "127.0.0.4:5062", grace: int = 15
) -> Asterisk:
    """Start Asterisk with what we render (and `extra` files beside it).

    Its dialplan waits longer for a sign of life than it would in a practice: a busy machine is no dead house.
    """
    secrets = AsteriskSecrets(SECRET, dict.fromkeys(wanted.trunks, "trunk-secret"))
    return Asterisk(
        "switch",
        lambda folder: render(wanted, site(folder, front, grace), secrets, TEMPLATES) | (extra or {}),
    )


def access(ports: Ports) -> Access:
    """Return how to reach the manager of `switch`."""
    return Access(OURS, ports.manager, "rufweiche", SECRET)

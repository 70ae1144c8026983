"""The practice whose number moves to Teams: its plan, its SBC, and Microsoft's data centres on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from callflow.flow import Flow
from callflow.plan import Migration, Plan
from callflow.store import Store
from sip.asterisk import AsteriskLine
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk, Folder
from tests.support.asterisk_house import Coder, Hasty, Sliding, desk, line_up, sessions
from tests.support.certificates import Authority
from tests.support.simple_phone import Phone, Talk
from tests.support.teams_front import (
    FQDN,
    HOSTS,
    INSIDE,
    NAMES,
    OUTSIDE,
    Front,
    FrontPorts,
    client_tls,
    server_tls,
)
from tests.support.teams_peer import TeamsPeer

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
USER = "+4935112345699"
CALLER = "+491711234567"
MOVE = {"to": "teams", "start": "2026-11-01"}


def teams_plan(  # noqa: PLR0913  # each is one fact of the plan
    ports: practice.Ports,
    front: FrontPorts,
    inside: str,
    *,
    number: dict[str, object] | None = None,
    trunk: dict[str, object] | None = None,
    user: str = USER,
) -> Plan:
    """Return the practice's plan while its number moves to Teams.

    Args:
        ports: where the practice's machines listen.
        front: where the front and Microsoft listen.
        inside: folder with certificates, as the SBC sees it.
        number: keys of the number that differ.
        trunk: keys of the Teams trunk that differ.
        user: number of the Teams user.
    """
    base = practice.plan(ports)
    teams = {
        "kind": "teams",
        "fqdn": FQDN,
        "certificate": f"{inside}/sbc.pem",
        "key": f"{inside}/sbc.key",
        "ca_file": f"{inside}/microsoft-ca.pem",
        "port": front.microsoft,
        "networks": [f"{host}/32" for host in HOSTS],
        "listen": f"{OUTSIDE}:{front.tls}",
        "check_seconds": 1,
    }
    return practice.plan(
        ports,
        trunks={name: each.model_dump() for name, each in base.trunks.items()}
        | {"teams": teams | (trunk or {})},
        destinations={
            "empfang": {"number": "100", "via": "pbx", "teams": "empfang_teams"},
            "empfang_teams": {"kind": "teams", "number": user, "via": "teams"},
        },
        numbers={
            practice.NUMBER: {"flow": "praxis", "destination": "empfang", "migration": MOVE} | (number or {})
        },
    )


@dataclass
class Sbc:
    """Our SBC: Asterisk with the front."""

    ports: practice.Ports
    front_ports: FrontPorts
    plan: Plan
    asterisk: Asterisk
    front: Front
    authority: Authority

    def stop(self) -> None:
        self.front.stop()
        self.asterisk.stop()


def certificates(authority: Authority, *names: str) -> dict[str, str]:
    """Return the SBC's certificate for these names, its key, and whom it trusts."""
    pair = authority.pair(*names)
    return {"sbc.pem": pair.certificate, "sbc.key": pair.key, "microsoft-ca.pem": authority.certificate}


def sbc(ports: practice.Ports, *, grace: int = 15, number: dict[str, object] | None = None) -> Sbc:
    """Start an SBC.

    Args:
        ports: of the practice; the classic PBX is taken from here.
        grace: seconds that a call waits for a sign of life from Rufweiche.
        number: keys of the practice number that differ from `teams_plan`.
    """
    own, front_ports, authority = practice.Ports(pbx=ports.pbx), FrontPorts(), Authority()
    folder = Folder("front")
    plan = teams_plan(own, front_ports, str(folder.inside), number=number)
    asterisk = practice.switch(plan, front=f"{INSIDE}:{front_ports.inside}", grace=grace)
    files = certificates(authority, FQDN)
    front = Front(plan, front_ports, f"{practice.OURS}:{own.sip}", files, folder)
    return Sbc(own, front_ports, plan, asterisk, front, authority)


def moving(plan: Plan, moves: dict[str, object]) -> Plan:
    """Return the plan with another migration: only Rufweiche knows of it, Asterisk's configuration stays."""
    (number,) = plan.numbers.values()
    migration = Migration.model_validate(MOVE | moves)
    return plan.model_copy(
        update={"numbers": {practice.NUMBER: number.model_copy(update={"migration": migration})}}
    )


@contextlib.asynccontextmanager
async def microsoft(
    authority: Authority, ports: FrontPorts, folder: Path, *, centres: int = 3
) -> AsyncIterator[list[TeamsPeer]]:
    """Run the first data centres, with certificates that are good for servers only."""
    peers = [TeamsPeer(host, name) for host, name in list(zip(HOSTS, NAMES, strict=True))[:centres]]
    pair = authority.pair(*NAMES, *HOSTS, client=False)
    client = client_tls(pair, authority, folder)
    for peer in peers:
        peer.sbcs[FQDN] = (OUTSIDE, ports.tls)
        await peer.listen(ports.microsoft, server_tls(pair, authority, folder), client)
    try:
        yield peers
    finally:
        for peer in peers:
            await peer.close()


@contextlib.asynccontextmanager
async def holding(  # noqa: PLR0913  # each is one fact of the day
    sbc: Sbc,
    store: Store,
    *,
    teams_up: bool,
    coder: Coder | None = None,
    at: datetime = OPEN,
    moves: dict[str, object] | None = None,
    flow: Flow | None = None,
) -> AsyncIterator[AsteriskLine]:
    """Run our line, once it knows how the Teams trunk stands, until the calls of the block are over.

    Args:
        sbc: the SBC.
        store: the database.
        teams_up: how the trunk shall stand.
        coder: speaks; None: nobody listens closely.
        at: what time it is.
        moves: keys of the migration that differ.
        flow: what callers go through; None: the example practice's.
    """
    news, coder = asyncio.Event(), coder or Coder()
    house = Hasty(sessions(store, coder, at, flow))
    shared = desk(sbc.asterisk, moving(sbc.plan, moves or {}), house, coder, {})
    access = practice.access(sbc.ports)
    async with line_up(access, shared, changed=lambda _: news.set(), clock=Sliding(at)) as line:
        async with asyncio.timeout(30):
            line.play_on_hold((coder.clip("music"),))
            while line.live.trunks.get("teams") is not teams_up:
                news.clear()
                await news.wait()
        yield line
        # A call that outlives its line is passed on to the reception, which is the next test's by then.
        async with asyncio.timeout(30):
            await line.drained()


async def call_reception(sbc: Sbc, patient: Phone, caller: str = CALLER) -> Talk:
    """Call the practice and ask for the reception."""
    talk = await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=caller)
    await talk.until(lambda: len(talk.sound.heard) > 5)
    await talk.press("0")
    return talk

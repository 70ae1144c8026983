"""Messages as they come off the wire, and what each must lead to (the rules of RFC 4475 and our own)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sip.signalling.core import Core
from sip.signalling.incoming import Origin
from sip.signalling.leg import Leg
from sip.signalling.legs import Legs
from sip.signalling.phone_settings import LOOPBACK
from sip.signalling.reception import Reception
from sip.signalling.transport import Hop
from tests.fuzz.target import PEER, Wire
from tests.sip.peer import FAST

WIRE = Path(__file__).parent / "wire"
OURS = json.loads((WIRE / "cases.json").read_text())
TORTURE = Path(__file__).parents[3] / "shared" / "torture"
THEIRS = json.loads((TORTURE / "expected.json").read_text())["cases"] if TORTURE.is_dir() else []


@pytest.fixture
async def desk() -> AsyncIterator[tuple[Reception, Wire]]:
    """A reception whose legs ring and do nothing else."""
    core = Core(FAST, asyncio.get_running_loop())
    wire = Wire()
    core.carriers.append(wire)

    def ring(leg: Leg) -> None:
        leg.ring()

    legs = Legs()
    yield (
        Reception(
            core, legs, lambda _: LOOPBACK, lambda _m, hop, _p: Origin(hop, "loopback", trusted=True), ring
        ),
        wire,
    )
    core.exchanges.close()
    for leg in list(legs.living.values()):
        leg.clear()
        leg.hang_up()
    core.exchanges.close()


def taken(desk: tuple[Reception, Wire], data: bytes) -> list[str]:
    reception, wire = desk
    reception.datagram(data, Hop(wire, PEER))
    return [data.split(b" ", 2)[1].decode() for data in wire.sent]


@pytest.mark.parametrize("case", OURS, ids=lambda case: case["file"])
async def test_each_wire_case_has_its_outcome(
    desk: tuple[Reception, Wire], case: dict[str, list[str]]
) -> None:
    statuses = taken(desk, (WIRE / str(case["file"])).read_bytes())
    assert (statuses or ["drop"]) == case["outcomes"], case["rule"]
    assert desk[0].core.counters["internal_error"] == 0


def test_every_wire_file_is_a_case() -> None:
    assert {case["file"] for case in OURS} == {path.name for path in WIRE.glob("*.dat")}


def agrees(statuses: list[str], wanted: list[str]) -> bool:
    last = statuses[-1] if statuses else "drop"
    if last == "drop":
        return bool({"drop", "response-discard", "response-accept"} & set(wanted))
    if last[0] in "12":
        return bool({"accept", "accept-liberal"} & set(wanted))
    return last in wanted


@pytest.mark.skipif(not THEIRS, reason="../shared/torture is not here: the messages of RFC 4475 are not run")
@pytest.mark.parametrize("case", THEIRS, ids=lambda case: case["file"])
async def test_each_message_of_rfc_4475_has_its_outcome(
    desk: tuple[Reception, Wire], case: dict[str, list[str]]
) -> None:
    statuses = taken(desk, (TORTURE / str(case["file"])).read_bytes())
    assert agrees(statuses, case["udp_uas_outcomes"]), statuses
    assert desk[0].core.counters["internal_error"] == 0


def test_the_judgement_of_outcomes_can_fail() -> None:
    assert agrees(["100", "180"], ["accept"])
    assert not agrees(["400"], ["accept"])
    assert not agrees([], ["400"])
    assert not agrees(["100", "180"], ["400", "drop"])

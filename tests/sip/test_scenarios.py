"""Calls with sipp, an independent SIP peer, by our own scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sip.signalling.leg import Leg
from sip.signalling.phone_settings import Peer as KnownPeer
from sip.signalling.phone_settings import PhoneSettings
from tests.sip.peer import OURS, House, house, settings
from tests.sip.rush import __file__ as rush_file
from tests.sip.rush import rush
from tests.sip.sipp import SCENARIOS, SIPP, Sipp
from tests.support.lacking import lacking

# sipp has a clock of its own: with timers as short as among ourselves, one that is held up gets more
# repeated messages than it bears.
REAL_TIME = settings(t1_s=0.5)
BRISK = settings(t1_s=0.1)  # repeats its 200 while the ACK is lost
ANNA = KnownPeer(
    "anna", ("127.0.0.1",), user="anna", password="geheim", digests=("MD5",)
)  # all that sipp knows
PROVEN = replace(REAL_TIME, peers=(ANNA,))


@pytest.fixture(autouse=True)
def sipp_is_here() -> None:
    if SIPP is None:
        lacking("sipp (Debian: sip-tester)")


def answering(leg: Leg) -> None:
    leg.ring()
    leg.answer(OURS)


def answering_soon(leg: Leg) -> None:
    leg.ring()
    asyncio.get_running_loop().call_later(0.1, leg.answer, OURS)


def ringing(leg: Leg) -> None:
    leg.ring()


@pytest.mark.parametrize(
    ("scenario", "act", "told"),
    [
        (
            "retransmitted-invite",
            answering_soon,
            [("sound", "sendrecv"), ("confirmed", None), ("ended", "caller")],
        ),
        ("lost-ack", answering, [("sound", "sendrecv"), ("confirmed", None), ("ended", "caller")]),
        ("delayed-offer", answering, [("sound", "sendrecv"), ("confirmed", None), ("ended", "caller")]),
        ("cancel", ringing, [("ended", "caller")]),
        ("cancel-race", answering, [("sound", "sendrecv"), ("confirmed", None), ("ended", "caller")]),
        ("early-bye", ringing, [("ended", "caller")]),
        ("refused-488", answering, [("ended", "error")]),
        (
            "hold-resume",
            answering,
            [
                ("sound", "sendrecv"),
                ("confirmed", None),
                *(("sound", way) for way in ("recvonly", "sendrecv", "inactive", "recvonly", "sendrecv")),
                ("ended", "caller"),
            ],
        ),
    ],
)
async def test_a_caller_goes_through_the_scenario(
    tmp_path: Path, scenario: str, act: Callable[[Leg], None], told: list[tuple[str, object]]
) -> None:
    async with house(BRISK if scenario == "lost-ack" else REAL_TIME, act) as home:
        host, port = home.phone.address()
        await Sipp(scenario, tmp_path, f"{host}:{port}").run()
        await home.until(told[-1])
        assert home.told == told
        assert home.phone.load["legs"] == home.phone.load["dialogs"] == 0


@pytest.mark.parametrize(
    ("scenario", "result"), [("refused-refer", "refused"), ("answered-refer", "answered")]
)
async def test_a_transfer_goes_through_the_scenario(tmp_path: Path, scenario: str, result: str) -> None:
    async with house(REAL_TIME, answering) as home:
        host, port = home.phone.address()
        sipp = Sipp(scenario, tmp_path, f"{host}:{port}")
        async with sipp.started() as process:
            leg = await home.leg()
            await home.until(("confirmed", None))
            assert await leg.refer("300", 20) == result
            await sipp.ended(process)


async def test_a_caller_proves_itself(tmp_path: Path) -> None:
    async with house(PROVEN, answering) as home:
        host, port = home.phone.address()
        await Sipp("digest-caller", tmp_path, f"{host}:{port}").run()
        await home.until(("ended", "caller"))


async def test_a_wrong_password_makes_no_call(tmp_path: Path) -> None:
    async with house(PROVEN, answering) as home:
        host, port = home.phone.address()
        await Sipp("digest-wrong", tmp_path, f"{host}:{port}").run()
        assert (home.legs.empty(), home.phone.counters["wrong_credentials"]) == (True, 1)


def known(port: int) -> PhoneSettings:
    """Settings whose line "anna" leads to sipp and knows a password."""
    peer = KnownPeer("anna", ("127.0.0.1",), host=f"127.0.0.1:{port}", user="anna", password="geheim")
    return replace(REAL_TIME, peers=(peer,))


async def called(home: House, **more: float) -> str:
    leg = home.phone.call("100", OURS, line="anna", **more)
    outcome = await leg.answered()
    if outcome == "answered":
        await asyncio.sleep(0.05)
        leg.hang_up()
    return outcome


@pytest.mark.parametrize(
    ("scenario", "outcome"),
    [
        ("callee-302", "answered"),
        ("callee-digest-md5", "answered"),
        ("callee-digest-plain", "answered"),
        ("callee-digest-opaque", "answered"),
        ("callee-486", "busy"),
        ("callee-503", "failed"),
        ("callee-603", "refused"),
        ("callee-rings", "no_answer"),
    ],
)
async def test_a_callee_goes_through_the_scenario(tmp_path: Path, scenario: str, outcome: str) -> None:
    sipp = Sipp(scenario, tmp_path)
    async with sipp.started() as process, house(known(sipp.port)) as home:
        ring_s = 0.5 if scenario == "callee-rings" else 20.0
        assert await called(home, ring_s=ring_s) == outcome
        await sipp.ended(process)


async def test_fifty_calls_a_second_all_go_through_and_leave_nothing_behind(tmp_path: Path) -> None:
    assert await rush(6, tmp_path) == {"calls": 300, "faults": 0, "legs": 0, "dialogs": 0}


def test_every_scenario_is_run() -> None:
    here = Path(__file__).read_text() + Path(rush_file).read_text()
    assert [path.stem for path in SCENARIOS.glob("*.xml") if f'"{path.stem}"' not in here] == []

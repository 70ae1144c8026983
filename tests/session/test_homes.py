"""A transfer rings at the practice number's home of the day, and at the old one when nobody answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.effects import Gather, LineEffect, Play, Transfer
from callflow.events import (
    Caller,
    CallStarted,
    DigitsPressed,
    HungUp,
    PromptFinished,
    TransferFailed,
)
from callflow.homes import Homes
from callflow.plan import Plan
from callflow.session import Reaction
from callflow.store import Store
from tests.support.reception import DIALLED, MOBILE, sessions
from tests.support.stores import NOW, Clock

CALL = "call-of-a-moving-number"


def plan(*, share: int = 100, days: int = 0, fallback: bool = True) -> Plan:
    """Return a plan whose number moves to Teams, `days` from now."""
    start = (NOW + timedelta(days=days)).date()
    moving = {"to": "teams", "start": start, "share": share, "fallback": fallback}
    return Plan.model_validate(
        {
            "destinations": {
                "empfang": {"number": "100", "via": "anlage", "teams": "empfang_teams"},
                "empfang_teams": {"kind": "teams", "number": "+493511", "via": "teams"},
            },
            "numbers": {
                DIALLED: {"flow": "praxis", "home": "pbx", "destination": "empfang", "migration": moving}
            },
        }
    )


async def transferred(homes: Homes) -> Reaction:
    """Call, press 0 at the menu, and return what the line is told then."""
    reaction = await homes.happened(CALL, 0, CallStarted(DIALLED, Caller(MOBILE), NOW, "sip"))
    while isinstance(reaction.effect, Play):
        reaction = await homes.happened(CALL, reaction.turn, PromptFinished())
    assert isinstance(reaction.effect, Gather)
    return await homes.happened(CALL, reaction.turn, DigitsPressed("0"))


def rung(effect: LineEffect | None) -> str:
    return effect.destination if isinstance(effect, Transfer) else ""


@pytest.mark.parametrize(
    ("moving", "destination"),
    [
        (plan(), "empfang_teams"),
        (plan(share=0), "empfang"),
        (plan(days=1), "empfang"),
        (plan(fallback=False), "empfang_teams"),
    ],
    ids=["moved", "no share yet", "tomorrow", "without a way back"],
)
async def test_the_home_of_the_day_rings_first(
    moving: Plan, destination: str, store: Store, clock: Clock
) -> None:
    assert rung((await transferred(Homes(sessions(store, clock), moving))).effect) == destination


async def test_the_old_home_rings_when_the_new_one_does_not_answer(store: Store, clock: Clock) -> None:
    homes = Homes(sessions(store, clock), plan())
    first = await transferred(homes)
    second = await homes.happened(CALL, first.turn, TransferFailed("no_answer"))
    assert (rung(second.effect), second.turn, second.effect and second.effect.spoken) == (
        "empfang",
        first.turn,
        (),
    )


async def test_the_flow_hears_of_the_failure_once_both_homes_were_tried(store: Store, clock: Clock) -> None:
    homes = Homes(sessions(store, clock), plan())
    first = await transferred(homes)
    await homes.happened(CALL, first.turn, TransferFailed("failed"))
    third = await homes.happened(CALL, first.turn, TransferFailed("busy"))
    assert (type(third.effect), third.turn) == (Gather, first.turn + 1)


async def test_a_caller_who_hangs_up_while_it_rings_is_not_passed_on(store: Store, clock: Clock) -> None:
    homes = Homes(sessions(store, clock), plan())
    first = await transferred(homes)
    assert (await homes.happened(CALL, first.turn, HungUp())).effect is None


async def test_a_call_keeps_the_plan_it_began_with(store: Store, clock: Clock) -> None:
    homes = Homes(sessions(store, clock), plan())
    reaction = await homes.happened(CALL, 0, CallStarted(DIALLED, Caller(MOBILE), NOW, "sip"))
    homes.plan = plan(share=0)
    while isinstance(reaction.effect, Play):
        reaction = await homes.happened(CALL, reaction.turn, PromptFinished())
    assert rung((await homes.happened(CALL, reaction.turn, DigitsPressed("0"))).effect) == "empfang_teams"

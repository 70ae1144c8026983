"""The retry policy's truth table, and that it always comes to an end without a second sending."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.outbox.retry import Decision, Policy, Result, Standing, Step, decide, next_transport
from tests.support.stores import NOW

S10, S60 = timedelta(seconds=10), timedelta(seconds=60)
POLICY = Policy(pauses=(S10, S60), asks=(S10, S60))
SOON = NOW + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("result", "standing", "step", "at"),
    [
        # taken: nothing more to do, whatever went before
        ("sent", Standing(1, 0, 0), "sent", NOW),
        ("sent", Standing(3, 0, 2), "sent", NOW),
        ("found", Standing(1, 2, 0), "sent", NOW),
        # refused: no transport will change the recipient
        ("refused", Standing(1, 0, 0), "failed", NOW),
        ("refused", Standing(1, 0, 2), "failed", NOW),
        # surely not sent: the next transport at once, then a pause that grows, then it has failed
        ("transient", Standing(1, 0, 1), "switch", NOW),
        ("broken", Standing(1, 0, 1), "switch", NOW),
        ("transient", Standing(1, 0, 0), "retry", NOW + S10),
        ("broken", Standing(2, 0, 0), "retry", NOW + S60),
        ("transient", Standing(3, 0, 0), "failed", NOW),
        # no use after the expiry
        ("transient", Standing(1, 0, 0, SOON), "retry", NOW + S10),
        ("transient", Standing(2, 0, 0, SOON), "failed", NOW),
        # perhaps sent: ask, ask again, then nobody knows; other transports do not matter
        ("ambiguous", Standing(1, 0, 0), "ask", NOW + S10),
        ("ambiguous", Standing(1, 0, 2), "ask", NOW + S10),
        ("absent", Standing(1, 1, 2), "ask", NOW + S60),
        ("cannot_ask", Standing(1, 1, 0), "ask", NOW + S60),
        ("absent", Standing(1, 2, 2), "unknown", NOW),
        ("cannot_ask", Standing(1, 2, 0), "unknown", NOW),
        ("ambiguous", Standing(1, 2, 0), "unknown", NOW),
        ("ambiguous", Standing(1, 0, 0, NOW), "ask", NOW + S10),
    ],
)
def test_the_truth_table(result: Result, standing: Standing, step: Step, at: datetime) -> None:
    assert decide(POLICY, result, standing, now=NOW) == Decision(step, at)


RESULTS = st.sampled_from(["refused", "broken", "transient", "ambiguous", "absent", "cannot_ask"])


@given(first=RESULTS, later=st.lists(RESULTS, min_size=10, max_size=10), transports=st.integers(1, 3))
def test_every_history_ends_and_nothing_is_sent_after_a_doubt(
    first: Result, later: list[Result], transports: int
) -> None:
    now, sends, asks, steps, result = NOW, 1, 0, [], first
    doubtful = False
    for number in range(100):
        doubtful = doubtful or result in ("ambiguous", "absent", "cannot_ask")
        untried = -sends % transports
        decision = decide(POLICY, result, Standing(-(-sends // transports), asks, untried), now=now)
        steps.append(decision.step)
        if decision.step in ("failed", "unknown", "sent"):
            break
        assert decision.at >= now
        now = decision.at
        if doubtful:
            assert decision.step == "ask"
            asks += 1
            result = later[number % 10] if later[number % 10] in ("absent", "cannot_ask") else "absent"
        else:
            assert decision.step in ("retry", "switch", "ask")
            sends += 1
            result = later[number % 10]
    assert steps[-1] == ("unknown" if doubtful else "failed")


def test_transports_are_tried_in_their_order() -> None:
    order = ["twilio", "gateway", "console"]
    assert next_transport(order, []) == "twilio"
    assert next_transport(order, ["twilio"]) == "gateway"
    assert next_transport(order, order) is None

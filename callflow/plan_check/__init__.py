"""What is wrong with a number plan beyond its schema: pure, finds everything at once."""

from __future__ import annotations

from callflow.plan import Plan
from callflow.plan_check import destinations, lines, numbers, trunks
from callflow.plan_check.fault import Code, Fault, FileCode

__all__ = ["Code", "Fault", "FileCode", "check"]


def check(plan: Plan) -> tuple[Fault, ...]:
    """Return every fault of the plan, in the order of the file."""
    rooms = (lines, trunks, destinations, numbers)
    return tuple(fault for room in rooms for fault in room.faults(plan))

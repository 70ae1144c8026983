"""A number plan taken over while the house runs: numbers move one by one, and no call is dropped for it.

What no process has to be told at its start may change: a number's flow, home, destination and migration. A
line of our own knows of them only who gets a number's calls while the app is away; that is written anew for
it. An Asterisk has the same in its dialplan, which only rendering changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from callflow.bootstrap.line import config_path, embedded_lines, on_its_own
from callflow.plan import AsteriskLine, Plan
from sip.line_config import LineConfig
from sip.numbers import receptions


def takes_over(before: Plan, after: Plan) -> bool:
    """Say whether a running house can change from one number plan to the other."""
    return _fixed(before) == _fixed(after) and _dialplan(before) == _dialplan(after)


def _fixed(plan: Plan) -> tuple[Plan, Mapping[str, tuple[str, ...]]]:
    """Return what stays as it was at the start: all but what becomes of the calls of each number."""
    return plan.model_copy(update={"numbers": {}}), {
        number: entry.aliases for number, entry in plan.numbers.items()
    }


def _dialplan(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Return what an Asterisk has been told of the numbers, {} without one."""
    has_one = any(isinstance(line, AsteriskLine) for line in plan.lines.values())
    return receptions(plan) if has_one else {}


def tell_lines(data: Path, plan: Plan) -> None:
    """Write for our lines who gets each number's calls while the app is away.

    Raises:
        OSError: that cannot be written.
    """
    for name in embedded_lines(plan):
        path = config_path(data, name)
        if path.is_file():
            _tell_line(path, plan)


def _tell_line(path: Path, plan: Plan) -> None:
    config = LineConfig.load(path)
    dids = tuple(did.model_copy(update={"destination": on_its_own(plan, did.number)}) for did in config.dids)
    if dids != config.dids:
        config.model_copy(update={"dids": dids}).save(path)

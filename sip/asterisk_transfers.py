"""What Asterisk's Dial says about a call that it passed on. Pure."""

from __future__ import annotations

from callflow.events import TransferProblem

_PROBLEMS: dict[str, TransferProblem] = {"BUSY": "busy", "NOANSWER": "no_answer", "DONTCALL": "refused"}


def transfer_problem(status: str, cause: str) -> TransferProblem:
    """Read Dial's outcome; 17 and 21 are "user busy" and "call rejected" (ITU-T Q.850)."""
    if cause == "21":
        return "refused"
    return _PROBLEMS.get(status, "busy" if cause == "17" else "failed")

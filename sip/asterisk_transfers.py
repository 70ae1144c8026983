"""What Asterisk says about a call that it dialled. Pure."""

from __future__ import annotations

from callflow.events import TransferProblem

# Causes (ITU-T Q.850) after which another data centre may take a call, as Asterisk gives them: 503 or a
# broken connection 34, silence or 408 18, 500 38, 502 27, 504 102; 3 and 20: not asked, for it answers no
# OPTIONS.
ELSEWHERE = ("3", "18", "20", "27", "34", "38", "102")
_PROBLEMS: dict[str, TransferProblem] = {"BUSY": "busy", "NOANSWER": "no_answer", "DONTCALL": "refused"}


def transfer_problem(status: str, cause: str) -> TransferProblem:
    """Read Dial's outcome; 17 and 21 are "user busy" and "call rejected" (ITU-T Q.850)."""
    if cause == "21":
        return "refused"
    return _PROBLEMS.get(status, "busy" if cause == "17" else "failed")

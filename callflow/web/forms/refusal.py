"""What was wrong with a page when it was sent last: kept with the draft until the page is sent again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from callflow.web.forms.answers import Fault
from callflow.web.forms.reading import Kept

WRONG = "@wrong"
"""The draft's key for it."""
LONGEST = 4
"""Characters of a part of a date; all other answers are kept as they are, right or not."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page was refused.

    Args:
        faults: question -> what is wrong.
        given: parts of dates as typed, which only together would make an answer.
    """

    faults: Mapping[str, Fault] = field(default_factory=dict)
    given: Mapping[str, list[str]] = field(default_factory=dict)


def packed(page: str, given: Mapping[str, list[str]], faults: Mapping[str, Fault]) -> str:
    """Return a refusal of the page of that name as the store keeps it."""
    parts = {name: [values[0][:LONGEST]] for name, values in given.items() if "." in name and values}
    told = {name: [fault.text, fault.values] for name, fault in faults.items()}
    return json.dumps({"page": page, "given": parts, "faults": told})


def of(kept: Kept, page: str) -> Refusal:
    """Return why the page of that name was refused when it was sent last."""
    found = json.loads(kept.get(WRONG) or "{}")
    if found.get("page") != page:
        return Refusal()
    faults = {
        name: Fault(text, tuple((str(key), value) for key, value in values))
        for name, (text, values) in found["faults"].items()
    }
    return Refusal(faults, found["given"])

"""What the documents show of config/lines.yaml is what the check takes."""

from __future__ import annotations

import re
import textwrap

import pytest

from callflow.language.source import parse
from callflow.plan import Plan
from callflow.plan_check import check
from tests.support.plans import ROOT

PAGES = ("pbx", "teams", "sip", "containers", "de/handbuch-admin")
# Each shows one thing, and leaves out what it refers to.
LEFT_OUT = {
    "no_line",
    "no_number",
    "not_rung",
    "unknown_destination",
    "unknown_trunk",
    "unreachable",
}


def shown(page: str) -> list[str]:
    """Return the pieces of lines.yaml that a page shows."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    pieces = re.findall(r"^( *)```yaml\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    plans = [textwrap.dedent(piece) for _, piece in pieces]
    return [plan for plan in plans if re.match(r"(lines|trunks|destinations|numbers):", plan)]


@pytest.mark.parametrize("page", PAGES)
def test_every_piece_of_a_plan_in_the_documents_is_sound(page: str) -> None:
    pieces = [parse(piece.encode(), page).data for piece in shown(page)]
    found = {
        str(fault)
        for piece in pieces
        for fault in check(Plan.model_validate(piece))
        if fault.code not in LEFT_OUT
    }
    assert (bool(pieces), found) == (True, set())

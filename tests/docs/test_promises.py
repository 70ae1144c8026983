"""The tables that name a test for each promise name files that are there and hold tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = {
    page: re.findall(
        r"^\| promise \| `(tests/[^`]+)/` \|\n\|.*\n((?:\|.*\n)+)", page.read_text(), re.MULTILINE
    )
    for page in sorted((ROOT / "docs").rglob("*.md"))
}


@pytest.mark.parametrize(
    "page", [page for page, tables in TABLES.items() if tables], ids=lambda page: page.stem
)
def test_each_promise_of_a_page_names_files_with_tests(page: Path) -> None:
    for room, table in TABLES[page]:
        for row in table.splitlines():
            named = re.findall(r"`([^`]+)`", row.rstrip("| ").rpartition("|")[2])
            assert named, row
            assert [one for one in named if not _is_there(room, one)] == []


def _is_there(room: str, named: str) -> bool:
    """Tell whether a file is there and holds tests, or the one named behind "::" without its "test_"."""
    file, _, function = named.partition("::")
    path = ROOT / (file if file.endswith(".py") else f"{room}/{file}.py")
    return path.exists() and f"def test_{function}{'(' if function else ''}" in path.read_text()


def test_the_pages_of_signalling_sound_teams_and_pbx_have_such_a_table() -> None:
    assert {"sip", "media", "teams", "pbx"} <= {page.stem for page, tables in TABLES.items() if tables}

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
            paths = [ROOT / (name if name.endswith(".py") else f"{room}/{name}.py") for name in named]
            assert named, row
            assert [
                str(path) for path in paths if not path.exists() or "def test_" not in path.read_text()
            ] == []


def test_the_pages_of_sound_teams_and_pbx_have_such_a_table() -> None:
    assert {"media", "teams", "pbx"} <= {page.stem for page, tables in TABLES.items() if tables}

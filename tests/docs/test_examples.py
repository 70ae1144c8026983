"""What pages tell one to write or type is accepted: settings by their models, commands by the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from callflow.cli import app
from callflow.language.source import parse
from callflow.plan import Plan
from callflow.settings import Practice
from callflow.web.forms.form import Form
from tests.bench.__main__ import parts

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
FLOWS = ROOT / "docs/flows.md"  # has a test of its own, which runs its examples


def _examples() -> Iterator[tuple[str, bytes]]:
    for page in PAGES:
        for number, (_, kind, block) in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8"))):
            if kind == "yaml" and page != FLOWS:
                yield f"{page.stem}-{number}", textwrap.dedent(block).encode()


EXAMPLES = dict(_examples())


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_a_setting_is_accepted_by_the_model_that_reads_it(name: str) -> None:
    written = parse(EXAMPLES[name], name).data
    if "title" in written:
        assert Form.model_validate(written).title == written["title"]
    elif set(written) <= set(Plan.model_fields):
        assert Plan.model_validate(written).model_fields_set == set(written)
    else:
        given = parse((ROOT / "config/practice.yaml").read_bytes(), "practice.yaml").data
        assert Practice.model_validate(given | written).model_fields_set == set(given) | set(written)


_IN_A_CONTAINER = re.compile(
    r"docker compose [^\n]*?(?<!/)\brufweiche (?=[a-z])"
)  # the service, before its command


def _typed() -> Iterator[str]:
    """Give everything that the pages set as code."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        yield from (block for _, kind, block in _BLOCK.findall(text) if kind in ("", "powershell"))
        yield from _SPAN.findall(_BLOCK.sub("", text))


def test_every_command_that_a_page_names_exists() -> None:
    typed = _IN_A_CONTAINER.sub("", "\n".join(_typed()))
    commands = set(getattr(get_command(app), "commands", {}))
    assert set(re.findall(r"(?:^|[\s/(])rufweiche ([a-z]+)", typed, re.MULTILINE)) - commands == set()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", typed)) - targets == set()
    assert set(re.findall(r"\bPART=([a-z_]+)", typed)) - set(parts()) == set()

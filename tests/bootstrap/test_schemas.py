"""The published schemas are those of the models, every file that we ship fits them, and slips do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from callflow.bootstrap.schemas import SCHEMAS, text
from callflow.language.source import parse, read
from tests.support.flows import ROOT

CONFIG = ROOT / "config"
FILES = {
    "flow": sorted(CONFIG.rglob("flows/*.yaml")),
    "form": sorted(CONFIG.glob("forms/*.yaml")),
    "hours": sorted(CONFIG.rglob("hours.yaml")),
    "lines": sorted(CONFIG.rglob("lines.yaml")),
    "practice": sorted(CONFIG.rglob("practice.yaml")),
}
EACH = [(name, path) for name, paths in FILES.items() for path in paths]


def faults(name: str, data: Any) -> list[str]:  # noqa: ANN401  a file's data
    return [error.message for error in jsonschema_rs.validator_for(SCHEMAS[name]()).iter_errors(data)]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_published_as_the_models_have_it(name: str) -> None:
    found = (CONFIG / f"{name}.schema.json").read_text(encoding="utf-8")
    assert found == text(name), "run: python -m callflow.bootstrap.schemas config"


@pytest.mark.parametrize(("name", "path"), EACH, ids=[f"{path.relative_to(CONFIG)}" for _, path in EACH])
def test_every_file_that_we_ship_names_its_schema_and_fits_it(name: str, path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == CONFIG / f"{name}.schema.json"
    assert faults(name, read(path).data) == []


@pytest.mark.parametrize(
    ("name", "slip"),
    [
        ("form", "title: T\nsteps: {s: {title: S, questions: {a: {kind: lang, ask: Was}}}}\n"),
        ("form", "title: T\nfrage: x\n"),
        ("hours", "calendars: {praxis: {week: {mo: ['8 bis 12']}}}\n"),
        ("hours", "calendars: {praxis: {week: {montag: ['08:00-12:00']}}}\n"),
        ("hours", "calendars: {praxis: {land: XX, week: {}}}\n"),
        ("lines", "lines: {telefon: {kind: embeded}}\nnumbers: {}\ndestinations: {}\n"),
        ("practice", "practice: {name: Praxis}\nconcerns: {}\nsmss: {}\n"),
    ],
)
def test_a_slip_is_seen_while_one_types(name: str, slip: str) -> None:
    assert faults(name, parse(slip.encode(), name).data) != []


@pytest.mark.parametrize("written", ["closed", "08:00-12:00", ["8:00-12:00", "14:00–17:00"]])
def test_opening_hours_may_be_written_in_every_way_that_is_read(written: object) -> None:
    assert faults("hours", {"calendars": {"praxis": {"week": {"mo": written}, "bridge_days": written}}}) == []


def test_a_field_is_explained_where_one_types() -> None:
    assert SCHEMAS["form"]()["properties"]["url"]["description"].startswith(
        "https address of an external form"
    )

"""The page of the call flows: a refused reload is shown, an earlier version comes back with a click."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callflow.language import FlowErrors, FolderPrompts, Surroundings
from callflow.language.calendars import load_calendars
from callflow.language.versions import Versions
from callflow.web.app import create_app
from tests.support.browser import Window, free_socket, serving
from tests.support.practice import CONFIG, Practice, open_practice
from tests.support.reception import CONCERNS
from tests.support.stores import Clock

FLOW = CONFIG / "flows" / "praxis.yaml"


def surroundings() -> Surroundings:
    return Surroundings(
        prompts=FolderPrompts(CONFIG.parent / "ivr_prompts"),
        destinations=("empfang", "zentrale"),
        concerns=CONCERNS,
        calendars=load_calendars(CONFIG / "hours.yaml").keys(),
        languages=("de",),
    )


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[tuple[Practice, Versions]]:
    """A practice whose flow has two versions and a third that was refused."""
    listening = free_socket()
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    versions = Versions(tmp_path / "flows", surroundings)
    opened = open_practice(tmp_path, clock, base)
    file = tmp_path / "praxis.yaml"
    source = FLOW.read_text(encoding="utf-8")
    for text in (source, source.replace("destination: empfang", "destination: zentrale")):
        file.write_text(text, encoding="utf-8")
        versions.publish(file, "admin", clock())
        clock.forward(minutes=5)
    file.write_text(source.replace("destination: empfang", "destination: nirgends"), encoding="utf-8")
    with pytest.raises(FlowErrors):
        versions.publish(file, "datei", clock())
    with serving(create_app(replace(opened.house, versions=versions)), listening):
        yield opened, versions
    opened.store.close()


def test_a_refused_file_is_shown_with_its_fault_and_an_earlier_version_comes_back(
    house: tuple[Practice, Versions], browsers: object
) -> None:
    practice, versions = house
    admin = Window(browsers(0), practice.house.public_url)  # type: ignore[operator]
    admin.enter(practice.session("admin"))
    admin.go("/flows")
    in_force = versions.version("praxis")
    assert admin.texts("h2 .tag") == [f"in Kraft: {in_force[:10]}"]
    assert "nirgends" in admin.texts(".notice.urgent")[0]
    assert admin.texts("tbody tr td:nth-child(2)")[0].startswith("abgelehnt")
    admin.click("[action='/flows/praxis/back'] button")
    admin.wait(lambda: "zurückgesetzt" in admin.texts("tbody tr td:nth-child(2)")[0])
    assert versions.version("praxis") != in_force
    assert admin.texts("h2 .tag") == [f"in Kraft: {versions.version('praxis')[:10]}"]
    assert admin.all(".notice.urgent") == []
    admin.driver.get("about:blank")

"""Versions: a broken file never replaces a running flow, and every version can come back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callflow.flow import Flow
from callflow.language import FlowErrors
from callflow.language.build import Built
from callflow.language.versions import Versions
from tests.support.flows import surroundings

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
FLOW = """
flow: kurz
start: gruss
everywhere: {"0": mensch}
include: [ende]
nodes:
  gruss: {say: {text: "Im Notfall wählen Sie 112. Guten Tag, Fassung eins.", then: mensch}}
  mensch: {transfer: {destination: empfang, otherwise: tschuess}}
"""
SHARED = """
fragment: ende
nodes:
  tschuess: {hangup: {prompt: goodbye}}
"""


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "kurz.yaml").write_text(FLOW, encoding="utf-8")
    (folder / "ende.yaml").write_text(SHARED, encoding="utf-8")
    return folder


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "data", surroundings)


def change(flows: Path, old: str, new: str, file: str = "kurz.yaml") -> None:
    path = flows / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_published_flow_is_in_force(flows: Path, versions: Versions) -> None:
    flow = versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert versions.current("kurz") is flow
    assert versions.names() == ("kurz",)
    assert [(entry.action, entry.author) for entry in versions.history("kurz")] == [("published", "mfa")]


def test_the_same_content_again_is_no_new_version(flows: Path, versions: Versions) -> None:
    first = versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "flow: kurz", "flow: kurz   # Anmerkung")
    assert versions.publish(flows / "kurz.yaml", "mfa", AT).version == first.version
    assert len(versions.history("kurz")) == 1


def test_a_broken_file_never_replaces_a_running_flow(flows: Path, versions: Versions) -> None:
    flow = versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "otherwise: tschuess", "otherwise: tschüss")
    with pytest.raises(FlowErrors):
        versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert versions.current("kurz") is flow
    refusal = versions.history("kurz")[-1]
    assert (refusal.action, refusal.version) == ("refused", flow.version)
    assert "tschüss" in refusal.reason


def test_a_call_stays_on_the_version_it_began_with_even_after_a_restart(
    flows: Path, versions: Versions, tmp_path: Path
) -> None:
    first = versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "Fassung eins", "Fassung zwei")
    second = versions.publish(flows / "kurz.yaml", "mfa", AT)
    restarted = Versions(tmp_path / "data", surroundings)
    assert restarted.flow("kurz", first.version) == first
    assert restarted.current("kurz") == second


def test_a_refresh_takes_changed_files_once_and_tells_why_it_refused(flows: Path, versions: Versions) -> None:
    assert [name for name, _ in versions.refresh(flows, "datei", AT)] == ["kurz"]
    assert list(versions.refresh(flows, "datei", AT)) == []
    change(flows, "destination: empfang", "destination: niemand")
    ((name, refusal),) = versions.refresh(flows, "datei", AT)
    assert name == "kurz"
    assert isinstance(refusal, FlowErrors)
    assert [problem.code for problem in refusal.problems] == ["destination-unknown"]
    assert list(versions.refresh(flows, "datei", AT)) == []


def test_a_change_of_a_shared_file_is_a_new_version_of_the_flows_that_use_it(
    flows: Path, versions: Versions
) -> None:
    first = versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "prompt: goodbye", "text: Tschüss.", "ende.yaml")
    ((_, second),) = versions.refresh(flows, "datei", AT)
    assert versions.current("kurz") == second
    assert versions.current("kurz").version != first.version


def test_a_missing_shared_file_is_tried_again_when_it_appears(flows: Path, versions: Versions) -> None:
    (flows / "ende.yaml").rename(flows / "weg.txt")
    assert [isinstance(found, FlowErrors) for _, found in versions.refresh(flows, "datei", AT)] == [True]
    (flows / "weg.txt").rename(flows / "ende.yaml")
    assert [isinstance(found, FlowErrors) for _, found in versions.refresh(flows, "datei", AT)] == [False]


def test_a_rollback_puts_an_earlier_version_in_force_and_the_file_does_not_undo_it(
    flows: Path, versions: Versions
) -> None:
    first = versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "Fassung eins", "Fassung zwei")
    versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert versions.rollback("kurz", first.version, "chefin", AT) == first
    assert list(versions.refresh(flows, "datei", AT)) == []
    assert versions.current("kurz") == first
    assert [entry.action for entry in versions.history("kurz")] == ["published", "published", "rolled_back"]


@pytest.mark.parametrize("version", ["0123456789abcdef", "", "../../geheim"])
def test_a_version_that_never_was_is_a_key_error(versions: Versions, version: str) -> None:
    with pytest.raises(KeyError):
        versions.flow("kurz", version)


def test_a_crash_while_writing_leaves_the_version_in_force(
    flows: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "Fassung eins", "Fassung zwei")

    def crash(_self: Path, _target: Path) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="power cut"):
            versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert versions.version("kurz") == first.version


def test_a_crash_before_a_version_is_in_force_has_the_file_taken_again(
    flows: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.publish(flows / "kurz.yaml", "mfa", AT)
    change(flows, "Fassung eins", "Fassung zwei")

    def crash(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(Versions, "_set", crash)
        with pytest.raises(OSError, match="power cut"):
            versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert versions.changed(flows / "kurz.yaml")


def test_a_file_that_changes_while_it_is_read_is_taken_again(
    flows: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = Versions._accepted  # noqa: SLF001  the moment between reading and publishing

    def meanwhile(own: Versions, built: Built, path: Path) -> Flow:
        change(flows, "Fassung eins", "Fassung zwei")
        return accepted(own, built, path)

    with monkeypatch.context() as edited:
        edited.setattr(Versions, "_accepted", meanwhile)
        versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert versions.changed(flows / "kurz.yaml")


def test_a_flow_in_a_file_of_another_name_is_refused(flows: Path, versions: Versions) -> None:
    change(flows, "flow: kurz", "flow: lang")
    with pytest.raises(FlowErrors) as refusal:
        versions.publish(flows / "kurz.yaml", "mfa", AT)
    assert [problem.code for problem in refusal.value.problems] == ["flow-name"]

"""The manifest knows every prompt, and the example practices' prompts keep its limits."""

from pathlib import Path

import pytest

from callflow.placeholders import asked_for
from callflow.prompts import manifest, shelf
from callflow.prompts.manifest import ManifestError

PROMPTS = Path(__file__).parents[2] / "ivr_prompts"
LANGUAGES = sorted(path.name for path in PROMPTS.iterdir() if path.is_dir())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_has_its_purpose_and_every_purpose_its_prompt(language: str) -> None:
    assert shelf.names(PROMPTS, language) == set(manifest.load(PROMPTS).prompts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_can_be_heard_with_sample_values(language: str) -> None:
    known = manifest.load(PROMPTS)
    facts = {"practice.name", "practice.phone", "practice.address", "practice.hours"}
    for entry in shelf.entries(PROMPTS, [language]):
        assert set(entry.needs) - facts - set(known.values(language, entry.name)) == set(), entry.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_ask_for_the_same_values(language: str) -> None:
    for path in (PROMPTS / "de").rglob("*.j2"):
        other = PROMPTS / language / path.relative_to(PROMPTS / "de")
        assert asked_for(other.read_text(encoding="utf-8")) == asked_for(path.read_text(encoding="utf-8")), (
            path.name
        )


def test_a_prompts_own_samples_come_before_its_languages_and_the_general_ones() -> None:
    known = manifest.load(PROMPTS)
    assert known.values("de", "collect_readback_date")["number"] == "03.05.1950"
    assert known.values("de", "link_readback")["number"] == "0171 2345678"
    assert known.values("en")["request.since"] == "yesterday"


def test_without_a_manifest_every_prompt_has_the_same_limit(tmp_path: Path) -> None:
    assert manifest.load(tmp_path).longest_ms("greeting") == 20_000


@pytest.mark.parametrize(
    "text", ["[", "prompts: {greeting: {longest: 5}}", "prompts: 3", "unknown: {}", "\x00"]
)
def test_a_faulty_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"manifest\.yaml"):
        manifest.load(tmp_path)

"""What stands in ivr_prompts: which prompts there are and which values their templates ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from callflow.placeholders import FAULTY, asked_for
from callflow.prompts.recordings import SUFFIXES
from callflow.prompts.tones import SOUNDS


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to be rendered ahead of all calls.

    Args:
        name: prompt name.
        language: two-letter code.
        text: the template's source, "" for sounds and recordings without a text.
        needs: values that the template asks for, as dotted names.
        digits: one or two digits instead of a prompt.
        final: the digits stand last in their number.
    """

    name: str
    language: str
    text: str = ""
    needs: tuple[str, ...] = ()
    digits: str = ""
    final: bool = False


def entries(folder: Path, languages: Sequence[str]) -> tuple[Entry, ...]:
    """Return everything that can be rendered ahead: sounds, prompts and digits of each language."""
    sounds = (Entry(name, languages[0]) for name in SOUNDS)
    prompts = (entry for language in languages for entry in _prompts(folder, language))
    digits = (entry for language in languages for entry in _digits(language))
    return (*sounds, *prompts, *digits)


def names(folder: Path, language: str) -> frozenset[str]:
    """Return the names of all prompts of a language: templates, recordings and sounds."""
    root = folder / language
    found = {
        path.relative_to(root).with_suffix("").as_posix()
        for suffix in (".j2", *SUFFIXES)
        for path in root.rglob(f"*{suffix}")
    }
    shared = {path.stem for suffix in SUFFIXES for path in folder.glob(f"*{suffix}")}
    return frozenset(found | shared | set(SOUNDS))


def _prompts(folder: Path, language: str) -> Iterator[Entry]:
    for name in sorted(names(folder, language) - set(SOUNDS)):
        path = folder / language / f"{name}.j2"
        source = path.read_text(encoding="utf-8") if path.is_file() else ""
        yield Entry(name, language, " ".join(source.split()), tuple(sorted(asked_for(source) - {FAULTY})))


def _digits(language: str) -> Iterator[Entry]:
    singles = [str(digit) for digit in range(10)]
    pairs = [f"{pair:02d}" for pair in range(100)]
    for digits in (*singles, *pairs):
        for final in (False, True):
            yield Entry(f"digits {digits}", language, digits=digits, final=final)

"""Every prompt, spoken and heard again: a report on how well it can be understood, no verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callflow.effects import Prompt
from callflow.hearing.compare import Comparison, compare
from callflow.prompts import manifest, shelf
from callflow.prompts.studio import Studio

Hear = Callable[[bytes, str], Awaitable[str]]
"""A-law sound and a language to words."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One prompt as a listener took it."""

    name: str
    language: str
    words: Comparison


async def listen(studio: Studio, hear: Hear, languages: Sequence[str], console: Console) -> list[Heard]:
    """Speak every prompt that is made of text and write down what is heard."""
    samples, found = manifest.load(studio.folder), list[Heard]()
    entries = [entry for entry in shelf.entries(studio.folder, languages) if entry.text and not entry.digits]
    for entry in entries:
        values = samples.values(entry.language, entry.name)
        prompt = Prompt(entry.name, language=entry.language, values=tuple(values.items()))
        said = " ".join(piece.text for piece in await studio.pieces(prompt))
        sound = b"".join(studio.cache.frames(clip.key) for clip in await studio.prompt_clips(prompt))
        heard = await hear(sound, entry.language)
        found.append(Heard(entry.name, entry.language, compare(said, heard, entry.language)))
        console.print(f"{len(found)}/{len(entries)} {entry.language} {entry.name}", style="dim", markup=False)
    return found


def table(heard: Sequence[Heard]) -> Table:
    """Return the report."""
    result = Table("Ansage", "", "Wörter", "anders", "gesagt > gehört", title="Gehört / heard")
    for each in heard:
        words = each.words
        told = escape("; ".join(words.differences))
        result.add_row(each.name, each.language, str(words.said), str(words.wrong or ""), told)
    return result


def summary(heard: Sequence[Heard]) -> str:
    """Return the share of words that were heard otherwise."""
    said, wrong = sum(each.words.said for each in heard), sum(each.words.wrong for each in heard)
    return f"{wrong} von {said} Wörtern anders gehört / words heard differently ({wrong / max(said, 1):.1%})"

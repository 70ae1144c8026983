"""A full date in two phrases, day and year, so that each can be a shared clip of its own."""

from __future__ import annotations

from callflow.prompts.normalise import english, german, romance
from callflow.prompts.normalise.words import year

_NOMINATIVE = frozenset({"der", "die", "das", "ist", "heute", ""})


def spoken_date(text: str, language: str) -> tuple[str, str]:
    """Return "der 03.05.1950" as ("der dritte Mai", "neunzehnhundertfünfzig")."""
    before, _, written = text.rpartition(" ")
    day, month, of_year = (int(part) for part in written.split("."))
    if language == "de":
        first = german.date(day, month, None, "" if before.lower() in _NOMINATIVE else "n")
        return f"{before} {first}".strip(), year(of_year, "de")
    if language in romance.WORDS:
        first = romance.date(day, month, language)
        return f"{before} {first}".strip(), romance.year(of_year, language)
    return f"{before} {english.date(day, month, None)}".strip(), year(of_year, "en")

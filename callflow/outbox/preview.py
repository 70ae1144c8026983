"""What the text messages will look like and cost, before the first one is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callflow.outbox import segments, texts
from callflow.outbox.segments import Size
from callflow.tokens import new_token

_KINDS = {"link": texts.link, "reply": texts.reply}
_LATIN = ("de", "en", "fr", "it", "es", "tr")


@dataclass(frozen=True, slots=True)
class Preview:
    """One text in one language.

    Args:
        kind: "link" or "reply".
        language: two-letter code.
        text: with a link as long as a real one.
        size: encoding and segments.
        cents: price of one message, 0 when no price is set.
    """

    kind: str
    language: str
    text: str
    size: Size
    cents: float

    @property
    def strange(self) -> str:
        """Return the characters that make a Latin text cost twice, "" if there are none."""
        return self.size.strange if self.language in _LATIN else ""


def previews(
    practice: str, base: str, languages: Sequence[str], cents_per_segment: float = 0
) -> tuple[Preview, ...]:
    """Return every text in every language.

    Args:
        practice: short name in the text.
        base: where links lead.
        languages: the practice's; ones without a text of their own are left out, they get German.
        cents_per_segment: what the provider charges.
    """
    url = f"{base}/f/{new_token()}"
    return tuple(
        _preview(kind, language, write(language, practice, url), cents_per_segment)
        for kind, write in _KINDS.items()
        for language in languages
        if language in texts.LANGUAGES
    )


def table(rows: Sequence[Preview], language: str = "de") -> str:
    """Write previews down, one line each, and a hint below a text that costs more than it need."""
    lines: list[str] = []
    for row in rows:
        price = f", {row.cents:.1f} ct" if row.cents else ""
        lines.append(
            f"SMS {row.kind} [{row.language}]: {row.size.segments} x {row.size.encoding}{price}: {row.text}"
        )
        if row.strange:
            lines.append(f"  {_HINT.get(language, _HINT['de']).format(strange=row.strange)}")
    return "\n".join(lines)


_HINT = {
    "de": "Die Zeichen „{strange}“ machen diese SMS teurer; ohne sie passt mehr in ein Segment.",
    "en": "The characters “{strange}” make this message dearer; without them more fits a segment.",
}


def _preview(kind: str, language: str, text: str, cents_per_segment: float) -> Preview:
    size = segments.count(text)
    return Preview(kind, language, text, size, size.segments * cents_per_segment)

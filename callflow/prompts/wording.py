"""What a caller would hear, as text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from callflow.effects import Prompt, Spoken
from callflow.numbers import written
from callflow.prompts.studio import Facts
from callflow.prompts.templates import Piece, PromptError, Templates, fill
from callflow.prompts.tones import SOUNDS


class Wording:
    """Turns prompts into readable text.

    Args:
        folder: ivr_prompts.
        facts: values every prompt may speak.
    """

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._facts = facts
        self._templates = lru_cache(lambda language: Templates(folder / language))

    def of(self, spoken: Spoken) -> str:
        """Return the text; a fault in it is shown in its place, so that the walk goes on."""
        if not isinstance(spoken, Prompt):
            return f"[{spoken.key}]"
        if spoken.name in SOUNDS:
            return f"♪ {spoken.name}"
        try:
            return self._text(spoken)
        except PromptError as error:
            return f"⚠ {error}"

    def _text(self, prompt: Prompt) -> str:
        values: Mapping[str, str] = {
            **self._facts.get("", {}),
            **self._facts.get(prompt.language, {}),
            **dict(prompt.values),
        }
        if prompt.name:
            pieces = self._templates(prompt.language).pieces(prompt.name, values)
        else:
            pieces = fill(prompt.text, values)
        return " ".join(map(_readable, pieces)).replace(" .", ".")


def _readable(piece: Piece) -> str:
    return written(piece.text) if piece.kind == "digits" and piece.text.startswith("+") else piece.text

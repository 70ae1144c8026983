"""One question of a form, as `config/forms/*.yaml` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]
Kind = Literal["text", "long", "one", "many", "date", "phone", "files", "consent"]
Stop = Literal["emergency", "call"]
_MOST_FILES = 5
CHOOSING = frozenset({"one", "many"})


class Strict(BaseModel):
    """Base of everything read from form files: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Question(Strict):
    """A question and what counts as its answer.

    Args:
        kind: text (one line), long (several), one (of the choices), many, date, phone, files, consent.
        ask: the question in German; translations are found by this text.
        help: a sentence under it.
        choices: key -> words, for `one` and `many`.
        optional: may stay empty.
        max: most characters of a text; of `files` the most files, 5 at most.
        past: a date must not lie in the future.
        when: asked only if each named question has one of these answers.
        stops: answers that end the form: "emergency" advises 112, "call" advises to call the practice now.
        fill: HTML autocomplete token, e.g. "bday" (WCAG 1.3.5).
        version: of a consent's text; kept with the submission.
    """

    kind: Kind
    ask: Text
    help: str = ""
    choices: Mapping[Name, Text] = Field(default_factory=dict)
    optional: bool = False
    max: int = Field(default=1000, ge=1, le=5000)
    past: bool = True
    when: Mapping[Name, tuple[Name, ...]] = Field(default_factory=dict)
    stops: Mapping[Name, Stop] = Field(default_factory=dict)
    fill: str = ""
    version: str = ""

    @model_validator(mode="after")
    def _sound(self) -> Question:
        if (self.kind in CHOOSING) != bool(self.choices):
            raise ValueError("choices belong to the kinds one and many, and these need them")
        unknown = set(self.stops) - set(self.choices)
        if unknown:
            raise ValueError(f"stops names no choice: {', '.join(sorted(unknown))}")
        if self.kind == "files" and self.max > _MOST_FILES:
            raise ValueError(f"at most {_MOST_FILES} files")
        if self.kind == "consent" and not self.version:
            raise ValueError("a consent needs the version of its text")
        return self

    def texts(self) -> tuple[str, ...]:
        """Return every text of the question that a patient reads."""
        return tuple(text for text in (self.ask, self.help, *self.choices.values()) if text)

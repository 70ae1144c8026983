"""Reads the forms of config/forms/ and their translations; every fault says file, place and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callflow.language.problems import FlowErrors, Problem
from callflow.language.schema import complaint
from callflow.language.source import Source, read
from callflow.web.forms.form import Form, QuestionError, Step
from callflow.web.forms.question import Question

PERSON = "person"
OTHER = "sonstiges"
TRANSLATIONS = "translations"
_KNOWN = (*Form.model_fields, *Step.model_fields, *Question.model_fields)


@dataclass(frozen=True, slots=True)
class Forms:
    """All request forms.

    Args:
        forms: name -> form, each followed by the pages about the person.
        translations: language -> German text -> translated text.
    """

    forms: Mapping[str, Form]
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def form(self, name: str) -> Form:
        """Return the form of that name, or the one for everything else."""
        return self.forms.get(name) or self.forms[OTHER]

    def text(self, german: str, language: str) -> str:
        """Return a form's text in a language, in German where the translation is missing."""
        return self.translations.get(language, {}).get(german, german)

    def untranslated(self, language: str) -> list[str]:
        """Return the texts that lack a translation, in the order of the forms."""
        known = self.translations.get(language, {})
        every = dict.fromkeys(text for form in self.forms.values() for text in form.texts())
        return [text for text in every if text not in known]


def load_forms(folder: Path) -> Forms:
    """Read every form of `folder` and `folder/translations/<language>.yaml`.

    Raises:
        FlowErrors: every fault of all files: one is missing, no YAML, or says something a form cannot mean.
    """
    problems: list[Problem] = []
    names = dict.fromkeys((PERSON, OTHER, *(path.stem for path in sorted(folder.glob("*.yaml")))))
    single = {name: _form(folder / f"{name}.yaml", problems) for name in names}
    translations = {
        path.stem: _translation(path, problems) for path in sorted(folder.glob(f"{TRANSLATIONS}/*.yaml"))
    }
    if problems:
        raise FlowErrors(problems)
    person = single.pop(PERSON)
    assert person is not None  # noqa: S101  else there were problems
    forms = {name: _followed(form, person, folder) for name, form in single.items() if form}
    return Forms(forms, translations)


def _followed(form: Form, person: Form, folder: Path) -> Form:
    try:
        return form.followed_by(person)
    except ValidationError as error:
        raise FlowErrors(_faults(read(folder / f"{PERSON}.yaml"), error)) from None


def _form(path: Path, problems: list[Problem]) -> Form | None:
    """Read a form; its faults join `problems`."""
    try:
        source = _mapping(path)
        return Form.model_validate(source.data)
    except FlowErrors as error:
        problems += error.problems
    except ValidationError as error:
        problems += _faults(source, error)
    return None


def _translation(path: Path, problems: list[Problem]) -> dict[str, str]:
    try:
        source = _mapping(path)
    except FlowErrors as error:
        problems += error.problems
        return {}
    problems += (
        source.problem(
            "value-wrong", (german,), field=german[:40], value=str(odd)[:40], expected="Text / text"
        )
        for german, odd in source.data.items()
        if not isinstance(odd, str)
    )
    return dict(source.data)


def _mapping(path: Path) -> Source:
    source = read(path)
    if not isinstance(source.data, dict):
        raise FlowErrors([source.problem("file-shape", ())])
    return source


def _faults(source: Source, error: ValidationError) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        cause = found.get("ctx", {}).get("error")
        place = _place(source.data, cause) or found["loc"]
        if isinstance(cause, ValueError):
            yield source.problem_at_key("form-odd", place, reason=str(cause))
        else:
            yield complaint(source, place, found, _KNOWN)


def _place(data: Any, cause: object) -> tuple[str, ...]:  # noqa: ANN401  a file's data
    """Return where a question stands that does not fit the others."""
    if not isinstance(cause, QuestionError):
        return ()
    steps = (name for name, step in data.get("steps", {}).items() if cause.question in step["questions"])
    step = next(steps, "")
    return ("steps", step, "questions", cause.question) if step else ()

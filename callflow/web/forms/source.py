"""Reads the forms of config/forms/ and their translations; every fault says file and place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from callflow.web.forms.form import Form, QuestionError

PERSON = "person"
OTHER = "sonstiges"
TRANSLATIONS = "translations"
_MOST_BYTES = 200_000


class FormError(ValueError):
    """A form file that cannot be used; the message names file, line and what is wrong."""


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
        FormError: a file is missing, no YAML, or says something a form cannot mean.
    """
    single = {path.stem: _form(path) for path in sorted(folder.glob("*.yaml"))}
    for name in (PERSON, OTHER):
        if name not in single:
            raise FormError(f"{folder / name}.yaml is missing: every house of forms needs it")
    person = single.pop(PERSON)
    try:
        forms = {name: form.followed_by(person) for name, form in single.items()}
    except ValidationError as error:
        raise FormError(f"{folder / PERSON}.yaml: {error.errors()[0]['msg']}") from error
    translations = {path.stem: _translation(path) for path in sorted(folder.glob(f"{TRANSLATIONS}/*.yaml"))}
    return Forms(forms, translations)


def _form(path: Path) -> Form:
    data = _mapping(path)
    try:
        return Form.model_validate(data)
    except ValidationError as error:
        raise FormError("\n".join(_faults(path, data, error))) from error


def _translation(path: Path) -> dict[str, str]:
    data = _mapping(path)
    for german, translated in data.items():
        if not isinstance(german, str) or not isinstance(translated, str):
            line = data.lc.key(german)[0] + 1
            raise FormError(f"{path}:{line}: a translation maps a German text to a translated one")
    return dict(data)


def _mapping(path: Path) -> CommentedMap:
    text = path.read_text(encoding="utf-8")
    if len(text.encode()) > _MOST_BYTES:
        raise FormError(f"{path}: larger than {_MOST_BYTES} bytes")
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FormError(f"{path}:{line}: {error.problem}") from error
    if not isinstance(data, CommentedMap):
        raise FormError(f"{path}:1: a mapping is expected")
    return data


def _faults(path: Path, data: CommentedMap, error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        place = fault["loc"] or _place(data, fault.get("ctx", {}).get("error"))
        name = ".".join(str(part) for part in place)
        message = fault["msg"].removeprefix("Value error, ")
        yield f"{path}:{_line(data, place)}: {name + ': ' if name else ''}{message}"


def _place(data: CommentedMap, cause: object) -> tuple[str, ...]:
    """Return where a question stands that does not fit the others."""
    if not isinstance(cause, QuestionError):
        return ()
    steps = (name for name, step in data["steps"].items() if cause.question in step["questions"])
    return "steps", next(steps), "questions", cause.question


def _line(data: CommentedMap, place: tuple[int | str, ...]) -> int:
    """Return the line of the deepest part of `place` that stands in the file, counted from 1."""
    line = 1
    node: object = data
    for part in place:
        if not isinstance(node, CommentedMap) or part not in node:
            break
        line = cast("int", node.lc.key(part)[0]) + 1
        node = node[part]
    return line

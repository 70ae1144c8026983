"""The form of a flow file, and pydantic's complaints as problems of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError

from callflow.kinds import KINDS
from callflow.kinds.base import Exit, Language, Part
from callflow.kinds.base import Path as Way
from callflow.language.problems import Problem
from callflow.language.source import Source

NAME = re.compile(r"(?!return$)[a-zäöüß][a-z0-9äöüß_-]{0,59}")
HEADS = ("flow", "subflow", "fragment")

AnyKey = Annotated[str, Field(pattern=r"^[0-9*#]$")]


class Declared(Part):
    """A variable of the call: its type and first value; `of` lists the values of a choice."""

    type: Literal["text", "number", "flag", "choice"] = "text"
    first: str = ""
    of: tuple[str, ...] = ()

    def expected(self) -> str:
        """Say in a few words what values it takes."""
        return {"number": "0-9", "flag": "yes | no", "choice": " | ".join(self.of)}.get(self.type, "text")

    def accepts(self, value: str) -> bool:
        """Judge a value."""
        match self.type:
            case "number":
                return value.isdecimal() or not value
            case "flag":
                return value in ("", "yes", "no")
            case "choice":
                return value in self.of or not value
            case _:
                return True


class Head(Part):
    """A flow file without its nodes.

    Args:
        flow: the flow's name; or `subflow` / `fragment` for files used by flows.
        language: language a call begins in.
        start: first node.
        everywhere: keys that work at every node.
        variables: what a call remembers.
        include: fragments whose nodes belong to this flow.
        nodes: name -> one kind.
    """

    flow: str = ""
    subflow: str = ""
    fragment: str = ""
    language: Language = "de"
    start: Exit = ""
    everywhere: dict[AnyKey, str] = Field(default_factory=dict)
    variables: dict[str, Declared] = Field(default_factory=dict)
    include: tuple[str, ...] = ()
    nodes: dict[str, dict[str, Any]] = Field(default_factory=dict)


_EXPECTED = {
    "int_type": ("eine ganze Zahl", "a whole number"),
    "int_parsing": ("eine ganze Zahl", "a whole number"),
    "int_from_float": ("eine ganze Zahl", "a whole number"),
    "bool_type": ("true oder false", "true or false"),
    "bool_parsing": ("true oder false", "true or false"),
    "string_type": ("Text in Anführungszeichen", "text in quotes"),
    "dict_type": ("Einträge „name: wert“, weiter eingerückt", "entries `name: value`, indented further"),
    "model_type": ("Einträge „name: wert“, weiter eingerückt", "entries `name: value`, indented further"),
    "model_attributes_type": (
        "Einträge „name: wert“, weiter eingerückt",
        "entries `name: value`, indented further",
    ),
    "tuple_type": ("eine Liste", "a list"),
    "too_short": ("mindestens ein Eintrag", "at least one entry"),
    "ip_v4_network": ("ein Netz wie 192.168.10.0/24", "a network such as 192.168.10.0/24"),
}


_UNHANDLED = {"no_input": ("Stille", "silence"), "no_match": ("einer falschen Taste", "a wrong key")}


def complaints(
    source: Source, way: Way, error: ValidationError, fields: Iterable[str] | type[BaseModel]
) -> Iterator[Problem]:
    """Translate pydantic's errors about the part at `way`.

    Args:
        source: the file.
        way: to the part that was judged.
        error: what pydantic says.
        fields: what may stand there, or the model that says so at every depth.
    """
    for found in error.errors(include_url=False):
        place = _written(_at(source.data, way), tuple(part for part in found["loc"] if part != "[key]"))
        known = _fields(fields, found["loc"]) if isinstance(fields, type) else tuple(fields)
        yield complaint(source, (*way, *place), found, known)


def _at(data: object, way: Way) -> object:
    for part in way:
        data = data[part] if isinstance(data, dict) and part in data else None
    return data


def _written(data: object, place: Way) -> Way:
    """Leave out what pydantic adds to a place and nobody wrote: the tags of unions."""
    kept: list[str | int] = []
    for number, part in enumerate(place, 1):
        inside = isinstance(data, dict) and part in data
        if not (inside or isinstance(part, int) or number == len(place)):
            continue
        kept.append(part)
        data = data[part] if inside and isinstance(data, dict) else _item(data, part)
    return tuple(kept)


def _item(data: object, part: str | int) -> object:
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def _fields(model: type[BaseModel], place: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the fields of the part in which the last of `place` stands."""
    found: list[object] = [model]
    for part in place[:-1]:
        found = [each for kind in found for each in _below(kind, part)]
    return tuple(dict.fromkeys(name for each in found if _is_model(each) for name in each.model_fields))


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _below(kind: object, part: str | int) -> list[object]:
    """Return what a type holds at `part`: a model's field, a container's items, a union's member."""
    if _is_model(kind):
        if part in kind.model_fields:
            return _members(kind.model_fields[str(part)].annotation)
        tag = kind.model_fields.get("kind")
        return [kind] if tag is not None and part in get_args(tag.annotation) else []
    held = [each for each in get_args(kind) if each is not Ellipsis]
    return _members(held[-1]) if held else []


def _members(annotation: object) -> list[object]:
    """Return the types that a field may have."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [each for member in get_args(annotation) for each in _members(member)]
    return [annotation]


def complaint(source: Source, way: Way, found: Mapping[str, Any], known: tuple[str, ...]) -> Problem:
    """Translate one of pydantic's errors, at `way`; `known` are the fields that may have been meant."""
    names = [part for part in way if isinstance(part, str)]
    name = names[-1] if names else Path(source.file).name
    match found["type"]:
        case "missing" if name in _UNHANDLED:
            german, english = _UNHANDLED[name]
            return source.problem_at_key(
                "menu-unhandled", way[:-1], field=name, german=german, english=english
            )
        case "missing":
            return source.problem_at_key("field-missing", way[:-1], field=name)
        case "extra_forbidden":
            return source.problem_at_key("field-unknown", way, field=name, suggestion=suggestion(name, known))
        case "union_tag_not_found" | "union_tag_invalid":
            return _tagged(source, way, found)
        case "string_type" if isinstance(found["input"], int | float):
            return source.problem("unquoted", way, value=str(found["input"])[:40])
    return source.problem(
        "value-wrong", way, field=name, value=_shown(found["input"]), expected=_expected(found)
    )


def _shown(value: object) -> str:
    match value:
        case str() | int() | float():
            return repr(value)[:40]
        case None:
            return "nichts / nothing"
        case dict():
            return "Einträge / entries"
        case _:
            return "Liste / list"


def _expected(found: Mapping[str, Any]) -> str:
    if words := _EXPECTED.get(found["type"]):
        return " / ".join(words)
    context = found.get("ctx", {})
    if "https?://" in str(context.get("pattern", "")):
        return "https://praxis.example"
    for name, sign in (
        ("ge", "≥"),
        ("gt", ">"),
        ("le", "≤"),
        ("lt", "<"),
        ("max_length", "≤"),
        ("min_length", "≥"),
    ):
        if name in context:
            return f"{sign} {context[name]}"
    if expected := context.get("expected"):
        return _listed(expected)
    return str(context.get("pattern") or found["msg"].removeprefix("Value error, "))


def _tagged(source: Source, way: Way, found: Mapping[str, Any]) -> Problem:
    """Tell of the missing or wrong word by which members of a union are told apart."""
    context = found["ctx"]
    field = str(context["discriminator"]).strip("'")
    if found["type"] == "union_tag_not_found":
        return source.problem_at_key("field-missing", way, field=field)
    shown, expected = repr(context["tag"])[:40], _listed(context["expected_tags"])
    return source.problem("value-wrong", (*way, field), field=field, value=shown, expected=expected)


def _listed(expected: str) -> str:
    """Write pydantic's "'a', 'b' or 'c'" in words that both languages share."""
    return expected.replace(" or ", ", ").replace("'", "")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Guess what was meant, in words that both languages share."""
    names = sorted(known)
    if near := get_close_matches(name, names, n=1, cutoff=0.6):
        return f"→ „{near[0]}“?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")  # noqa: PLR2004  # one line on a screen
    return f"→ {shown}" if shown else "→ -"


def kind_names() -> str:
    """List the kinds."""
    return ", ".join(KINDS)

"""Lints of what is said: texts exist, are short, ask only for values there are, and name 112 first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from callflow.kinds.base import Path as Way
from callflow.kinds.base import Speaking
from callflow.language.build import Built, Written
from callflow.language.graph import Graph
from callflow.language.problems import Problem
from callflow.language.schema import suggestion
from callflow.language.surroundings import PRACTICE_VALUES, Surroundings, asked_for

SIGNS_A_SECOND = 14
"""Speed of the built-in voice, in characters a second (measured on the example practice's texts)."""

LONG_SECONDS = 12
LONG_GREETING_SECONDS = 20
MOST_SECONDS = 90
_SENTENCE = re.compile(r"[.!?](?:\s|$)")
_MARKS = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{\s*[a-z][a-z0-9_.]{0,60}\s*\}\}")
_SPACED_112 = re.compile(r"\b(1\s?1\s?2|eins\s?eins\s?zwei|one\s?one\s?two)\b", re.IGNORECASE)


def spoken_languages(built: Built) -> tuple[str, ...]:
    """List the languages a call can be spoken in: its first one and those its nodes switch to."""
    others = {name for written in built.nodes.values() for name in written.node.languages()}
    return tuple(sorted({built.head.language, *others}))


def check_words(built: Built, around: Surroundings) -> Iterator[Problem]:
    """Check all texts of all nodes."""
    languages = [name for name in spoken_languages(built) if name in around.languages]
    always = {*PRACTICE_VALUES, *built.variables}
    always.update(name for written in built.nodes.values() for name in written.node.defines)
    for name, written in built.nodes.items():
        known = always | set(written.node.speaks)
        limit = LONG_GREETING_SECONDS if name == built.head.start else LONG_SECONDS
        for found in written.node.references():
            if found.what == "prompt":
                way = (*written.way, *found.path)
                for language in languages:
                    yield from _prompt(written, way, found.value, language, around, known, limit)
        if isinstance(written.node, Speaking) and written.node.text:
            yield from _inline(written, written.node.text, known, limit)


def _prompt(  # noqa: PLR0913 - one prompt in one language at one place
    written: Written, way: Way, name: str, language: str, around: Surroundings, known: set[str], limit: int
) -> Iterator[Problem]:
    text = around.prompts.text(name, language)
    if text is None:
        yield written.source.problem("prompt-unknown", way, name=name, language=language, suggestion="")
        return
    asked = around.prompts.placeholders(name, language)
    if "?" in asked:
        yield written.source.problem("template-broken", way, name=name, language=language)
        return
    yield from _unknown(written, way, asked, known)
    yield from _length(written, way, text, limit)


def _inline(written: Written, text: str, known: set[str], limit: int) -> Iterator[Problem]:
    way = (*written.way, "text")
    if any(mark in _PLACEHOLDER.sub("", text) for mark in ("{{", "}}", "{%", "{#")):
        yield written.source.problem("text-template", way)
        return
    yield from _unknown(written, way, asked_for(text), known)
    yield from _length(written, way, text, limit)


def _unknown(written: Written, way: Way, asked: Iterable[str], known: set[str]) -> Iterator[Problem]:
    for name in sorted(set(asked) - known):
        yield written.source.problem("placeholder-unknown", way, name=name, suggestion=suggestion(name, known))


def _length(written: Written, way: Way, text: str, limit: int) -> Iterator[Problem]:
    seconds = seconds_of(text)
    if seconds > MOST_SECONDS:
        yield written.source.problem("prompt-overlong", way, seconds=str(seconds), most=str(MOST_SECONDS))
    elif seconds > limit:
        found = written.source.problem("prompt-long", way, seconds=str(seconds), most=str(limit))
        yield replace(found, severity="warning")


def seconds_of(text: str) -> int:
    """Estimate how long a text takes to speak; placeholders count as a short word."""
    return round(len(" ".join(_MARKS.sub("Wort Wort", text).split())) / SIGNS_A_SECOND)


def first_words(built: Built, around: Surroundings, graph: Graph) -> Iterator[Problem]:
    """Demand that whatever a caller hears first names 112 in its first sentence."""
    for name in _first_speakers(built, graph):
        written = built.nodes[name]
        texts = _texts(written, built, around)
        if not texts:
            yield written.source.problem("first-silent", written.name_way, at_key=True)
        elif not all(_names_112(text) for text in texts):
            yield written.source.problem("first-112", written.name_way, at_key=True)


def _first_speakers(built: Built, graph: Graph) -> list[str]:
    seen, waiting, found = {built.head.start}, deque([built.head.start]), []
    while waiting:
        name = waiting.popleft()
        written = built.nodes[name]
        if written.node.waits or written.node.final:
            found.append(name)
            continue
        waiting.extend(graph.edges[name] - seen)
        seen |= graph.edges[name]
    return sorted(found)


def _texts(written: Written, built: Built, around: Surroundings) -> list[str]:
    node = written.node
    if not isinstance(node, Speaking):
        return []
    if node.text:
        return [node.text]
    return [around.prompts.text(node.prompt, built.head.language) or ""] if node.prompt else []


def _names_112(text: str) -> bool:
    spoken = " ".join(_MARKS.sub(" ", text).split())
    end = _SENTENCE.search(spoken)
    return bool(_SPACED_112.search(spoken[: end.start()] if end else spoken))

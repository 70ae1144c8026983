"""Lints of what is said: texts exist, are short, ask only for values there are, and name 112 first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from callflow.kinds.base import APOLOGY, Speaking
from callflow.kinds.base import Path as Way
from callflow.language.build import Built, Written
from callflow.language.graph import Graph
from callflow.language.problems import Problem
from callflow.language.schema import suggestion
from callflow.language.surroundings import PRACTICE_VALUES, Surroundings
from callflow.placeholders import asked_for, longest

LONG_SECONDS = 12
LONG_GREETING_SECONDS = 20
MOST_SECONDS = 60
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
    for language in languages:
        if around.prompts.text(APOLOGY, language) is None:
            yield built.source.problem("prompt-unknown", (), name=APOLOGY, language=language, suggestion="")
    always = {*PRACTICE_VALUES, *built.variables}
    always.update(name for written in built.nodes.values() for name in written.node.defines)
    for name, written in built.nodes.items():
        known = always | set(written.node.speaks)
        limit = LONG_GREETING_SECONDS if name == built.head.start else LONG_SECONDS
        for found in written.node.references():
            if found.what == "prompt":
                way = (*written.way, *found.path)
                most = MOST_SECONDS if found.path == ("music",) else limit
                yield from _prompt(_Said(written, way, known, most), found.value, languages, around)
        if isinstance(written.node, Speaking) and written.node.text:
            yield from _inline(_Said(written, (*written.way, "text"), known, limit), written.node.text)


@dataclass(frozen=True, slots=True)
class _Said:
    """A place where something is said: which values there are and how many seconds it should take at most."""

    written: Written
    way: Way
    known: set[str]
    limit: int

    def problem(self, code: str, **values: str) -> Problem:
        return self.written.source.problem(code, self.way, **values)


def _prompt(said: _Said, name: str, languages: Iterable[str], around: Surroundings) -> Iterator[Problem]:
    for language in languages:
        text = around.prompts.text(name, language)
        asked = around.prompts.placeholders(name, language)
        if text is None:
            yield said.problem("prompt-unknown", name=name, language=language, suggestion="")
        elif "?" in asked:
            yield said.problem("template-broken", name=name, language=language)
        else:
            yield from _unknown(said, asked)
            yield from _length(said, text)


def _inline(said: _Said, text: str) -> Iterator[Problem]:
    if any(mark in _PLACEHOLDER.sub("", text) for mark in ("{{", "}}", "{%", "{#")):
        yield said.problem("text-template")
        return
    yield from _unknown(said, asked_for(text))
    yield from _length(said, text)


def _unknown(said: _Said, asked: Iterable[str]) -> Iterator[Problem]:
    for name in sorted(set(asked) - said.known):
        yield said.problem("placeholder-unknown", name=name, suggestion=suggestion(name, said.known))


def _length(said: _Said, text: str) -> Iterator[Problem]:
    seconds = seconds_of(text)
    if seconds > MOST_SECONDS:
        yield said.problem("prompt-overlong", seconds=str(seconds), most=str(MOST_SECONDS))
    elif seconds > said.limit:
        found = said.problem("prompt-long", seconds=str(seconds), most=str(said.limit))
        yield replace(found, severity="warning")


def seconds_of(text: str) -> int:
    """Estimate how long a text takes to speak at most."""
    return round(longest(text))


def first_words(built: Built, around: Surroundings, graph: Graph) -> Iterator[Problem]:
    """Demand that whatever a caller hears first names 112 in its first sentence."""
    for name in _first_speakers(built, graph):
        written = built.nodes[name]
        texts = _texts(written, built, around)
        if not texts:
            yield written.source.problem_at_key("first-silent", written.name_way)
        elif not all(_names_112(text) for text in texts):
            yield written.source.problem_at_key("first-112", written.name_way)


def _first_speakers(built: Built, graph: Graph) -> list[str]:
    seen, waiting, found = {built.head.start}, deque([built.head.start]), []
    while waiting:
        name = waiting.popleft()
        written = built.nodes[name]
        node = written.node
        if node.waits or node.ends or isinstance(node, Speaking):
            found.append(name)
        if node.waits or node.ends:
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

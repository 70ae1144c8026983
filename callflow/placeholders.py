"""Which values a prompt asks for: pure reading of texts, nothing is rendered.

A prompt file is a Jinja2 template; an inline text of a flow knows only plain placeholders such as
`{{ practice.name }}`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

PLACEHOLDER = re.compile(r"\{\{\s*([a-z][a-z0-9_.]{0,60})\s*\}\}")
"""A placeholder of an inline text; group 1 is its dotted name."""

FAULTY = "?"
"""What a template with a fault asks for."""

_READER = ImmutableSandboxedEnvironment(autoescape=False)  # speech, not HTML; it only parses
_READER.filters["digits"] = str


def asked_for(template: str) -> frozenset[str]:
    """Return the dotted names a template asks values for; `FAULTY` alone for a template with a fault."""
    try:
        tree = _READER.parse(template)
    except TemplateSyntaxError:
        return frozenset({FAULTY})
    # jinja2.meta would run the compiler, which folds constants: 'a' * 10**10 takes its memory unrendered
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    inner = {id(node.node) for node in tree.find_all(nodes.Getattr)}
    outer = (node for node in tree.find_all((nodes.Getattr, nodes.Name)) if id(node) not in inner)
    return frozenset(name for name in map(_dotted, outer) if name.split(".")[0] not in own | {""})


def inline(text: str) -> frozenset[str]:
    """Return the dotted names an inline text asks values for."""
    return frozenset(PLACEHOLDER.findall(text))


def _dotted(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_dotted(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


PHONE_SECONDS = 5.3
_PHONES = dict.fromkeys(("number", "phone", "deputy_phone"), PHONE_SECONDS)
VALUE_SECONDS = {**_PHONES, "next": 3.5, "name": 2.0}
OTHER_SECONDS = 1.0
"""How long values take that are not known yet, by the last part of their name."""

LETTER_SECONDS, DIGIT_SECONDS, PAUSE_SECONDS = 0.068, 0.37, 0.37
"""Speed of the built-in voice, fitted to the durations of the shipped prompts (mean error 0.9 s)."""


def longest(template: str) -> float:
    """Estimate how many seconds a template takes to speak at most: of alternatives the longest counts.

    A template with a fault counts as plain text.
    """
    try:
        return _sum(_READER.parse(template).body)
    except TemplateSyntaxError:
        return _spoken(template)


def _spoken(text: str) -> float:
    digits = sum(sign.isdecimal() for sign in text)
    letters = sum(sign.isalpha() for sign in text)
    pauses = sum(sign in ".?!:," for sign in text)
    return letters * LETTER_SECONDS + digits * DIGIT_SECONDS + pauses * PAUSE_SECONDS


def _sum(parts: Sequence[nodes.Node]) -> float:
    return sum(_seconds(part) for part in parts)


def _seconds(part: nodes.Node) -> float:
    match part:
        case nodes.TemplateData():
            return _spoken(part.data)
        case nodes.Output():
            return _sum(part.nodes)
        case nodes.If():
            return max(_sum(part.body), *(_seconds(other) for other in part.elif_), _sum(part.else_))
        case nodes.Filter() if part.node is not None:
            return _seconds(part.node)
        case nodes.Name() | nodes.Getattr():
            return VALUE_SECONDS.get(_dotted(part).rpartition(".")[2], OTHER_SECONDS)
        case _:
            return _sum(list(part.iter_child_nodes()))

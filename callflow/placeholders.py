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


VALUE_SIGNS = 10
"""Length that a value is taken to have before it is known."""


def longest(template: str) -> int:
    """Estimate the signs that a template can come to at most: of alternatives the longest counts.

    A template with a fault counts with all its signs.
    """
    try:
        return _signs(_READER.parse(template).body)
    except TemplateSyntaxError:
        return len(template)


def _signs(parts: Sequence[nodes.Node]) -> int:
    return sum(_length(part) for part in parts)


def _length(part: nodes.Node) -> int:
    match part:
        case nodes.TemplateData():
            return len(" ".join(part.data.split()))
        case nodes.Output():
            return _signs(part.nodes)
        case nodes.If():
            return max(_signs(part.body), *(_length(other) for other in part.elif_), _signs(part.else_))
        case nodes.Expr():
            return VALUE_SIGNS
        case _:
            return _signs(list(part.iter_child_nodes()))

"""What stands in ivr_prompts: which prompts there are and which values their templates ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callflow.prompts.recordings import SUFFIXES
from callflow.prompts.tones import SOUNDS

_ENVIRONMENT = ImmutableSandboxedEnvironment()  # parses only, never renders
_ENVIRONMENT.filters["digits"] = str


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to be rendered ahead of all calls.

    Args:
        name: prompt name.
        language: two-letter code.
        text: the template's source, "" for sounds and recordings without a text.
        needs: values that the template asks for, as dotted names.
        digits: one or two digits instead of a prompt.
        final: the digits stand last in their number.
    """

    name: str
    language: str
    text: str = ""
    needs: tuple[str, ...] = ()
    digits: str = ""
    final: bool = False


def entries(folder: Path, languages: Sequence[str]) -> tuple[Entry, ...]:
    """Return everything that can be rendered ahead: sounds, prompts and digits of each language."""
    sounds = (Entry(name, languages[0]) for name in SOUNDS)
    prompts = (entry for language in languages for entry in _prompts(folder, language))
    digits = (entry for language in languages for entry in _digits(language))
    return (*sounds, *prompts, *digits)


def names(folder: Path, language: str) -> frozenset[str]:
    """Return the names of all prompts of a language: templates, recordings and sounds."""
    root = folder / language
    found = {
        path.relative_to(root).with_suffix("").as_posix()
        for suffix in (".j2", *SUFFIXES)
        for path in root.rglob(f"*{suffix}")
    }
    shared = {path.stem for suffix in SUFFIXES for path in folder.glob(f"*{suffix}")}
    return frozenset(found | shared | set(SOUNDS))


def needs(source: str) -> tuple[str, ...]:
    """Return the values a template asks for, as sorted dotted names; () if it has a fault."""
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError:
        return ()
    local = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    inner = {id(node.node) for node in tree.find_all(nodes.Getattr)}
    outer = (node for kind in (nodes.Getattr, nodes.Name) for node in tree.find_all(kind))
    found = {_dotted(node) for node in outer if id(node) not in inner}
    return tuple(sorted(name for name in found if name and name.partition(".")[0] not in local))


def _dotted(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        head = _dotted(node.node)
        return f"{head}.{node.attr}" if head else ""
    return ""


def _prompts(folder: Path, language: str) -> Iterator[Entry]:
    for name in sorted(names(folder, language) - set(SOUNDS)):
        path = folder / language / f"{name}.j2"
        source = path.read_text(encoding="utf-8") if path.is_file() else ""
        yield Entry(name, language, " ".join(source.split()), needs(source))


def _digits(language: str) -> Iterator[Entry]:
    singles = [str(digit) for digit in range(10)]
    pairs = [f"{pair:02d}" for pair in range(100)]
    for digits in (*singles, *pairs):
        for final in (False, True):
            yield Entry(f"digits {digits}", language, digits=digits, final=final)

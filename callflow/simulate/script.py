"""What the caller and the far end do in a simulated call, as typed: "1 1", "!9", "-", "besetzt", "x"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from callflow.effects import Gather, LineEffect, Play, Record, Transfer

FarEnd = Literal["answered", "busy", "no_answer", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys; `early` presses into an announcement instead of waiting for the question."""

    keys: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Press nothing until the time runs out."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Hang up."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Speak a message of so many seconds; 0 says nothing."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Ring:
    """What becomes of a transfer."""

    answer: FarEnd


Deed = Press | Wait | Quit | Talk | Ring

_WORDS: Mapping[str, Deed] = {
    "-": Wait(),
    "warten": Wait(),
    "wait": Wait(),
    "x": Quit(),
    "auflegen": Quit(),
    "hangup": Quit(),
    "angenommen": Ring("answered"),
    "answered": Ring("answered"),
    "besetzt": Ring("busy"),
    "busy": Ring("busy"),
    "keiner": Ring("no_answer"),
    "no_answer": Ring("no_answer"),
    "abgelehnt": Ring("refused"),
    "refused": Ring("refused"),
    "gestört": Ring("failed"),
    "failed": Ring("failed"),
}
_PRESS = re.compile(r"(!?)([0-9*A-D]{1,24})#?")
_QUEUE = re.compile(r"(free|busy|closed)(?::([0-9]{1,3}))?(?::([0-9]{1,3}))?")
_TALK = re.compile(r"(?:spricht|talk):(\d{1,3})")


class ScriptError(ValueError):
    """A word of the script that means nothing."""


def read(script: str) -> tuple[Deed, ...]:
    """Read a script: words between blanks or commas.

    Raises:
        ScriptError: an unknown word; the message lists those that are known.
    """
    return tuple(deed(word) for word in re.split(r"[\s,]+", script.strip()) if word)


def deed(word: str) -> Deed:
    """Read one word: keys ("1", "!9" into the announcement), "-", "x", "besetzt", "spricht:12", ...

    Raises:
        ScriptError: the word means nothing.
    """
    if known := _WORDS.get(word.lower()):
        return known
    if pressed := _PRESS.fullmatch(word):
        return Press(pressed[2], early=bool(pressed[1]))
    if talk := _TALK.fullmatch(word.lower()):
        return Talk(int(talk[1]))
    words = ", ".join(_WORDS)
    raise ScriptError(
        f"{word!r} ist unbekannt: Tasten (1), Tasten in die Ansage (!9), spricht:12, {words}\n"
        f"{word!r} is unknown: keys (1), keys into the prompt (!9), talk:12, {words}"
    )


def queue(text: str) -> tuple[dict[str, str], ...]:
    """Read the answers to questions about the hold queue, in order: "busy:2:4 free", with place and minutes.

    Raises:
        ScriptError: an answer that the queue does not give.
    """
    return tuple(_answer(word) for word in re.split(r"[\s,]+", text.strip()) if word)


def _answer(word: str) -> dict[str, str]:
    found = _QUEUE.fullmatch(word)
    if found is None:
        raise ScriptError(
            f"--queue: {word!r} ist keine Antwort der Warteschlange: free, closed, busy, busy:2 (Platz), "
            f"busy:2:4 (Platz, Minuten)\n"
            f"--queue: {word!r} is no answer of the queue: free, closed, busy, busy:2 (place), "
            f"busy:2:4 (place, minutes)"
        )
    named = zip(("answer", "position", "minutes"), found.groups(), strict=True)
    return {name: value for name, value in named if value}


def fits(done: Deed, effect: LineEffect) -> bool:
    """Tell whether the line that does `effect` can take this deed."""
    match done:
        case Press(early=early):
            return isinstance(effect, Play) if early else isinstance(effect, Gather)
        case Wait():
            return isinstance(effect, Gather)
        case Talk():
            return isinstance(effect, Record)
        case Ring():
            return isinstance(effect, Transfer)
        case Quit():
            return not isinstance(effect, Play)


def default(effect: LineEffect) -> Deed:
    """Return what happens where nothing is scripted: silence, an empty message, an answered transfer."""
    match effect:
        case Transfer():
            return Ring("answered")
        case Record():
            return Talk(0)
        case _:
            return Wait()

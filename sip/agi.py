"""Asterisk Gateway Interface: the commands we give a channel and the results it gives back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

KEYS = "0123456789*#ABCD"
QUIET = "EXEC PlayTones 0/1000"  # a tone of no frequency: sound goes on flowing, nothing is heard
ANSWER = "ANSWER"
NOTHING = "NOOP"
LEAVE = "ASYNCAGI BREAK"
_RESULT = re.compile(r"(\d{3})[ -](?:result=(-?\d+))?(?:\s*\(([^)]*)\))?(?:.*?endpos=(\d+))?")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to.

    Args:
        code: 200 when the command was carried out, 511 on a dead channel, 520 for bad syntax, 0 when its
            result was lost with the connection.
        value: the number after `result=`; for sound the key that stopped it as ASCII code, -1 on failure.
        text: what stands in parentheses, for a variable its value.
        samples: how much was played or recorded, at 8,000 a second.
    """

    code: int
    value: int = 0
    text: str = ""
    samples: int = 0

    @property
    def key(self) -> str:
        """The key that stopped the sound, "" for none."""
        return chr(self.value) if self.code == 200 and self.value > 0 else ""  # noqa: PLR2004


LOST = Result(0)
GONE = Result(511, -1)


def parse(encoded: str) -> Result:
    """Read the URL-encoded result of an AsyncAGIExec event; what is none reads as a failure."""
    found = _RESULT.match(unquote(encoded))
    if found is None:
        return Result(520, -1)
    code, value, text, samples = found.groups()
    return Result(int(code), int(value or 0), text or "", int(samples or 0))


def environment(encoded: str) -> dict[str, str]:
    """Read the URL-encoded environment of an AsyncAGIStart event, keys without their "agi_"."""
    pairs = (line.partition(": ") for line in unquote(encoded).split("\n"))
    return {key.removeprefix("agi_"): value for key, colon, value in pairs if colon}


def play(file: str, keys: str, samples: int = 0) -> str:
    """Play a sound file (path without suffix) from a sample on until its end or one of `keys`."""
    return f'STREAM FILE {_quoted(file)} "{keys}"' + (f" {samples}" if samples else "")


def record(file: str, keys: str, max_ms: int, silence_ms: int) -> str:
    """Record A-law to a file (path without suffix) until a key, silence or the time's end."""
    quiet = f" s={max(1, round(silence_ms / 1000))}" if silence_ms else ""
    return f'RECORD FILE {_quoted(file)} alaw "{keys}" {max_ms}{quiet}'


def subroutine(context: str, *arguments: str) -> str:
    """Run a subroutine of the dialplan and come back.

    Raises:
        ValueError: an argument would fall apart in the dialplan.
    """
    if any(set(argument) & set(',"()\\') for argument in arguments):
        raise ValueError("a dialplan argument holds a comma, quote or parenthesis")
    return f'GOSUB {context} s 1 "{",".join(arguments)}"'


def value_of(expression: str) -> str:
    """Ask for an expression of variables."""
    return f"GET FULL VARIABLE {_quoted(expression)}"


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text:
        raise ValueError("an AGI argument holds a quote or backslash")
    return f'"{text}"'

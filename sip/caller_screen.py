"""The terminal around `sip.caller`: scripted or live keys, a level meter, a summary and an exit status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from sip.caller import Report, SmallPhone, Talk, own_address
from sip.hearing import Hearing
from sip.key_script import Entry, KeyScriptError, parse

STAY_S = 120.0  # longest stay after the last scripted key
METER_S = 0.1
_METER_WIDTH = 30
_METER_FLOOR = -60.0  # dBFS shown as an empty meter
_KEYS = "0123456789*#ABCD"
_OUTCOMES = {
    "busy": ("besetzt", "busy"),
    "no_answer": ("keine Antwort", "no answer"),
    "refused": ("abgelehnt", "refused"),
    "failed": ("nicht erreichbar", "failed"),
    "ended": ("abgebrochen", "given up"),
}
_ENDED = {
    "caller": ("die Gegenseite hat aufgelegt", "the far side hung up"),
    "us": ("wir haben aufgelegt", "we hung up"),
    "error": ("Verbindung verloren", "connection lost"),
    None: ("noch verbunden", "still connected"),
}


class CallError(ValueError):
    """What was typed says no call; the text says why, German first."""


def call(to: str, number: str = "", keys: str = "", record: Path | None = None) -> int:
    """Make a call in the terminal; return the exit status: 0 after an answered call, 1 otherwise.

    Args:
        to: SIP URI, e.g. "sip:praxis@127.0.0.1:5060".
        number: calling number to show, "" withholds it.
        keys: script, see `sip.key_script`; "" takes keys from the terminal.
        record: WAV file for what is heard.

    Raises:
        CallError: the script or the address cannot be read.
        OSError: the address's host cannot be reached, or the WAV file cannot be written.
    """
    script = _script(keys)
    _check_address(to)
    if record is not None:
        record.open("ab").close()  # to find out before the call, not after it
    return asyncio.run(_call(to, re.sub(r"[\s/()-]", "", number), script, record))


def _script(keys: str) -> tuple[Entry, ...]:
    try:
        return parse(keys) if keys else ()
    except KeyScriptError as error:
        raise CallError(
            "--keys: Tasten (1, 0171#), Pausen (2s, 500ms) oder x, durch Komma getrennt.\n"
            f"--keys: {error}; entries are separated by commas."
        ) from None


def _check_address(to: str) -> None:
    try:
        own_address(to)
    except ValueError as error:
        raise CallError(
            f"--to: {to!r} ist keine SIP-Adresse; zum Beispiel sip:praxis@127.0.0.1:5060.\n"
            f"--to: {to!r} is no SIP URI ({error}), e.g. sip:praxis@127.0.0.1:5060."
        ) from None


async def _call(to: str, number: str, script: tuple[Entry, ...], record: Path | None) -> int:
    async with SmallPhone(own_address(to)) as phone:
        talk = phone.dial(to, number)
        if await talk.answered():
            await _converse(talk, script)
        report = talk.report()
        if record is not None:
            talk.hearing.save(record)
    print("\n".join(summary(report)))  # noqa: T201 - the command's answer
    return 0 if report.outcome == "answered" else 1


async def _converse(talk: Talk, script: tuple[Entry, ...]) -> None:
    meter = asyncio.create_task(_meter(talk.hearing))
    try:
        if script:
            await talk.follow(script)
            await talk.over(STAY_S)
        else:
            with _live_keys(talk):
                await talk.ended
    finally:
        meter.cancel()


async def _meter(hearing: Hearing) -> None:
    while sys.stdout.isatty():
        sys.stdout.write("\r" + meter_line(len(hearing.alaw) / 8000, hearing.dbfs))
        sys.stdout.flush()
        await asyncio.sleep(METER_S)


def meter_line(seconds: float, dbfs: float) -> str:
    """Return one line of the meter."""
    bars = round(_METER_WIDTH * (1 - max(dbfs, _METER_FLOOR) / _METER_FLOOR))
    return f"{seconds:6.1f} s  [{'#' * bars:<{_METER_WIDTH}}] {dbfs:6.1f} dBFS "


@contextlib.contextmanager
def _live_keys(talk: Talk) -> Iterator[None]:
    if not sys.stdin.isatty():
        yield
        return
    loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    tty.setcbreak(stdin)
    loop.add_reader(stdin, lambda: _typed(talk, os.read(stdin, 32).decode("ascii", "ignore")))
    print("Tasten: 0-9 * #   auflegen: q      keys: 0-9 * #   hang up: q")  # noqa: T201 - as above
    try:
        yield
    finally:
        loop.remove_reader(stdin)
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


def _typed(talk: Talk, text: str) -> None:
    if "q" in text.lower() or not text:
        talk.hang_up()
        return
    keys = "".join(key for key in text.upper() if key in _KEYS)
    if keys:
        talk.stream.send_keys(keys)


def summary(report: Report) -> list[str]:
    """Return how the call went, in German and in English."""
    if report.answered_ms is None:
        german, english = _OUTCOMES[report.outcome]
        return [f"Nicht verbunden: {german}.", f"Not connected: {english}."]
    german, english = _ENDED[report.ended_by]
    ms, seconds, dbfs = report.answered_ms, report.heard_s, report.dbfs
    return [
        f"\nAngenommen nach {ms:.0f} ms, {seconds:.1f} s gehört, Pegel {dbfs:.1f} dBFS; {german}.",
        f"Answered after {ms:.0f} ms, heard {seconds:.1f} s, level {dbfs:.1f} dBFS; {english}.",
    ]

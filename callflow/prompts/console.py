"""The prompts in a terminal: `rufweiche say` and `rufweiche prompts`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from callflow import g711
from callflow.effects import Clip, Prompt
from callflow.prompts import manifest, shelf
from callflow.prompts.cache import Cache
from callflow.prompts.studio import Rendered, Studio

SILENT_DBFS, QUIET_DBFS, LOUD_DBFS = -60.0, -32.0, -14.0
CLIPPING_DBFS = -0.05
_PLAYERS: tuple[tuple[str, ...], ...] = (
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("ffplay", "-autoexit", "-nodisp", "-loglevel", "error"),
    ("afplay",),
)


def save_wav(path: Path, alaw: bytes) -> None:
    """Write A-law sound as a 16-bit WAV of 8 kHz."""
    path.write_bytes(g711.wav(alaw))


def play(alaw: bytes) -> bool:
    """Play A-law sound with the first player found on this machine; tell whether one played it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        save_wav(Path(file.name), alaw)
        for player in _PLAYERS:
            if found := shutil.which(player[0]):
                done = subprocess.run([found, *player[1:], file.name], check=False, capture_output=True)  # noqa: S603 - a fixed list of players
                if done.returncode == 0:
                    return True
    return False


async def say(
    studio: Studio, text: str, language: str, *, out: Path | None = None, console: Console | None = None
) -> int:
    """Speak a text or, if it is the name of a prompt, that prompt; play it or write `out`.

    Returns the exit status: 0, or 1 when it can't be rendered.
    """
    console = console or Console()
    named = text in shelf.names(studio.folder, language)
    prompt = Prompt(text, language=language) if named else Prompt(text=text, language=language)
    try:
        clips = await studio.prompt_clips(prompt)
        pieces = () if named else await studio.pieces(prompt)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the text is told to who typed it
        console.print(f"[red]{escape(str(error))}")
        return 1
    finally:
        await studio.close()
    console.print(" ".join(piece.text for piece in pieces) or text, style="italic", markup=False)
    _hand_over(_joined(studio.cache, clips), out, console)
    return 0


def _joined(cache: Cache, clips: Sequence[Clip]) -> bytes:
    return b"".join(cache.frames(clip.key) for clip in clips)


def _hand_over(sound: bytes, out: Path | None, console: Console) -> None:
    seconds = len(sound) / g711.RATE
    if out is None and play(sound):
        return
    path = out or Path("say.wav")
    save_wav(path, sound)
    hint = "" if out else " (kein Abspielprogramm gefunden / no player found)"
    console.print(f"{path}: {seconds:.1f} s{hint}", markup=False)


async def prompts(
    studio: Studio, languages: Sequence[str], *, flagged_only: bool = False, console: Console | None = None
) -> int:
    """Render all prompts with a progress bar and print their table; return 1 if one can't be heard."""
    console = console or Console()
    try:
        done = await render_all(studio, languages, console, with_samples=True)
    finally:
        await studio.close()
    known = manifest.load(studio.folder)
    told = [(one, flags(one, known.longest_ms(one.name))) for one in done]
    shown = [(one, notes) for one, notes in told if notes or not one.name.startswith("digits ")]
    console.print(table([(one, notes) for one, notes in shown if notes or not flagged_only]))
    return int(any(one.problem for one in done))


async def render_all(
    studio: Studio, languages: Sequence[str], console: Console, *, with_samples: bool = False
) -> tuple[Rendered, ...]:
    """Render all prompts under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Ansagen / prompts", total=len(shelf.entries(studio.folder, languages)))
        return await studio.render_all(languages, lambda _: bar.advance(task), with_samples=with_samples)


def table(rows: Sequence[tuple[Rendered, Sequence[str]]]) -> Table:
    """Return the table of rendered prompts, each with what is wrong with it."""
    result = Table(title="Ansagen / prompts")
    for name in ("Ansage", "", "s", "dBFS", "Quelle", "Auffällig"):
        result.add_column(name, no_wrap=True)
    result.add_column("Text")
    for row, notes in rows:
        result.add_row(
            row.name,
            row.language,
            f"{row.ms / 1000:.1f}" if row.ms else "",
            f"{row.dbfs:.0f}" if row.ms else "",
            row.source or ("im Anruf" if row.needs else ""),
            f"[red]{escape(', '.join(notes))}" if notes else "",
            escape(row.text),
        )
    return result


def flags(row: Rendered, longest_ms: float) -> tuple[str, ...]:
    """Return what is wrong with a prompt's sound, in words: "clipping", "silence", "overlong", ..."""
    if row.problem:
        return (row.problem,)
    if row.needs or row.source == "synthesis":
        return ()
    found = {
        "silence": row.dbfs <= SILENT_DBFS,
        "too quiet": SILENT_DBFS < row.dbfs < QUIET_DBFS,
        "too loud": row.dbfs > LOUD_DBFS,
        "clipping": row.peak_dbfs > CLIPPING_DBFS,
        "overlong": row.ms > longest_ms,
    }
    return tuple(flag for flag, is_so in found.items() if is_so)

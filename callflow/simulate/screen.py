"""A simulated call on the terminal: what is heard, where the call is, what would be sent."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.prompt import Prompt as Question
from rich.table import Table

from callflow.effects import Gather, LineEffect, Prompt, Record, Transfer
from callflow.numbers import written
from callflow.prompts.wording import Wording
from callflow.simulate.script import Deed, Press, Quit, Ring, ScriptError, Talk, Wait, deed, default, fits
from callflow.simulate.walk import Beat

Speaker = Callable[[tuple[Prompt, ...]], None]
_HINTS = {
    Gather: "Tasten, Enter = nichts drücken, x = auflegen",
    Record: "spricht:12 (Sekunden), Enter = schweigen, x = auflegen",
    Transfer: "angenommen (Enter), besetzt, keiner, abgelehnt, gestört, x = auflegen",
}


class Screen:
    """Shows a simulated call.

    Args:
        console: the terminal.
        wording: turns prompts into text.
        speaker: speaks what is heard, None for silence.
    """

    def __init__(self, console: Console, wording: Wording, speaker: Speaker | None = None) -> None:
        self._console, self._wording, self._speaker = console, wording, speaker

    def beat(self, beat: Beat) -> None:
        """Show what happened."""
        for node, exit_ in beat.passed:
            self._console.print(f"   [dim]{escape(node)} → {escape(exit_)}")
        for link in beat.links:
            self._line("✉", "green", f"SMS an {written(link.to)}: Link „{link.concern}“ ({link.language})")
        for card in beat.cards:
            about = " ".join(part for part in (card.card, card.concern, card.urgency) if part)
            self._line("▤", "green", f"Karte: {about} {written(card.number)}".rstrip())
        if beat.heard:
            self._console.print(f"[bold cyan]{escape(beat.node)}")
        for prompt in beat.heard:
            self._line("»", "white", self._wording.of(prompt))
        if isinstance(beat.effect, Transfer):
            self._line("☎", "yellow", f"es klingelt bei {beat.effect.destination}")
        if self._speaker and beat.heard:
            self._speaker(beat.heard)

    def deed(self, done: Deed) -> None:
        """Show what the caller or the far end does."""
        self._line("▸", "magenta", _told(done))

    def outcome(self, outcome: str) -> None:
        """Show how the call ended."""
        self._console.print(f"[bold]Ergebnis: {escape(outcome)}")

    def ask(self, effect: LineEffect) -> Deed:
        """Ask the person at the keyboard what happens next."""
        hint = _HINTS.get(type(effect), "Enter")
        while True:
            typed = Question.ask(
                f"[magenta]▸[/] [dim]{hint}[/]", console=self._console, default="", show_default=False
            )
            try:
                done = deed(typed.strip()) if typed.strip() else default(effect)
            except ScriptError as error:
                self._console.print(f"[red]{escape(str(error))}")
                continue
            if fits(done, effect):
                return done
            self._console.print("[red]Das geht hier nicht / not possible here")

    def _line(self, mark: str, colour: str, text: str) -> None:
        grid = Table.grid(padding=(0, 0, 0, 1))  # wrapped lines stay under their first
        grid.add_row(f"[{colour}]{mark}", escape(text))
        self._console.print(grid, highlight=False)


def _told(done: Deed) -> str:
    match done:
        case Press(keys, early=early):
            return f"drückt {keys}" + (" (in die Ansage hinein)" if early else "")
        case Wait():
            return "drückt nichts"
        case Quit():
            return "legt auf"
        case Talk(seconds):
            return f"spricht {seconds} s" if seconds else "schweigt"
        case Ring(answer):
            words = {"answered": "wird verbunden", "busy": "besetzt", "no_answer": "es geht niemand ran"}
            return words.get(answer, {"refused": "abgelehnt", "failed": "gestört"}.get(answer, answer))

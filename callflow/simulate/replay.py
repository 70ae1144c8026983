"""A recorded call, told again: its events run through the engine once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from rich.console import Console
from rich.markup import escape

from callflow.effects import Ask, LineEffect, LogStep, OpenCard, Prompt, SendLink
from callflow.engine import begin, step
from callflow.events import CallStarted, DigitsPressed, Event, Recorded, Told
from callflow.flow import Flow
from callflow.golden import Card, Link
from callflow.simulate.screen import Screen
from callflow.simulate.walk import Beat


class NoSuchCallError(LookupError):
    """The database knows no such call, or not how it went."""


def replay(
    flow: Flow, call: str, events: Sequence[Event], screen: Screen, console: Console
) -> list[tuple[str, str]]:
    """Show a call from its recorded events; return the nodes it passes now, each with its exit."""
    state = begin(flow, call)
    passed: list[tuple[str, str]] = []
    for event in events:
        console.print(f" [magenta]▸[/] {escape(_told(event))}", highlight=False)
        state, effects = step(flow, state, event)
        steps = tuple((each.node, each.exit) for each in effects if isinstance(each, LogStep))
        passed += steps
        lines = [each for each in effects if isinstance(each, LineEffect)]
        screen.beat(
            Beat(
                steps,
                tuple(
                    Link(to=e.to, concern=e.concern, language=e.language)
                    for e in effects
                    if isinstance(e, SendLink)
                ),
                tuple(_card(each) for each in effects if isinstance(each, OpenCard)),
                tuple(part for line in lines for part in line.spoken if isinstance(part, Prompt)),
                lines[-1] if lines else None,
                state.node,
            )
        )
        for asked in (each for each in effects if isinstance(each, Ask)):
            console.print(f"   [dim]? {escape(asked.about)} {escape(asked.subject)}")
    return passed


def _card(effect: OpenCard) -> Card:
    return Card(card=effect.card, concern=effect.concern, urgency=effect.urgency, number=effect.number)


def _told(event: Event) -> str:
    match event:
        case CallStarted():
            return f"Anruf um {event.at:%Y-%m-%d %H:%M} UTC über {event.line or '?'}"
        case DigitsPressed():
            return f"Tasten {event.digits}"
        case Told():
            return f"Antwort: {event.answer}"
        case Recorded():
            return f"Nachricht, {event.ms / 1000:.0f} s"
        case _:
            return " ".join(str(getattr(event, part.name)) for part in reversed(fields(event)))

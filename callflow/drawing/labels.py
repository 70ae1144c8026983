"""Exits in the words of the people at the wall."""

from __future__ import annotations

from collections.abc import Mapping

_EXITS: Mapping[str, str] = {
    "then": "weiter",
    "open": "offen",
    "closed": "geschlossen",
    "lunch": "Mittagspause",
    "holiday": "Feiertag",
    "closure": "Urlaub",
    "no_input": "keine Taste",
    "no_match": "falsche Taste",
    "otherwise": "sonst",
    "busy": "besetzt",
    "no_answer": "niemand geht ran",
    "refused": "nimmt nicht an",
    "failed": "gestört",
    "answered": "Gespräch",
    "end": "Ende",
    "declined": "lieber nicht",
    "no_mobile": "kein Handy",
    "callback": "Rückruf",
    "link": "Link",
    "given_up": "zu lange gewartet",
    "urgent": "immer dringend",
    "repeat": "ruft wieder an",
    "foreign_language": "andere Sprache",
    "known": "bekannt",
    "mobile": "Handy",
    "landline": "Festnetz",
    "foreign": "Ausland",
    "withheld": "unterdrückt",
    "enter": "Teilablauf",
    "recorded": "gesprochen",
    "nothing": "nichts gesagt",
    "none": "nichts offen",
    "found": "gefunden",
}


def exit_label(exit_: str, concern: str = "") -> str:
    """Return an exit as it reads on paper: a key with its concern, a word, or the name itself."""
    label = _EXITS.get(exit_, exit_)
    return f"{label} {concern}" if concern else label

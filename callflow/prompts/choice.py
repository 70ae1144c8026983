"""Which voice speaks: plain data, so that whoever names a voice need not load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """Which voice speaks, and how.

    Args:
        engine: "pico" (built in), "piper" (needs the package piper-tts and models) or "command".
        speed: rate of speech, 1.0 is the engine's own.
        models: language -> path of a Piper model, or command line of a program that reads a sentence on
            standard input and writes a 16-bit mono WAV to standard output.
    """

    engine: str = "pico"
    speed: float = 0.95
    models: Mapping[str, str] = field(default_factory=dict)

    def identity(self, language: str) -> str:
        """Return what of this choice shapes the sound of `language`; part of each clip's key."""
        shape = asdict(self) | {"models": self.models.get(language, "")}
        return repr(sorted(shape.items()))

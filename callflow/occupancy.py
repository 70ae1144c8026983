"""Which destinations are on the telephone now, as far as the lines know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What lines that watch telephones tell; without such a line nobody is known to be occupied.

    Args:
        lines: each says whether it knows the destination of this name to be occupied.
    """

    lines: list[Callable[[str], bool]] = field(default_factory=list)

    def __call__(self, destination: str) -> bool:
        """Say whether somebody there is on the telephone, so that ringing would be in vain."""
        return any(occupied(destination) for occupied in self.lines)

"""Which of the keys that Asterisk's manager tells were really pressed. Pure.

Asterisk tells a key (DTMFBegin, DTMFEnd) when it arrives. One that follows another within 45 ms, as keys do
that the network held up, it puts back, reads a second time and tells its end a second time: taken for another
key, it would answer a question that the caller has not heard yet. (Seen with Asterisk 22.10: `__ast_read` in
main/channel.c sends the event before it decides to put the key back.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

AGAIN_S = 5.0  # put back, a key waits for those before it: 0.13 s each, and people type ahead a whole number


@dataclass(slots=True)
class ToldKeys:
    """The keys of one channel.

    Every key told for the first time has a begin of its own, unless the network lost it: only an end without
    one, equal to an end told shortly before, is the same key again.
    """

    _begun: list[str] = field(default_factory=list)
    _ends: dict[tuple[str, str], float] = field(default_factory=dict)

    def begins(self, key: str) -> None:
        """Take a DTMFBegin."""
        self._begun.append(key)

    def ends(self, key: str, ms: str, at: float) -> bool:
        """Take a DTMFEnd and say whether it is a key pressed now.

        Args:
            key: the key.
            ms: its length as Asterisk writes it; told again, it is the same.
            at: monotonic seconds.
        """
        if key in self._begun:
            self._begun.remove(key)
        elif at - self._ends.get((key, ms), at - AGAIN_S) < AGAIN_S:
            return False
        self._ends[key, ms] = at
        return True

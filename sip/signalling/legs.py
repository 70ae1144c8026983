"""The book of living legs: by id, and by the dialogs that their messages name."""

from __future__ import annotations

import asyncio
from collections import Counter

from sip.signalling.dialog import Dialog, DialogId
from sip.signalling.exchange import Answering
from sip.signalling.leg import Leg
from sip.signalling.message import Request


class Legs:
    """All living legs.

    Attributes:
        living: legs by id.
    """

    def __init__(self) -> None:
        self.living: dict[str, Leg] = {}
        self._dialogs: dict[DialogId, Leg] = {}
        self._ids: dict[str, set[DialogId]] = {}
        self._called: Counter[str] = Counter()
        self._hosts: dict[str, list[str]] = {}
        self._empty = asyncio.Event()

    def add(self, leg: Leg) -> None:
        """Take in a new leg."""
        self.living[leg.id] = leg
        self._empty.clear()

    def learn(self, leg: Leg, dialog: Dialog) -> None:
        """Messages of this dialog belong to this leg."""
        self._dialogs[dialog.id] = leg
        self._ids.setdefault(leg.id, set()).add(dialog.id)

    def forget(self, leg: Leg) -> None:
        """The leg needs no messages any more."""
        self.living.pop(leg.id, None)
        for dialog_id in self._ids.pop(leg.id, ()):
            self._dialogs.pop(dialog_id, None)
        for host in self._hosts.pop(leg.id, ()):
            self._called[host] -= 1
            if not self._called[host]:
                del self._called[host]
        if not self.living:
            self._empty.set()

    def reach(self, leg: Leg, host: str) -> None:
        """A leg of ours calls a host: what belongs to the call may come from there."""
        self._hosts.setdefault(leg.id, []).append(host)
        self._called[host] += 1

    def reaches(self, host: str) -> bool:
        """Tell whether a living leg of ours has called a host."""
        return host in self._called

    def of(self, message: Request) -> Leg | None:
        """Find the leg that a request within a dialog belongs to."""
        return self._dialogs.get(DialogId(message.call_id, message.to.tag, message.sender.tag))

    def begun_by(self, exchange: Answering) -> Leg | None:
        """Find the leg that an INVITE transaction began."""
        asked = exchange.request
        return self._dialogs.get(DialogId(asked.call_id, exchange.local_tag, asked.sender.tag))

    def full(self, channels: int) -> bool:
        """Tell whether as many calls are up as may be; counts only when it may be so."""
        return len(self.living) >= channels and self.busy() >= channels

    def busy(self, line: str = "") -> int:
        """Count the calls that are up, of one line or of all."""
        return sum(not leg.ended and (not line or leg.line == line) for leg in self.living.values())

    @property
    def dialogs(self) -> int:
        """How many dialogs are known, for leak tests."""
        return len(self._dialogs)

    async def until_empty(self) -> None:
        """Wait until no leg lives."""
        if self.living:
            await self._empty.wait()

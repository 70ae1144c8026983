"""What we need of a manager.conf that may not be the one we render: what lacks is said, by name.

Asterisk tells a manager's user what it may do (`write`), but not what it hears of (`read`): events that it
has no right to never come, without a word. So Asterisk is asked after each login to call itself (dialplan
context `manager-hears`): that call is announced, presses a key and waits in AsyncAGI, and an event of each
sort must come of it.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

import structlog

from sip.ami import Manager, ManagerDownError, ManagerRefusedError, Message
from sip.asterisk_sound import VARIABLE

# An action that we use -> the right (`write` of the manager's user) that brings it.
NEEDED = {
    "AGI": "agi",
    "Hangup": "call",
    "PlayDTMF": "call",
    "Setvar": "call",
    "Originate": "originate",
    "CoreShowChannels": "reporting",
    "DBGetTree": "reporting",
    "DeviceStateList": "reporting",
    "Getvar": "reporting",
}
# An event that comes of Asterisk's call to itself -> the right (`read`) without which it does not.
HEARD = {"Newchannel": "call", "DTMFEnd": "dtmf", "AsyncAGIStart": "agi"}
CONTEXT = "manager-hears"
LOOK_S, LOOKS, LATE_S = 1.0, 8, 2.0  # all of it takes half a second; the call ends itself after ten
_log = structlog.get_logger("asterisk")


class Expectations:
    """Looks at each connection: at its rights when it is up, at the lines when the first channel comes.

    The first channel is that of Asterisk's call to itself, where the user may ask for it.
    """

    def __init__(self) -> None:
        self._waits = True
        self._call = ""  # how the ids of both channels of Asterisk's call to itself begin
        self._channel = ""  # either of them
        self._heard: set[str] = set()
        self._over = asyncio.Event()

    async def look(self, manager: Manager) -> None:
        """Say which rights to do something the manager's user lacks.

        Raises:
            ManagerDownError: the connection broke meanwhile.
        """
        self._waits = True
        allowed = {name for name, _ in (await manager.action("ListCommands")).pairs}
        lacking = sorted({right for action, right in NEEDED.items() if action not in allowed})
        if lacking:
            _log.error("manager.conf lacks rights", write=",".join(lacking), see="docs/pbx.md")

    async def listen(self, manager: Manager) -> tuple[str, ...]:
        """Say and return which rights to hear of something the manager's user is known to lack."""
        self._call, self._channel, self._heard = f"hears-{secrets.token_hex(4)}-", "", set()
        self._over.clear()
        lacking: tuple[str, ...] = ()
        with suppress(ManagerDownError, ManagerRefusedError):
            await manager.action("Originate", _to_itself(self._call))
            lacking = await self._not_heard(manager)
            await manager.action("Hangup", {"Channel": self._channel})
        self._call = ""
        if lacking:
            _log.error("manager.conf lacks rights", read=",".join(lacking), see="docs/pbx.md")
        return lacking

    async def _not_heard(self, manager: Manager) -> tuple[str, ...]:
        for _ in range(LOOKS):
            if await self._all_heard(LOOK_S):
                break
            # How far the call came is no event, so anybody may see it: once it waits, all has been told.
            if await self._waits_in_agi(manager):
                await self._all_heard(LATE_S)
                return tuple(sorted({*HEARD.values()} - self._heard)) if manager.up.is_set() else ()
        return ()

    async def _waits_in_agi(self, manager: Manager) -> bool:
        for each in await manager.listing("CoreShowChannels"):
            if each.get("Uniqueid").startswith(self._call):
                self._channel = each.get("Channel")
                if each.get("Application") == "AGI":
                    return True
        return False

    async def _all_heard(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()

    def down(self) -> None:
        """The connection is lost: nothing more will be heard over it."""
        self._over.set()

    def heard(self, event: Message) -> None:
        """Take any event; a Newchannel has each variable that `channelvars` names, even without a value."""
        if self._call and event.event in HEARD and event.get("Uniqueid").startswith(self._call):
            self._heard.add(HEARD[event.event])
            self._channel = event.get("Channel")
            if len(self._heard) == len(HEARD):
                self._over.set()
        if not self._waits or event.event != "Newchannel":
            return
        self._waits = False
        if not any(told.startswith(f"{VARIABLE}=") for told in event.all("ChanVariable")):
            _log.error(
                "manager.conf lacks a line",
                line=f"channelvars = {VARIABLE}",
                without="how calls sounded stays unknown",
                see="docs/pbx.md",
            )


def _to_itself(call: str) -> dict[str, str]:
    return {
        "Channel": f"Local/s@{CONTEXT}/n",
        "ChannelId": f"{call}1",
        "OtherChannelId": f"{call}2",
        "Application": "Wait",
        "Data": "10",
        "Timeout": "5000",
        "Async": "true",
    }

"""What we need of a manager.conf that may not be the one we render: what lacks is said, by name."""

from __future__ import annotations

import structlog

from sip.ami import Manager, Message
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
_log = structlog.get_logger("asterisk")


class Expectations:
    """Looks at each connection: at its rights when it is up, at the lines when the first channel comes."""

    def __init__(self) -> None:
        self._waits = True

    async def look(self, manager: Manager) -> None:
        """Say which rights the manager's user lacks.

        Raises:
            ManagerDownError: the connection broke meanwhile.
        """
        self._waits = True
        allowed = {name for name, _ in (await manager.action("ListCommands")).pairs}
        lacking = sorted({right for action, right in NEEDED.items() if action not in allowed})
        if lacking:
            _log.error("manager.conf lacks rights", write=",".join(lacking), see="docs/pbx.md")

    def heard(self, event: Message) -> None:
        """Take a Newchannel event, which has each variable that `channelvars` names, even without a value."""
        if not self._waits:
            return
        self._waits = False
        if not any(told.startswith(f"{VARIABLE}=") for told in event.all("ChanVariable")):
            _log.error(
                "manager.conf lacks a line",
                line=f"channelvars = {VARIABLE}",
                without="how calls sounded stays unknown",
                see="docs/pbx.md",
            )

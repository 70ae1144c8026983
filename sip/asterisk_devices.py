"""Who is on the telephone: the states of devices that Asterisk watches, and the calls that we pass on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from callflow.plan import Plan

ON_THE_TELEPHONE = frozenset({"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})


@dataclass(slots=True)
class Devices:
    """Device states, by Asterisk's name of the device.

    A destination whose plan names no device is an ordinary extension behind another PBX, whose state no trunk
    tells: it is occupied while a call that we passed on rings there or is spoken. A group is never.
    """

    plan: Plan
    _states: dict[str, str] = field(default_factory=dict)

    def told(self, device: str, state: str) -> tuple[str, ...]:
        """Take a device's state (DeviceStateChange); return the destinations that it makes free."""
        was, self._states[device] = self._states.get(device, ""), state
        if was not in ON_THE_TELEPHONE or state in ON_THE_TELEPHONE:
            return ()
        return tuple(name for name, entry in self.plan.destinations.items() if entry.device == device)

    def occupied(self, destination: str, passed_on: Collection[str]) -> bool:
        """Say whether a destination is on the telephone.

        Args:
            destination: its name.
            passed_on: numbers that calls of ours ring or speak with.
        """
        entry = self.plan.destinations.get(destination)
        if entry is None:
            return False
        if entry.device:
            return self._states.get(entry.device, "") in ON_THE_TELEPHONE
        return entry.kind == "extension" and bool(entry.number) and entry.number in passed_on

    def freed(self, number: str) -> tuple[str, ...]:
        """Return the destinations that become free when a call to this number ends."""
        entries = self.plan.destinations.items()
        return tuple(
            name for name, entry in entries if number and entry.number == number and not entry.device
        )

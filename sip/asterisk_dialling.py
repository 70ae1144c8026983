"""Click-to-call over Asterisk: rings a person's own telephone, says who will be called, dials the patient.

Asterisk does all of it by itself (dialplan context `click-to-call`) and leaves a note in its database that
says how far the call came. So a broken connection or a restart of ours loses nothing: without a note the
patient never rang, and a complete note tells the outcome.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from callflow.dialling import (
    RING_OWN_S,
    RING_PATIENT_S,
    DialRequest,
    DialResult,
    answered,
    may_dial,
)
from callflow.plan import Plan, SipTrunk, TeamsTrunk
from sip import numbers
from sip.ami import Manager, ManagerDownError, ManagerRefusedError, Message
from sip.asterisk_transfers import ELSEWHERE, transfer_problem
from sip.sounds import Sounds

NOTES = "rufweiche-dial"
CONTEXT = "click-to-call"
KEPT = timedelta(days=2)  # longer than a house asks after a restart
ANSWERED, REFUSED, LOOK = "answered", "refused", "look"  # signals beside causes of a hang-up
# A channel that was made tells its end within this time of its Originate's; else none was made.
CAUSE_LATE_S = 3.0
PAUSE_S = 0.5  # from picking up to the first word: until the handset is at the ear
NOBODY_THERE = ("", "1", *ELSEWHERE)  # causes of a telephone that never rang; "": no channel could be made
_EXTENSION = re.compile(r"[0-9*#]{1,8}")
_log = structlog.get_logger("asterisk.dialling")


class AsteriskDialler:
    """Calls that people make over one Asterisk; a `callflow.dialling.Dialler`.

    Args:
        manager: the connection.
        plan: the number plan.
        sounds: puts announcements where Asterisk plays them.
    """

    def __init__(self, manager: Manager, plan: Plan, sounds: Sounds) -> None:
        self._manager = manager
        self._plan = plan
        self._sounds = sounds
        self._signals: dict[str, asyncio.Queue[str]] = {}

    def reaches(self, device: str) -> bool:
        """Say whether Asterisk is there and the plan has a way to this telephone and to patients."""
        return self._manager.up.is_set() and bool(own_telephone(self._plan, device) and outside(self._plan))

    async def dial(self, request: DialRequest) -> DialResult:
        """As `callflow.dialling.Dialler.dial`."""
        own, trunk = own_telephone(self._plan, request.device), outside(self._plan)
        if not may_dial(request.number):
            return DialResult("refused")
        if not own or not trunk or not self._manager.up.is_set():
            return DialResult("failed")
        with self._watched(request.id) as signals:
            try:
                end = await self._ring(request, own, trunk, signals)
            except ManagerRefusedError:
                return DialResult("failed")
            except ManagerDownError:
                _log.warning("lost the answer", dial=request.id)  # perhaps it rings: it is looked for
                end = await rung(signals)
            if end in (ANSWERED, LOOK):
                return await self._settled(request.id, signals)
            return DialResult("failed" if end in NOBODY_THERE else "not_picked_up")

    async def became(self, dial: str) -> DialResult:
        """As `callflow.dialling.Dialler.became`."""
        with self._watched(dial) as signals:
            return await self._settled(dial, signals)

    def heard(self, event: Message) -> None:
        """Take an event of the manager's connection."""
        if event.event == "Hangup":
            self._signal(event.get("Uniqueid"), event.get("Cause"))
        elif event.event == "OriginateResponse":
            self._signal(event.get("ActionID"), REFUSED if event.get("Response") == "Failure" else ANSWERED)

    def connected(self) -> None:
        """The connection is back: what was told meanwhile is looked up."""
        for dial in tuple(self._signals):
            self._signal(dial, LOOK)

    async def tidy(self, now: datetime) -> None:
        """Remove notes that nobody will ask for any more."""
        for key, note in (await self._notes()).items():
            if int(note.epoch or 0) < (now - KEPT).timestamp():
                deletion = {"Variable": f"DB_DELETE({NOTES}/{key})", "Value": ""}
                await self._manager.action("Setvar", deletion)

    def _signal(self, dial: str, what: str) -> None:
        if dial in self._signals:
            self._signals[dial].put_nowait(what)

    @contextmanager
    def _watched(self, dial: str) -> Iterator[asyncio.Queue[str]]:
        signals = self._signals[dial] = asyncio.Queue()
        try:
            yield signals
        finally:
            del self._signals[dial]

    async def _ring(self, request: DialRequest, own: str, trunk: str, signals: asyncio.Queue[str]) -> str:
        """Ring the person's own telephone; return `ANSWERED`, `LOOK`, or the cause for which it was not."""
        end = ""
        for way in await self._ways(own):
            await self._manager.action("Originate", _call(request, way), self._told(request, trunk))
            end = await rung(signals)
            _log.info("own telephone", dial=request.id, end=end)
            if end not in ("", *ELSEWHERE):
                break
        return end

    async def _ways(self, own: str) -> tuple[str, ...]:
        """Return what to dial, one after the other: an Asterisk without a front knows Teams' data centres."""
        trunk = own.rpartition("@")[2]
        if not isinstance(self._plan.trunks.get(trunk), TeamsTrunk):
            return (own,)
        asked = await self._manager.action("Getvar", {"Variable": f"PJSIP_ENDPOINT({trunk},aors)"})
        centres = asked.get("Value").split(",")
        return tuple(f"{own}/{centre}" for centre in centres) if len(centres) > 1 else (own,)

    async def _settled(self, dial: str, signals: asyncio.Queue[str]) -> DialResult:
        """Return the outcome once the person's channel is gone."""
        while True:
            try:
                if not await self._alive(dial):
                    note = (await self._notes()).get(dial)
                    return note.result() if note is not None else DialResult("not_picked_up")
            except ManagerDownError:
                _log.warning("asks again when Asterisk is back", dial=dial)
            await signals.get()

    async def _alive(self, dial: str) -> bool:
        shown = await self._manager.listing("CoreShowChannels")
        return any(event.get("Uniqueid") == dial for event in shown)

    async def _notes(self) -> dict[str, Note]:
        found = await self._manager.listing("DBGetTree", {"Family": NOTES})
        return {event.get("Key").rpartition("/")[2]: Note.read(event.get("Val")) for event in found}

    def _told(self, request: DialRequest, trunk: str) -> dict[str, str]:
        """Return what the dialplan needs to know."""
        return {
            "RUFWEICHE_DIAL": request.id,
            "RUFWEICHE_TARGET": f"PJSIP/{request.number}@{trunk}",
            "RUFWEICHE_SHOWN": request.caller_id,
            "RUFWEICHE_RING": str(RING_PATIENT_S),
            "RUFWEICHE_PAUSE": str(PAUSE_S),
            "RUFWEICHE_CONFIRM": self._sounds.place([clip.key for clip in request.confirm]),
            "RUFWEICHE_SAY": self._sounds.place([clip.key for clip in request.announcement]),
        }


@dataclass(frozen=True, slots=True)
class Note:
    """What the dialplan wrote down of a call.

    Args:
        epoch: seconds since 1970 at which the person answered.
        status: Dial's outcome; "" when the patient was not dialled or is still being dialled.
        dialled_ms: from dialling to the end.
        talked_ms: from the patient's answer to the end.
        cause: ITU-T Q.850 cause of the patient's side.
        complete: the person's channel came to its end, not only to its answer.
    """

    epoch: str = ""
    status: str = ""
    dialled_ms: int = 0
    talked_ms: int = 0
    cause: str = ""
    complete: bool = False

    @classmethod
    def read(cls, text: str) -> Note:
        """Read "epoch|status|dialled|talked|cause"; the first part alone is a call that has not ended."""
        epoch, *rest = text.split("|")
        status, dialled, talked, cause = (rest + [""] * 4)[:4]
        return cls(epoch, status, int(dialled or 0), int(talked or 0), cause, bool(rest))

    def result(self) -> DialResult:
        """Return the outcome of a call whose channel is gone."""
        if not self.complete:
            return DialResult("unknown")  # Asterisk died with it
        if self.status == "ANSWER":
            return answered((self.dialled_ms - self.talked_ms) / 1000, self.talked_ms / 1000)
        if self.status in ("", "CANCEL"):
            return DialResult("cancelled")
        return DialResult(transfer_problem(self.status, self.cause))


async def rung(signals: asyncio.Queue[str]) -> str:
    """Wait for the end of one Originate, whose response and whose channel's end come in any order.

    Returns `ANSWERED`, `LOOK` (the connection broke meanwhile), or the cause for which it was not answered;
    that is "" when no channel was made.
    """
    cause, signal = "", await signals.get()
    while signal not in (ANSWERED, REFUSED, LOOK):
        cause, signal = signal, await signals.get()
    if signal != REFUSED or cause:
        return cause if signal == REFUSED else signal
    with suppress(TimeoutError):
        return await asyncio.wait_for(signals.get(), CAUSE_LATE_S)
    return ""


def own_telephone(plan: Plan, device: str) -> str:
    """Return what Asterisk dials for a person's own telephone, "" when the plan has no way to it.

    Extensions are the PBX's; a number that the plan knows goes where the plan says (Teams), others outside.
    """
    known = next((entry for entry in plan.destinations.values() if device and entry.number == device), None)
    if known is not None:
        return numbers.dial_string(known)
    if device.startswith("+"):
        trunk = outside(plan) if may_dial(device) else ""
    else:
        trunk = _trunk(plan, "pbx") if _EXTENSION.fullmatch(device) else ""
    return f"PJSIP/{device}@{trunk}" if trunk else ""


def outside(plan: Plan) -> str:
    """Return the trunk to the public network: the provider's, else the PBX has one."""
    return _trunk(plan, "provider") or _trunk(plan, "pbx")


def _trunk(plan: Plan, kind: str) -> str:
    sip = (name for name, trunk in plan.trunks.items() if isinstance(trunk, SipTrunk) and trunk.kind == kind)
    return next(sip, "")


def _call(request: DialRequest, own: str) -> dict[str, str]:
    return {
        "ActionID": request.id,
        "Channel": own,
        "ChannelId": request.id,  # Asterisk takes no second channel of this id
        "Context": CONTEXT,
        "Exten": "s",
        "Priority": "1",
        "Timeout": str(RING_OWN_S * 1000),
        "CallerID": request.caller_id,
        "Codecs": "alaw",
        "Async": "true",
    }

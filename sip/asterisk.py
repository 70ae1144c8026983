"""The Asterisk line: Asterisk answers, plays, records and bridges; we decide over its manager interface.

A caller waits in AsyncAGI (dialplan context `practice`). As long as we live, every call is told so each
second; without that sign the dialplan passes the caller to the reception (`reception`) and leaves a note in
Asterisk's database, which becomes a card when we are back.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from callflow.events import Caller, CallStarted
from callflow.metrics import TRUNK
from callflow.plan import Plan
from callflow.session import EndedAlone
from sip import agi, numbers, quality
from sip.agi_channel import LOOP, AgiChannel
from sip.ami import Access, Manager, ManagerError, Message
from sip.asterisk_call import BEEP, GRACE_S, Call, Desk
from sip.asterisk_devices import Devices
from sip.asterisk_dialling import AsteriskDialler
from sip.asterisk_expectations import Expectations
from sip.asterisk_sound import sound_of
from sip.media import tones
from sip.numbers import Arriving, Ringing

LIFE_S = 1.0  # seconds between two signs of life
LIFE_TURNS = 20  # parts of that time among which the calls are spread
NOTES = "rufweiche-alone"
SORRY = "sorry"
MUSIC = "music"
OURS = ("practice", "pass-on", "reception")
DOWN = ("UNAVAILABLE", "INVALID")
RESTRICTED = 0x20  # bit of agi_callingpres: the caller does not want to be shown
_log = structlog.get_logger("asterisk")


@dataclass(frozen=True, slots=True)
class Live:
    """What staff pages show of the line: is Asterisk there, which trunks are up, how many calls are held."""

    connected: bool
    trunks: Mapping[str, bool]
    calls: int


class AsteriskLine:
    """One Asterisk.

    Args:
        name: the line's name in config/lines.yaml.
        access: its manager interface.
        desk: what calls share.
        changed: told whenever `live` changed.
        next_in: gives the call that waits longest for a destination, "" for none.
        clock: gives the aware present time.
    """

    def __init__(  # noqa: PLR0913  # what a line is told at its start
        self,
        name: str,
        access: Access,
        desk: Desk,
        *,
        changed: Callable[[Live], None] = lambda _: None,
        next_in: Callable[[str], Awaitable[str]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.manager = Manager(access, self._heard, on_up=self._up, on_down=self._down)
        self.calls: dict[str, Call] = {}
        self.taken_up = asyncio.Event()
        self.dialler = AsteriskDialler(self.manager, desk.plan, desk.sounds)
        self._desk = desk
        self._changed = changed
        self._next_in = next_in or _nobody
        self._devices = Devices(desk.plan)
        self._expectations = Expectations()
        self._clock = clock
        self._trunks: dict[str, bool] = {}
        self._counters: Counter[str] = Counter(calls=0)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> Live:
        """The line's state now."""
        return Live(self.manager.up.is_set(), dict(self._trunks), len(self.calls))

    @property
    def figures(self) -> dict[str, float]:
        """What is counted, for the metrics (`callflow.metrics`)."""
        trunks = {TRUNK + name: float(up) for name, up in self._trunks.items()}
        return {"active": float(len(self.calls)), **trunks, **self._counters}

    async def run(self) -> None:
        """Hold the line until cancelled; callers then go to the reception."""
        self._desk.sounds.write(BEEP, tones.beep())
        await asyncio.to_thread(self._desk.sounds.tidy)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.manager.run())
                group.create_task(self._live())
        finally:
            await self._let_go()

    async def drained(self) -> None:
        """Wait until no call is held and the books of all are closed."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _let_go(self) -> None:
        for call in self.calls.values():
            call.let_go()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def renumber(self, plan: Plan) -> None:
        """Take a plan whose numbers have moved, for the calls that begin from now on.

        Its trunks and destinations are those of the plan before.
        """
        self._desk = replace(self._desk, plan=plan)

    def apologise(self, keys: tuple[str, ...]) -> None:
        """Give the dialplan the apology for callers whom nobody answered while we were away, as clips."""
        self._desk.sounds.join(SORRY, keys)

    def play_on_hold(self, keys: tuple[str, ...]) -> None:
        """Give Asterisk the music that callers hear while somebody has put them on hold, as clips."""
        self._desk.sounds.join(MUSIC, keys)

    async def _live(self) -> None:
        """Give each call its sign of life, spread over the second: all at once, they would hold up keys."""
        clock = asyncio.get_running_loop().time
        due = clock()
        for turn in itertools.cycle(range(LIFE_TURNS)):
            for call in tuple(self.calls.values()):
                if call.in_our_hands and life_turn(call.id) == turn:
                    call.channel.alive(GRACE_S)
            due += LIFE_S / LIFE_TURNS
            await asyncio.sleep(max(0.0, due - clock()))

    # --- events ------------------------------------------------------------------------------------------

    def _heard(self, event: Message) -> None:
        unique = event.get("Uniqueid")
        self.dialler.heard(event)
        self._expectations.heard(event)
        if event.event == "DeviceStateChange":
            self._device(event)
        elif event.event == "AsyncAGIStart" and event.get("Context") == "practice":
            self._arrived(event)
        elif event.event == "Hangup" and unique in self.calls:
            self._gone(self.calls.pop(unique), event)
        elif unique in self.calls:
            self.calls[unique].heard(event)

    def _arrived(self, event: Message) -> None:
        unique = event.get("Uniqueid")
        if unique in self.calls:
            return
        told = agi.environment(event.get("Env"))
        withheld = bool(int(told.get("callingpres", "0") or 0) & RESTRICTED)
        caller = "" if withheld else event.get("CallerIDNum")
        channel = AgiChannel(self.manager, event.get("Channel"))
        trunk = event.get("Channel").removeprefix("PJSIP/").rpartition("-")[0]
        arriving = Arriving(caller, told.get("rdnis", ""), trunk)
        if numbers.comes_back(self._desk.plan, arriving, self._ringing()):
            _log.warning("a call came back to us", call=self._id(unique))
            self._spawn(channel.hang_up(LOOP))
            return
        started = CallStarted(event.get("Exten"), _caller(caller), self._clock(), self.name)
        call = self._hold(unique, channel, started)
        self._spawn(call.run())

    def _ringing(self) -> list[Ringing]:
        """Return what we ring; a withheld caller is shown to Teams as the practice."""
        started = [(call.started, call.ringing) for call in self.calls.values() if call.ringing]
        return [Ringing(begun.caller.number or begun.dialled, number) for begun, number in started]

    def _hold(self, unique: str, channel: AgiChannel, started: CallStarted) -> Call:
        self._counters["calls"] += 1
        call = self.calls[unique] = Call(self._desk, channel, self._id(unique), started)
        channel.alive(GRACE_S)
        self._tell_change()
        return call

    def _gone(self, call: Call, event: Message) -> None:
        spoke_with = call.speaks_with
        if event.get("Context") == "reception":
            call.taken()
            self._spawn(self._read_notes({}))
        else:
            sound = sound_of(event)
            quality.judge(self._counters, sound)
            call.hung_up(sound)
        self._free(self._devices.freed(spoke_with))
        self._tell_change()

    def occupied(self, destination: str) -> bool:
        """Say whether a destination is known to be on the telephone."""
        return self._devices.occupied(destination, {call.speaks_with for call in self.calls.values()})

    def _device(self, event: Message) -> None:
        self._trunk(event)
        self._free(self._devices.told(event.get("Device"), event.get("State")))

    def _free(self, destinations: tuple[str, ...]) -> None:
        for destination in destinations:
            if not self.occupied(destination):
                self._spawn(self._put_through(destination))

    async def _put_through(self, destination: str) -> None:
        """Tell whoever waits longest that the destination is free."""
        first = await self._next_in(destination)
        for call in tuple(self.calls.values()):
            if call.id == first:
                call.nudge()

    def _trunk(self, event: Message) -> None:
        technology, _, name = event.get("Device").partition("/")
        if technology == "PJSIP" and name in self._desk.plan.trunks:
            up = event.get("State") not in DOWN
            if self._trunks.get(name) != up:
                _log.info("trunk", trunk=name, up=up)
                self._trunks[name] = up
                self._tell_change()

    def _tell_change(self) -> None:
        self._changed(self.live)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # a fault in one call must not reach the others
            _log.error("failed", error=type(error).__name__)

    def _id(self, unique: str) -> str:
        return re.sub(r"[^A-Za-z0-9_-]", "-", f"{self.name}-{unique}")

    # --- taking up what is there after a (re)connect -----------------------------------------------------

    async def _up(self) -> None:
        self._tell_change()
        await self._expectations.look(self.manager)
        self.dialler.connected()
        for event in await self.manager.listing("DeviceStateList"):
            self._device(event)
        shown = await self.manager.listing("CoreShowChannels")
        there = {event.get("Uniqueid"): event for event in shown if event.get("Context") in OURS}
        self._forget_gone(there)
        for unique, event in there.items():
            if unique not in self.calls:
                await self._take_up(unique, event)
        await self._read_notes(there)
        ended = await self._desk.sessions.lost(self.name, {self._id(unique) for unique in there})
        _log.info("taken up", held=len(self.calls), ended=len(ended))
        self.taken_up.set()
        await self.dialler.tidy(self._clock())
        await self._expectations.listen(self.manager)

    def _down(self) -> None:
        self._expectations.down()
        self._tell_change()

    def _forget_gone(self, there: Mapping[str, Message]) -> None:
        for unique, call in tuple(self.calls.items()):
            if unique in there:
                self._spawn(call.channel.catch_up())
            else:
                del self.calls[unique]
                call.hung_up()

    async def _take_up(self, unique: str, event: Message) -> None:
        """Hold a call that began while we were away or before we were started."""
        began = self._clock() - _duration(event.get("Duration"))
        number = event.get("Exten") if event.get("Context") != "pass-on" else ""
        started = CallStarted(number, _caller(event.get("CallerIDNum")), began, self.name)
        call = self._hold(unique, AgiChannel(self.manager, event.get("Channel")), started)
        if event.get("Context") == "reception":
            call.channel.leave()
            return
        standing = await self._desk.sessions.standing(call.id)
        if standing is None:
            self._spawn(call.run())
            return
        dialling = event.get("Context") == "pass-on"
        self._spawn(call.go_on(standing, dialling=dialling, talking=dialling and bool(event.get("BridgeId"))))

    async def _read_notes(self, there: Mapping[str, Message]) -> None:
        """Close the books of calls that the dialplan handled without us."""
        try:
            for note in await self.manager.listing("DBGetTree", {"Family": NOTES}):
                unique = note.get("Key").rpartition("/")[2]
                if unique not in there and unique not in self.calls:
                    await self._read_note(unique, note.get("Val"))
        except ManagerError as error:
            _log.warning("notes not read", error=type(error).__name__)

    async def _read_note(self, unique: str, text: str) -> None:
        number, caller, epoch, state, outcome = (text.split("|") + [""] * 5)[:5]
        at = datetime.fromtimestamp(int(epoch or 0), UTC)
        # A caller whom we had greeted was torn out of a flow: people should know, though someone answered.
        human = outcome == "ANSWER" and state != "Up"
        started = CallStarted(number, _caller(caller), at, self.name)
        await self._desk.sessions.ended_alone(EndedAlone(self._id(unique), started, human))
        await self.manager.action("Setvar", {"Variable": f"DB_DELETE({NOTES}/{unique})", "Value": ""})
        _log.info("note read", call=self._id(unique), outcome=outcome)


def life_turn(call: str) -> int:
    """Return the part of a second in which a call gets its sign of life: the same, whoever comes and goes."""
    return zlib.crc32(call.encode()) % LIFE_TURNS


async def _nobody(_destination: str) -> str:
    return ""


def _caller(number: str) -> Caller:
    return Caller(number="" if number in ("", "<unknown>", "anonymous", "Anonymous") else number)


def _duration(text: str) -> timedelta:
    hours, minutes, seconds = ([0, 0, 0] + [int(part) for part in text.split(":") if part.isdigit()])[-3:]
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)

"""One call: joins a leg and its sound to whoever decides, the app or, without it, the line alone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from callflow.effects import HangUp, LineEffect, Record, Transfer
from callflow.events import Caller, CallStarted, Event, HungUp, Recorded, TransferFailed, TransferProblem
from callflow.frames import Command
from callflow.quality import UNKNOWN
from callflow.spool import Slot, SpooledCall
from sip import alone, performer, quality
from sip.app_link import AppAwayError
from sip.bridge import Bridge
from sip.line_config import Destination, Did
from sip.media.engine import MemorySink, NoPortFreeError, Recording, Stream, StreamStats
from sip.parts import Parts, connect
from sip.signalling.leg import Dialled, EndedBy, Transferred
from sip.signalling.offer import Sound
from sip.telephone import CallLeg

SHORTEST_MESSAGE = 500  # ms; less is a caller who did not want to speak
IN_A_MENU = ("waiting", "speaking", "collecting")
QUIETEST_MESSAGE = -50.0  # dBFS of its loud parts; below, nobody spoke
_log = structlog.get_logger("line.call")


class Call:
    """One call from its answer to its end.

    Args:
        parts: the line.
        leg: the caller's leg, not answered yet.
        stream: the caller's sound, not connected yet.
        did: the practice number that was called.
        at: aware UTC time of the first ring.
    """

    def __init__(self, parts: Parts, leg: CallLeg, stream: Stream, did: Did, at: datetime) -> None:
        self.id = leg.id
        self.alone = False
        self._parts, self._leg, self._stream, self._did, self._at = parts, leg, stream, did, at
        self._state = performer.Performance()
        self._turn = 0
        self._told: asyncio.Queue[Event] = asyncio.Queue()
        self._events: list[Event] = []
        self._slot: Slot | None = None
        self._spooling = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._kept = MemorySink()
        self._bridge: Bridge | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._referring = False
        self._gone_by_refer = False
        leg.on_sound, leg.on_digit, leg.on_ended = self._sound, self._info_key, self._leg_ended
        stream.on_key, stream.on_timeout = self._key, self._media_died

    async def run(self) -> None:
        """Answer the call and stay with it until everybody knows that it ended."""
        self._leg.answer(self._parts.local(self._stream, self._leg.line))
        if self._state.phase == "over":
            return  # no common codec: nobody was ever connected
        event: Event = self._started()
        while True:
            effect = await self._decided(event)
            if effect is not None:
                self._perform(*performer.begin(self._state, effect))
            if self.alone:
                await self._spool()
            if isinstance(event, HungUp):
                break
            event = await self._told.get()
        if self.alone:
            self._parts.link.greet()
        self._log_end(event)

    def _log_end(self, end: HungUp) -> None:
        sound = end.sound or quality.of(self.sound)
        _log.info(
            "call over",
            call=self.id,
            by=end.by,
            alone=self.alone,
            loss=sound.loss,
            jitter_ms=sound.jitter_ms,
            remote_loss=sound.remote_loss,
            round_trip_ms=sound.round_trip_ms,
        )

    @property
    def sound(self) -> StreamStats:
        """How the caller's sound fared so far."""
        return self._stream.stats

    def hang_up(self) -> None:
        """End the call now."""
        self._leg.hang_up()

    def hand_on(self) -> None:
        """Let the reception have a caller who is still in a menu: the line is about to end.

        Where only a bridge leads there, which would end with us, the caller hears an apology. Whoever is
        spoken with, is being put through or leaves a message goes on.
        """
        ends = isinstance(self._state.effect, HangUp | Record | Transfer)
        if self.alone or ends or self._state.phase not in IN_A_MENU:
            return
        destination = self._parts.config.destinations.get(self._did.destination)
        if destination is None or not self._refers(destination):
            self._perform(*performer.begin(self._state, alone.go_on(self._did)))
            return
        self._perform(*performer.begin(self._state, self._take_over("the line stops")))
        self._spawn(self._spool())

    def _started(self) -> CallStarted:
        identity = self._leg.identity
        caller = Caller(number="" if identity.withheld else identity.number)
        return CallStarted(self._did.number, caller, self._at, self._parts.config.name)

    async def _decided(self, event: Event) -> LineEffect | None:
        """Return what to do after `event`, None for nothing."""
        self._events.append(event)
        if self.alone:
            return alone.go_on(self._did) if isinstance(event, TransferFailed) else None
        try:
            answer = await self._parts.link.tell(self.id, self._turn, event)
        except AppAwayError as error:
            return None if self._is_alone() else self._take_over(str(error))
        if self._is_alone():
            return None  # handed on while the app decided
        if isinstance(answer, Command):
            self._turn = answer.turn
            return answer.effect
        if self._state.phase == "waiting":
            # The app believes the call over while the caller still listens: never leave them in silence.
            return self._take_over("nothing to do")
        return None

    def _is_alone(self) -> bool:
        return self.alone  # asked anew: mypy believes that it cannot have changed while we waited

    def _take_over(self, why: str) -> LineEffect:
        _log.warning("the line acts alone", call=self.id, why=why)
        self.alone = True
        return alone.take_over(self._did)

    async def _spool(self) -> None:
        async with self._spooling:
            await self._record_alone()

    async def _record_alone(self) -> None:
        over = self._state.phase in ("over", "passed")
        outcome = alone.outcome(self._events) if over else "under_way"
        number = self._started().caller.number
        recording = next((event.recording for event in self._events if isinstance(event, Recorded)), "")
        ends = (event.sound for event in self._events if isinstance(event, HungUp))
        call = SpooledCall(
            self.id,
            self._did.number,
            number,
            self._at,
            self._parts.config.name,
            outcome,
            recording,
            next(ends, None) or UNKNOWN,
        )
        self._slot = await self._parts.disk.spool(call, self._slot)

    # --- what the leg and the sound report -------------------------------------------------------------

    def _report(self, reported: performer.Reported) -> None:
        self._perform(*performer.happened(self._state, reported))

    def _perform(self, state: performer.Performance, actions: tuple[performer.Action, ...]) -> None:
        self._state = state
        for action in actions:
            self._do(action)

    def _sound(self, sound: Sound) -> None:
        connect(self._stream, sound)

    def _info_key(self, digit: str, _duration_ms: int) -> None:
        self._stream.key(digit)

    def _key(self, key: str) -> None:
        self._report(performer.Pressed(key))

    def _media_died(self) -> None:
        _log.warning("no sound from the caller", call=self.id)
        self._end("error")
        self._leg.hang_up()

    def _leg_ended(self, by: EndedBy) -> None:
        if self._referring and by == "us":
            self._gone_by_refer = True  # the destination has the caller: told once `refer` returns
            return
        self._end(by)

    def _bridge_ended(self) -> None:
        self._report(performer.LegEnded("destination"))
        self._leg.hang_up()

    def _end(self, by: EndedBy) -> None:
        self._report(performer.LegEnded(by))
        if self._timer is not None:
            self._timer.cancel()
        if self._bridge is not None:
            self._bridge.close()
        self._stream.close()

    # --- what the performer wants done -------------------------------------------------------------------

    def _do(self, action: performer.Action) -> None:
        match action:
            case performer.Tell(HungUp() as end):
                self._told.put_nowait(replace(end, sound=quality.of(self._stream.stats)))
            case performer.Tell(event):
                self._told.put_nowait(event)
            case performer.Speak(keys, serial):
                frames = self._parts.frames(keys, self.id)
                self._stream.play(frames, partial(self._report, performer.SpeechEnded(serial)))
            case performer.StopSpeech():
                self._stream.stop_playing()
            case performer.SetTimer(ms, serial):
                self._set_timer(ms, performer.TimeUp(serial))
            case performer.StartRecording(max_ms, silence_ms):
                self._record(max_ms, silence_ms)
            case performer.StopRecording():
                self._stream.stop_recording()
            case performer.Dial(destination, ring_ms):
                self._spawn(self._pass_on(destination, ring_ms / 1000))
            case performer.EndLeg():
                self._leg.hang_up()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_timer(self, ms: int, reported: performer.TimeUp) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(ms / 1000, self._report, reported)

    def _record(self, max_ms: int, silence_ms: int) -> None:
        self._kept = MemorySink()
        self._stream.record(self._kept, self._recorded, beep=True, max_ms=max_ms, silence_ms=silence_ms)

    def _recorded(self, recording: Recording) -> None:
        self._spawn(self._keep(recording, bytes(self._kept.alaw)))

    async def _keep(self, recording: Recording, alaw: bytes) -> None:
        name = f"{self.id}-{self._turn}"
        spoken = recording.ms >= SHORTEST_MESSAGE and recording.dbfs > QUIETEST_MESSAGE
        kept = spoken and await self._parts.disk.keep(name, alaw)
        self._report(performer.RecordingEnded(name if kept else "", recording.ms if kept else 0))

    async def _pass_on(self, name: str, ring_s: float) -> None:
        destination = self._parts.config.destinations.get(name)
        if destination is None:
            _log.error("unknown destination", call=self.id, destination=name)
            self._report(performer.DestinationFailed("failed"))
            return
        way = self._refer if self._refers(destination) else self._join
        outcome = await way(destination, ring_s)
        _log.info("transfer", call=self.id, destination=name, method=destination.method, outcome=outcome)
        if outcome == "answered":
            self._report(performer.DestinationAnswered())
        elif outcome != "ended":
            self._report(performer.DestinationFailed(_problem(outcome)))
        if self._gone_by_refer:
            self._end("us")

    def _refers(self, destination: Destination) -> bool:
        return destination.method == "refer" or self._parts.config.kind == "pyvoip"

    async def _refer(self, destination: Destination, ring_s: float) -> Transferred:
        self._referring = True
        try:
            return await self._leg.refer(destination.uri, ring_s)
        finally:
            self._referring = False

    async def _join(self, destination: Destination, ring_s: float) -> Dialled:
        try:
            self._bridge = Bridge(self._parts, self._stream, self._bridge_ended)
        except NoPortFreeError:
            return "failed"
        caller = destination.caller or self._started().caller.number
        return await self._bridge.dial(destination, caller, ring_s)


def _problem(outcome: Transferred | Dialled) -> TransferProblem:
    problems: dict[str, TransferProblem] = {"busy": "busy", "no_answer": "no_answer", "refused": "refused"}
    return problems.get(outcome, "failed")

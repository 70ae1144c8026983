"""One call on the Asterisk line: joins a channel in AsyncAGI to the sessions that decide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from callflow.effects import Gather, LineEffect, Play, Record
from callflow.events import CallStarted, Event, HungUp, TransferProblem
from callflow.plan import Plan, lot
from callflow.quality import SoundQuality
from callflow.session import Reaction, Sessions
from sip import agi, numbers
from sip.agi_channel import AgiChannel
from sip.ami import Message
from sip.asterisk_keys import ToldKeys
from sip.asterisk_transfers import transfer_problem
from sip.performer import (
    Action,
    DestinationAnswered,
    DestinationFailed,
    Dial,
    EndLeg,
    HungUpBy,
    LegEnded,
    Nudged,
    Performance,
    Pressed,
    RecordingEnded,
    Reported,
    SetTimer,
    Speak,
    SpeechEnded,
    StartRecording,
    StopRecording,
    StopSpeech,
    Tell,
    TimeUp,
    begin,
    happened,
)
from sip.sounds import Sounds

GRACE_S = 3  # seconds without a sign of life after which the dialplan passes a caller to the reception
DECIDE_S = 1.5  # seconds that a decision may take before the caller is passed to the reception
SHORTEST_MESSAGE = 500  # ms; less is a caller who did not want to speak
BEEP = "beep"
KEY_LATE_S = 0.1  # a key's event may come this much later than the stop that it caused
SILENT_KEY = "D"  # of ours: stops a prompt that no caller has stopped; no telephone has this key
MOST_ECHOES = 20  # stretched keys in one speech; after a number typed at once it goes on unstoppable
Keep = Callable[[str, bytes], Awaitable[bool]]
_log = structlog.get_logger("asterisk.call")


@dataclass(frozen=True, slots=True)
class Desk:
    """What all calls of an Asterisk line share.

    Args:
        plan: the number plan.
        sessions: decide about calls.
        sounds: puts clips where Asterisk plays them.
        recordings: folder that Asterisk records to, as this machine sees it.
        recordings_seen_as: the same folder as Asterisk sees it.
        keep: seals and stores a recording under a name; says whether it is on disk.
    """

    plan: Plan
    sessions: Sessions
    sounds: Sounds
    recordings: Path
    recordings_seen_as: str
    keep: Keep


class Call:
    """A call from AsyncAGIStart to its end.

    Args:
        desk: shared parts.
        channel: the caller's channel.
        call: the call's id.
        started: how it began.
    """

    def __init__(self, desk: Desk, channel: AgiChannel, call: str, started: CallStarted) -> None:
        self.id = call
        self.started = started
        self.channel = channel
        self.left = False  # the dialplan has it: no decision of ours counts any more
        self.ringing = ""  # number being rung for this caller
        self._desk = desk
        self._state = Performance()
        self._turn = 0
        self._told: asyncio.Queue[Event] = asyncio.Queue()
        self._sound: SoundQuality | None = None
        self._keys = ToldKeys()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended_by: HungUpBy | None = None
        self._answered = False

    async def run(self) -> None:
        """Answer and stay with the call until it ended or the dialplan has it."""
        self.channel.do(agi.ANSWER)
        self.channel.do(agi.QUIET)
        await self._decided(self.started)
        await self._stay()

    async def go_on(self, standing: Reaction, *, dialling: bool, talking: bool) -> None:
        """Take up a call that a server before us began.

        Args:
            standing: what the call was told last.
            dialling: a destination rings for it or has answered.
            talking: a destination has answered.
        """
        self._turn = standing.turn
        if dialling and standing.effect is not None:
            self._state = Performance("transferring", standing.effect)
            self._spawn(self._await_dialled())
            if talking:
                self._answer_heard()
        elif standing.effect is not None:
            self._begin(standing.effect)
        else:
            await self.give_away()
        await self._stay()

    async def _stay(self) -> None:
        while not self.left:
            event = await self._told.get()
            await self._decided(event)
            if isinstance(event, HungUp):
                _log.info("call over", call=self.id, by=event.by)
                return

    @property
    def speaks_with(self) -> str:
        """The number that rings for this caller or has answered, "" for none."""
        return self.ringing if self._state.phase in ("transferring", "passed") else ""

    @property
    def in_our_hands(self) -> bool:
        """The caller waits for us: without a sign of life the dialplan should take over."""
        return self.channel.open and self._state.phase not in ("transferring", "passed", "over")

    async def _decided(self, event: Event) -> None:
        """Tell the sessions what happened and begin what they want; without an answer give the call away."""
        if self.left:
            return
        try:
            reaction = await self._reaction(event)
        except Exception as error:  # noqa: BLE001  # whatever failed, the caller must reach a human
            _log.error("no decision", call=self.id, error=type(error).__name__)
            await self.give_away()
            return
        if reaction.effect is not None:
            self._turn = reaction.turn
            self._begin(reaction.effect)
        elif self._state.phase == "waiting":
            await self.give_away()  # the sessions believe it over while the caller still listens

    async def _reaction(self, event: Event) -> Reaction:
        told = self._desk.sessions.happened(self.id, self._turn, event)
        return await asyncio.wait_for(asyncio.shield(told), DECIDE_S)

    async def give_away(self) -> None:
        """Let the dialplan pass the caller to the reception."""
        _log.warning("the dialplan takes over", call=self.id)
        await self.channel.do(agi.LEAVE)

    # --- what Asterisk reports ---------------------------------------------------------------------------

    def heard(self, event: Message) -> None:
        """Take an event of the caller's channel."""
        match event.event:
            case "AsyncAGIExec":
                self.channel.heard(event)
            case "DTMFBegin" | "DTMFEnd" if event.get("Direction") == "Received":
                self._key(event)
            case "HangupRequest":
                self._ended_by = self._ended_by or "caller"
            case "DialEnd" if event.get("DialStatus") == "ANSWER":
                self._answer_heard()
            case "AsyncAGIEnd":
                self.channel.leave()

    def _key(self, event: Message) -> None:
        key, at = event.get("Digit"), asyncio.get_running_loop().time()
        if key == SILENT_KEY:
            return
        if event.event == "DTMFBegin":
            self._keys.begins(key)
        elif self._keys.ends(key, event.get("DurationMs"), at):
            self._report(Pressed(key))

    def nudge(self) -> None:
        """What the caller holds for has come: end the waiting, and the music with it."""
        speaking = self._state.phase == "speaking"
        self._report(Nudged())
        if speaking and self._state.phase == "waiting":
            self._spawn(self.channel.press(SILENT_KEY))

    def _answer_heard(self) -> None:
        self._answered = True
        self._report(DestinationAnswered())

    def hung_up(self, sound: SoundQuality | None = None) -> None:
        """The caller's channel is gone; `sound` is how the call was heard."""
        self._sound = sound
        self.channel.leave()
        if self._timer is not None:
            self._timer.cancel()
        otherwise: HungUpBy = "destination" if self._answered else "error"
        self._report(LegEnded(self._ended_by or otherwise))

    def taken(self) -> None:
        """The dialplan has the call: stop without telling an end that is not known yet."""
        self.left = True
        self.channel.leave()
        self._told.put_nowait(HungUp("error"))  # only wakes `run`

    def let_go(self) -> None:
        """We stop: the dialplan takes over when our signs of life end."""
        self.left = True
        self.channel.leave()
        if self._timer is not None:
            self._timer.cancel()
        for task in tuple(self._tasks):
            task.cancel()

    def _report(self, reported: Reported) -> None:
        if self.channel.open or isinstance(reported, LegEnded | RecordingEnded):
            self._perform(*happened(self._state, reported))

    def _begin(self, effect: LineEffect) -> None:
        self._perform(*begin(self._state, effect))

    def _perform(self, state: Performance, actions: tuple[Action, ...]) -> None:
        self._state = state
        for action in actions:
            self._do(action)

    # --- what the performer wants done -------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        match action:
            case Tell(HungUp() as end):
                self._told.put_nowait(replace(end, sound=self._sound))
            case Tell(event):
                self._told.put_nowait(event)
            case Speak(keys, serial):
                self._spawn(self._speak(keys, serial))
            case SetTimer(ms, serial):
                self._set_timer(ms, TimeUp(serial))
            case StartRecording(max_ms, silence_ms):
                self._spawn(self._record(max_ms, silence_ms))
            case Dial(destination, ring_ms):
                self._spawn(self._pass_on(destination, ring_ms))
            case EndLeg():
                self._ended_by = "us"
                self._spawn(self.channel.hang_up())
            case StopSpeech() | StopRecording():
                pass  # the same key, nudge or hang-up has stopped it inside Asterisk already

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_timer(self, ms: int, reported: TimeUp) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(ms / 1000, self._report, reported)

    async def _speak(self, keys: tuple[str, ...], serial: int) -> None:
        file = self._desk.sounds.place(keys)
        stops, result = _stops(self._state.effect), agi.GONE
        for echoes in range(MOST_ECHOES + 1 if file else 0):
            keys_now = stops if echoes < MOST_ECHOES else ""
            played = self.channel.do(agi.play(file, keys_now, result.samples))
            self.channel.do(agi.QUIET)
            result = await played
            if not result.key or not await self._echo(serial):
                break
        if not result.key:
            self._report(SpeechEnded(serial))

    async def _echo(self, serial: int) -> bool:
        """Say whether a key that stopped the speech is one that we have heard before.

        Asterisk stretches a key that was shorter than it likes: we are told at once, the channel later, and
        then the old key stops the new speech, which is to go on where it stopped.
        """
        await asyncio.sleep(KEY_LATE_S)
        return self._state.phase == "speaking" and self._state.serial == serial

    async def _record(self, max_ms: int, silence_ms: int) -> None:
        effect = self._state.effect
        name = f"{self.id}-{self._turn}"
        beep = self._desk.sounds.place((BEEP,))
        if beep:
            self.channel.do(agi.play(beep, ""))
        finish = effect.finish if isinstance(effect, Record) else ""
        recorded = self.channel.do(
            agi.record(f"{self._desk.recordings_seen_as}/{name}", finish, max_ms, silence_ms)
        )
        self.channel.do(agi.QUIET)
        await recorded
        await self._keep(name)

    async def _keep(self, name: str) -> None:
        """Seal what Asterisk recorded; the open file does not outlive this."""
        path = self._desk.recordings / f"{name}.alaw"
        try:
            sound = await asyncio.to_thread(path.read_bytes)
            await asyncio.to_thread(path.unlink)
        except OSError as error:
            _log.error("no recording", call=self.id, error=error.strerror)
            sound = b""
        ms = len(sound) // 8
        kept = ms >= SHORTEST_MESSAGE and await self._desk.keep(name, sound)
        self._report(RecordingEnded(name if kept else "", ms if kept else 0))

    async def _pass_on(self, destination: str, ring_ms: int) -> None:
        plan, started = self._desk.plan, self.started
        problem: TransferProblem = "failed"
        await self.channel.settled()
        for name in plan.attempts(started.dialled, destination, started.at, lot(self.id)):
            entry = plan.destinations.get(name)
            if entry is None:
                _log.error("unknown destination", call=self.id, destination=name)
                continue
            self.ringing = entry.number
            problem = await self._ring(numbers.dial_string(entry), ring_ms)
            _log.info("transfer", call=self.id, destination=name, outcome=self._answered or problem)
            if self._answered or not self.channel.open:
                await self._conversation_over()
                return
        self.ringing = ""
        self._report(DestinationFailed(problem))

    async def _ring(self, target: str, ring_ms: int) -> TransferProblem:
        ringing = agi.subroutine("pass-on", target, str(max(1, ring_ms // 1000)), self.id)
        self.channel.do(ringing)
        return await self._dialled()

    async def _await_dialled(self) -> None:
        problem = await self._dialled()
        if self._answered:
            await self._conversation_over()
        else:
            self._report(DestinationFailed(problem))

    async def _conversation_over(self) -> None:
        """The destination hung up first: Asterisk gives the caller back, and nobody but us ends the call."""
        if self.channel.open:
            await self.channel.hang_up()

    async def _dialled(self) -> TransferProblem:
        """Return what the dialling before in the channel's queue came to."""
        asked = await self.channel.do(agi.value_of("${DIALSTATUS} ${HANGUPCAUSE}"))
        self.channel.do(agi.QUIET)
        status, _, cause = asked.text.partition(" ")
        return transfer_problem(status, cause)


def _stops(effect: LineEffect | None) -> str:
    """Return the keys that end the speech of an effect inside Asterisk."""
    if isinstance(effect, Gather):
        return agi.KEYS
    return effect.keys if isinstance(effect, Play) else ""

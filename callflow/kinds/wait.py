"""`wait`: hold the line for a person."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from callflow.effects import Ask, Gather, Prompt
from callflow.effects import Transfer as Connect
from callflow.events import DigitsPressed, Event, Told, TransferAnswered, TransferFailed
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import Destination, Exit, PromptName, Seconds, Speaking, leave, remember, say, stay
from callflow.kinds.transfer import ANSWERED, answered

ASKED, RINGING, HOLDING = "asked", "ringing", "holding"
CALLBACK, LINK = "1", "2"


class Wait(Speaking):
    """Hold until the destination is free: position, expected wait, music; now and then a way out.

    Every `offer_every` rounds the caller may choose 1 for a callback (keeping the place, since cards are
    worked off by first contact) or 2 for the form link. After `rounds` rounds the call goes to `given_up`.
    The queue's facts can be spoken: `queue.position`, `queue.minutes`, "" when unknown.
    """

    word: ClassVar[str] = "wait"
    human: ClassVar[bool] = True
    ends: ClassVar[tuple[str, ...]] = (ANSWERED,)
    defines: ClassVar[tuple[str, ...]] = ("queue.position", "queue.minutes")

    prompt: PromptName = "wait_position"
    destination: Destination
    ring_seconds: Seconds = 25
    connecting: PromptName = "connecting"
    music: PromptName = ""
    offer: PromptName = "wait_offer"
    offer_every: int = Field(default=2, ge=1, le=10)
    pause_seconds: Seconds = 15
    rounds: int = Field(default=12, ge=1, le=60)
    callback: Exit
    link: Exit = ""
    given_up: Exit

    def owns(self, state: State, digits: str) -> bool:
        """Keep the keys of the offer."""
        return state.phase == HOLDING and bool(self._way_out(digits))

    def enter(self, flow: Flow, state: State) -> Move:
        """Ask whether the destination is free."""
        del flow
        return self._ask(changed(state, typed=""))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Connect, hold on, or leave."""
        del flow
        if state.phase == RINGING:
            return answered(state) if isinstance(event, TransferAnswered) else self._unanswered(state, event)
        if state.phase == ASKED:
            return self._told(state, event)
        way = self._way_out(event.digits) if isinstance(event, DigitsPressed) else ""
        if way:
            return leave(state, way)
        return leave(state, "given_up") if state.tries >= self.rounds else self._ask(state)

    def _way_out(self, digits: str) -> str:
        return {CALLBACK: "callback", LINK: "link" if self.link else ""}.get(digits, "")

    def _ask(self, state: State) -> Move:
        # the destination stands in the state, so that other calls can see who waits for it
        return stay(changed(state, phase=ASKED, scratch=self.destination), Ask("queue", self.destination))

    def _told(self, state: State, event: Event) -> Move:
        """Unknown answers count as free: then at least the phone rings."""
        told = event if isinstance(event, Told) else Told("free")
        state = remember(state, told.values)
        if told.answer == "closed":
            return leave(state, "given_up")
        if told.answer == "busy":
            return self._hold(state)
        connect = Connect((say(state, self.connecting),), self.destination, self.ring_seconds * 1000)
        return stay(changed(state, phase=RINGING), connect)

    def _unanswered(self, state: State, event: Event) -> Move:
        refused = isinstance(event, TransferFailed) and event.problem == "refused"
        if refused or state.tries >= self.rounds:
            return leave(state, "given_up")
        return self._hold(state)

    def _hold(self, state: State) -> Move:
        rounds = state.tries + 1
        spoken: list[Prompt] = [*self.words(state)]
        if rounds % self.offer_every == 0:
            spoken.append(say(state, self.offer))
        if self.music:
            spoken.append(say(state, self.music))
        held = changed(state, phase=HOLDING, tries=rounds)
        return stay(held, Gather(tuple(spoken), first_ms=self.pause_seconds * 1000))

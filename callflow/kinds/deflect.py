"""`deflect`: a link to the form instead of a conversation."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from callflow.effects import Gather, Play, SendLink
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds import numpad
from callflow.kinds.base import KEYS, Concern, Exit, Kind, PromptName, Tries, leave, say, stay, typed_ahead
from callflow.kinds.menu import concerned
from callflow.kinds.numpad import NO, YES, Entered, Numpad
from callflow.numbers import allowed_mobile

Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
OFFER, OFFER_TYPING, SENT = "offer", "offer_typing", "sent"


class Deflect(Kind):
    """Offer the form link by SMS: 1 accepts, 2 declines.

    Callers without a mobile number may type one (read back, confirmed). A link is sent at most once per
    concern and call. Exits that are not named go to `declined`.
    """

    word: ClassVar[str] = "deflect"
    speaks: ClassVar[tuple[str, ...]] = ("number",)
    waits: ClassVar[bool] = True
    asks: ClassVar[bool] = True

    concern: Concern = ""
    countries: tuple[Country, ...] = ("DE",)
    offer: PromptName = "link_offer"
    offer_typing: PromptName = "link_offer_typing"
    ask: PromptName = "link_ask_number"
    wrong: PromptName = "link_wrong_number"
    readback: PromptName = "link_readback"
    sent: PromptName = "link_sent"
    tries: Tries = 2
    then: Exit
    declined: Exit
    no_input: Exit = ""
    no_mobile: Exit = ""

    def owns(self, state: State, digits: str) -> bool:
        """Keep the keys of the offer and of the number dialogue."""
        if state.phase in (OFFER, OFFER_TYPING):
            return digits in (YES, NO)
        return numpad.owns(state, digits)

    def enter(self, flow: Flow, state: State) -> Move:
        """Offer the link to the caller's mobile, or to one that they type."""
        noted = concerned(state, self.concern, "")
        if _subject(noted) in noted.links:
            return self._told(flow, changed(noted, phase=SENT, typed=""))
        phase = OFFER if allowed_mobile(noted.caller.number, self.countries) else OFFER_TYPING
        return self._ask(flow, changed(noted, phase=phase, typed=""))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Send, let type, or go on without."""
        if state.phase == SENT:
            return leave(typed_ahead(state, event), "then")
        if state.phase not in (OFFER, OFFER_TYPING):
            return self._settled(flow, self._numpad().resume(state, event))
        digits = event.digits if isinstance(event, DigitsPressed) else ""
        if digits == NO:
            return leave(state, "declined")
        if digits != YES:
            return self._missed(flow, state)
        if state.phase == OFFER:
            return self._send(flow, state, state.caller.number)
        return self._numpad().begin(state)

    def _ask(self, flow: Flow, state: State) -> Move:
        gather = self.said(state, state.phase) or self.saying(flow, state, self._asked(state), state.phase)
        return stay(state, gather)

    def _asked(self, state: State) -> Gather:
        prompt = self.offer if state.phase == OFFER else self.offer_typing
        return Gather((say(state, prompt),), first_ms=6000)

    def _missed(self, flow: Flow, state: State) -> Move:
        if state.tries + 1 >= self.tries:
            return leave(state, "no_input" if self.no_input else "declined")
        return self._ask(flow, changed(state, tries=state.tries + 1))

    def _numpad(self) -> Numpad:
        reads = numpad.dialled(lambda number: allowed_mobile(number, self.countries))
        return Numpad(lambda state: (say(state, self.ask),), self.wrong, self.readback, reads)

    def _settled(self, flow: Flow, found: Move | Entered) -> Move:
        if not isinstance(found, Entered):
            return found
        if not found.value:
            return leave(found.state, "no_mobile" if self.no_mobile else "declined")
        return self._send(flow, found.state, found.value)

    def _send(self, flow: Flow, state: State, number: str) -> Move:
        concern = _subject(state)
        link = SendLink(concern, number, state.language)
        sent = changed(state, phase=SENT, left="link", links=(*state.links, concern))
        return self._told(flow, sent, link)

    def _told(self, flow: Flow, state: State, *records: SendLink) -> Move:
        play = self.said(state, SENT) or self.saying(flow, state, Play((say(state, self.sent),), KEYS), SENT)
        return stay(state, *records, play)


def _subject(state: State) -> str:
    return state.concern or "sonstiges"

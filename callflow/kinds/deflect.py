"""`deflect`: a link to the form instead of a conversation."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from callflow.effects import Gather, Play, SendLink
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, Stay, changed
from callflow.kinds import numpad
from callflow.kinds.base import KEYS, Concern, Exit, Kind, PromptName, Tries, leave, say, stay
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
        del flow
        noted = changed(concerned(state, self.concern, ""), typed="")
        if _subject(noted) in noted.links:
            return self._told(noted)
        phase = OFFER if allowed_mobile(noted.caller.number, self.countries) else OFFER_TYPING
        return self._ask(changed(noted, phase=phase))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Send, let type, or go on without."""
        del flow
        if state.phase == SENT:
            typed = event.digits[:1] if isinstance(event, DigitsPressed) else ""
            return leave(changed(state, typed=typed), "then")
        if state.phase not in (OFFER, OFFER_TYPING):
            return self._settled(self._numpad().resume(state, event))
        digits = event.digits if isinstance(event, DigitsPressed) else ""
        if digits == NO:
            return leave(state, "declined")
        if digits != YES:
            return self._missed(state)
        return self._send(state, state.caller.number) if state.phase == OFFER else self._numpad().begin(state)

    def _ask(self, state: State) -> Stay:
        prompt = self.offer if state.phase == OFFER else self.offer_typing
        return stay(state, Gather((say(state, prompt),), first_ms=6000))

    def _missed(self, state: State) -> Move:
        if state.tries + 1 >= self.tries:
            return leave(state, "no_input" if self.no_input else "declined")
        return self._ask(changed(state, tries=state.tries + 1))

    def _numpad(self) -> Numpad:
        reads = numpad.dialled(lambda number: allowed_mobile(number, self.countries))
        return Numpad(lambda state: (say(state, self.ask),), self.wrong, self.readback, reads)

    def _settled(self, found: Stay | Entered) -> Move:
        if isinstance(found, Stay):
            return found
        if not found.value:
            return leave(found.state, "no_mobile" if self.no_mobile else "declined")
        return self._send(found.state, found.value)

    def _send(self, state: State, number: str) -> Stay:
        concern = _subject(state)
        link = SendLink(concern, number, state.language)
        return self._told(changed(state, left="link", links=(*state.links, concern)), link)

    def _told(self, state: State, *records: SendLink) -> Stay:
        return stay(changed(state, phase=SENT), *records, Play((say(state, self.sent),), KEYS))


def _subject(state: State) -> str:
    return state.concern or "sonstiges"

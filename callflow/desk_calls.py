"""Click-to-call at the desk: a person calls the patient of a card over one of the house's lines.

The call is in the card's history before a line hears of it, so a crash leaves it there; after the restart its
line is asked what became of it. Nothing dials it again by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from callflow import dialling, inbox, numbers
from callflow.dialling import Dialler, DialRequest, DialResult
from callflow.effects import Clip, Prompt
from callflow.inbox import CardNotDiallableError, Dial
from callflow.session import Speaker
from callflow.store import Call, Card, Store, Tx, User

CONFIRM, ANNOUNCE = "dial_confirm", "dial_announce"
_LOOKS_BACK = timedelta(days=1)
_log = structlog.get_logger("desk_calls")


@dataclass(slots=True)
class DeskCalls:
    """All calls that people make from cards.

    Args:
        store: the database.
        speaker: renders what the person hears.
        diallers: lines that dial for people, by name, in the order in which they are asked.
        caller_ids: the practice's numbers; patients see the one that they called, else the first.
        clock: gives the aware present time.
    """

    store: Store
    speaker: Speaker
    diallers: Mapping[str, Dialler]
    caller_ids: tuple[str, ...]
    clock: Callable[[], datetime]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def reaches(self, device: str) -> bool:
        """Say whether a line can ring this telephone now."""
        return bool(device and self.caller_ids and self._line(device))

    async def call(self, card_id: str, user: User) -> str:
        """Call the patient of a card that `user` holds; returns the call's id once it is written down.

        Raises:
            CardUnknownError, CardClosedError, CardNotHeldError, CardHeldError: as `inbox.claim.held`.
            CardRingingError: a call from this card is still going on.
            CardNotDiallableError: no line reaches the person's telephone, or the number is never dialled.
        """
        line = self._line(user.device)
        if not line or not self.caller_ids:
            raise CardNotDiallableError(card_id, "no line reaches this person's telephone")
        dial, now = f"{line}-dial-{uuid4().hex}", self.clock()
        card, shown = await self.store.write(lambda tx: self._begin(tx, card_id, user, dial, now))
        self._spawn(self._dial(Dial(dial, card.id, user.id), card, user, shown))
        return dial

    async def resume(self) -> None:
        """Find out what became of calls that were going on when the house went down."""
        since = self.clock() - _LOOKS_BACK
        for dial in await self.store.read(lambda tx: inbox.unfinished_dials(tx, since=since)):
            self._spawn(self._find_out(dial))

    async def close(self) -> None:
        """Let go of the calls; they go on without us."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _line(self, device: str) -> str:
        return next((name for name, line in self.diallers.items() if line.reaches(device)), "")

    def _begin(self, tx: Tx, card_id: str, user: User, dial: str, now: datetime) -> tuple[Card, str]:
        card = inbox.dialling(tx, card_id, user.id, dial, now=now)
        if not dialling.may_dial(card.number):
            raise CardNotDiallableError(card_id, "this number is never dialled")
        return card, self._shown(tx, card)

    def _shown(self, tx: Tx, card: Card) -> str:
        call = tx.get(Call, card.call_id) if card.call_id else None
        return call.dialled if call is not None and call.dialled in self.caller_ids else self.caller_ids[0]

    async def _dial(self, dial: Dial, card: Card, user: User, shown: str) -> None:
        line = self._line_of(dial)
        request = DialRequest(
            id=dial.id,
            card=card.id,
            device=user.device,
            number=card.number,
            caller_id=shown,
            confirm=await self._confirm(user),
            announcement=await self._announcement(card, user),
        )
        _log.info("dialling", dial=dial.id, card=card.id)
        await self._keep(dial, await line.dial(request) if line else DialResult("failed"))

    async def _find_out(self, dial: Dial) -> None:
        line = self._line_of(dial)
        await self._keep(dial, await line.became(dial.id) if line else DialResult("unknown"))

    def _line_of(self, dial: Dial) -> Dialler | None:
        return self.diallers.get(dial.id.rpartition("-dial-")[0])

    async def _confirm(self, user: User) -> tuple[Clip, ...]:
        if not dialling.asks_for_key(user.device):
            return ()
        return await self.speaker.clips([Prompt(CONFIRM, language=user.language)])

    async def _announcement(self, card: Card, user: User) -> tuple[Clip, ...]:
        # never the name: it would rest as sound in the prompt cache, where numbers are shared digits
        values = (("number", numbers.written(card.number)),)
        return await self.speaker.clips([Prompt(ANNOUNCE, language=user.language, values=values)])

    async def _keep(self, dial: Dial, result: DialResult) -> None:
        now = self.clock()
        await self.store.write(lambda tx: inbox.dialled(tx, dial, result, now=now))
        _log.info("dialled", dial=dial.id, card=dial.card, outcome=result.outcome)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # the call stays unfinished and is looked at after a restart
            _log.error("failed", error=type(error).__name__)

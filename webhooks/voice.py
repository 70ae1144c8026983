"""Twilio as a line: requests become events, effects become TwiML.

Twilio asks, we answer; between two requests everything about the call is in the database. A repeated or
reordered request is answered with what the call stands at, so nothing happens twice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Literal

import structlog
from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from starlette.types import Scope

from callflow import g711
from callflow.effects import LineEffect, Record
from callflow.events import Caller, CallStarted, Event, HungUp, Recorded, TransferAnswered
from callflow.prompts.cache import Cache, NoClip
from callflow.session import Reaction, Sessions
from webhooks.entrance import route
from webhooks.happenings import answer, over
from webhooks.recordings import RecordingFetchError, Recordings
from webhooks.signature import Fields, Post, Signature
from webhooks.twiml import Site, rejected, twiml

YEAR = 31_536_000  # seconds
REMEMBERED = 2000  # calls whose last answer is at hand without asking the database
DOCUMENTS = 500  # most TwiML documents that are kept written
FETCH_TRIES = (0.0, 2.0, 10.0, 60.0)  # seconds before each try to fetch a recording
_log = structlog.get_logger("webhooks")


@dataclass(slots=True)
class Voice:
    """Calls of one Twilio account.

    Args:
        name: the line's name in config/lines.yaml.
        sessions: decide about calls.
        site: what TwiML documents refer to.
        signature: lets only Twilio in.
        cache: rendered speech.
        clock: gives the aware present time.
        recordings: fetches voice messages; None leaves them at Twilio (demo).
    """

    name: str
    sessions: Sessions
    site: Site
    signature: Signature
    cache: Cache
    clock: Callable[[], datetime]
    recordings: Recordings | None = None
    _told: OrderedDict[str, Reaction] = field(default_factory=OrderedDict)
    _written: Callable[[LineEffect, int], str] = field(init=False)
    _fetching: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        # The same document is asked for by every call that comes to the same place.
        self._written = lru_cache(DOCUMENTS)(partial(twiml, site=self.site))

    def router(self) -> APIRouter:
        """Return the routes under /webhooks/voice."""
        router = APIRouter(include_in_schema=False)
        for name, take in (("call", self.called), ("step", self.stepped), ("status", self.status)):
            router.routes.append(route(f"/webhooks/voice/{name}", self.signature, take))

        @router.get("/webhooks/voice/clips/{key}.wav")
        async def clip(key: str) -> Response:
            return await asyncio.to_thread(self._clip, key)

        return router

    async def called(self, post: Post, _scope: Scope) -> str:
        """A call came in."""
        fields = post.fields
        started = CallStarted(fields.get("To", ""), Caller(fields.get("From", "")), self.clock(), self.name)
        return self._document(await self._happened(_sid(fields), 0, started))

    async def stepped(self, post: Post, _scope: Scope) -> str:
        """Twilio did what a turn asked for; a late or repeated word of it changes nothing."""
        call, turn = _sid(post.fields), _turn(post.query)
        standing = await self._standing(call)
        if standing is not None and standing.turn == turn and standing.effect is not None:
            standing = await self._tell(call, standing.effect, turn, post.fields)
        return self._document(standing)

    async def status(self, post: Post, _scope: Scope) -> None:
        """Twilio tells how the call as a whole is."""
        if not over(post.fields):
            return
        call = _sid(post.fields)
        standing = await self._standing(call)
        if standing is not None:
            await self._over(call, standing.turn, "caller")

    async def _tell(self, call: str, asked: LineEffect, turn: int, fields: Fields) -> Reaction | None:
        event = answer(asked, fields)
        if isinstance(asked, Record):
            self._fetch(event)
        standing = await self._happened(call, turn, event)
        if standing is not None and isinstance(event, TransferAnswered):
            # <Dial> reports after the conversation: the destination took the call, and now it is over.
            return await self._over(call, standing.turn, "destination")
        if standing is not None and over(fields):
            return await self._over(call, standing.turn, "caller")
        return standing

    async def _over(self, call: str, turn: int, by: Literal["caller", "destination"]) -> Reaction:
        reaction = await self.sessions.happened(call, turn, HungUp(by))
        self._told.pop(call, None)
        return reaction

    async def _happened(self, call: str, turn: int, event: Event) -> Reaction | None:
        reaction = await self.sessions.happened(call, turn, event)
        if reaction.effect is None:  # told before, or overtaken: the database knows where the call stands
            return await self.sessions.standing(call)
        self._told[call] = reaction
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return reaction

    async def _standing(self, call: str) -> Reaction | None:
        return self._told.get(call) or await self.sessions.standing(call)

    def _fetch(self, event: Event) -> None:
        if isinstance(event, Recorded) and event.recording and self.recordings is not None:
            task = asyncio.create_task(_taken(self.recordings, event.recording))
            self._fetching.add(task)
            task.add_done_callback(self._fetching.discard)

    def _document(self, standing: Reaction | None) -> str:
        if standing is None or standing.effect is None:
            return rejected()
        return self._written(standing.effect, standing.turn)

    def _clip(self, key: str) -> Response:
        try:
            sound = g711.wav(self.cache.frames(key))
        except NoClip:
            raise HTTPException(404) from None
        kept = {"Cache-Control": f"public, max-age={YEAR}, immutable"}
        return Response(sound, media_type="audio/wav", headers=kept)


async def _taken(recordings: Recordings, sid: str) -> None:
    for pause in FETCH_TRIES:
        await asyncio.sleep(pause)
        try:
            await recordings.take(sid)
        except RecordingFetchError as error:
            _log.warning("recording not fetched", recording=sid, why=str(error))
        else:
            return


def _sid(fields: Fields) -> str:
    sid = fields.get("CallSid", "")
    if not sid:
        raise HTTPException(400, "CallSid is missing")
    return sid


def _turn(query: Fields) -> int:
    turn = query.get("turn", "")
    if not turn.isdecimal():
        raise HTTPException(422, "turn is missing")
    return int(turn)

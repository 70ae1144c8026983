"""The app process: sessions, inbox, outbox and web of one house."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
import uvicorn
from fastapi import FastAPI

from callflow import logs, parent
from callflow.bootstrap import asterisk, first_run, hearing, practice, sending, twilio
from callflow.bootstrap.chores import Chores
from callflow.bootstrap.flows import Shelf, shelf
from callflow.bootstrap.places import app_socket
from callflow.bootstrap.tidying import Tidying
from callflow.desk_calls import DeskCalls
from callflow.directory import Recognition
from callflow.events import Told
from callflow.flow import State
from callflow.handlers import Handlers
from callflow.hearing.process import HearingProcess
from callflow.homes import Homes
from callflow.hours import told
from callflow.inbox import Deadlines
from callflow.lines import LineServer
from callflow.metrics import Gauges
from callflow.outbox.worker import Worker
from callflow.precedence import Precedence
from callflow.prompts.studio import Facts, Studio
from callflow.sealing import Sealer, load_key
from callflow.session import Sessions
from callflow.settings import Settings
from callflow.spool import SpoolReader
from callflow.store import Store, Tx
from callflow.takeover import Takeover
from callflow.transcripts import Transcripts
from callflow.web.app import create_app
from callflow.web.forms.source import load_forms
from callflow.web.house import House
from sip.asterisk import AsteriskLine
from webhooks import metrics
from webhooks.outgoing import Outgoing

_log = structlog.get_logger("app")
CLOSES_WITHIN = 5  # seconds that web requests may still take after SIGTERM


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Rooms:
    """The rooms of a house, joined.

    Args:
        store: the database.
        studio: speech.
        flows: flows and calendars.
        lines: the app's end of the line socket.
        takeover: takes over what lines did alone.
        asterisk: lines that an Asterisk holds.
        desk_calls: calls that people make from cards.
        worker: empties the outbox.
        outgoing: tells other programs what happens.
        chores: what is due by the clock.
        tidying: keeps the prompt cache small.
        ear: hears voice messages, None without a model.
        transcripts: writes them down, likewise.
        web: pages and API.
    """

    store: Store
    studio: Studio
    flows: Shelf
    lines: LineServer
    takeover: Takeover
    asterisk: tuple[AsteriskLine, ...]
    desk_calls: DeskCalls
    worker: Worker
    outgoing: Outgoing
    chores: Chores
    tidying: Tidying
    ear: HearingProcess | None
    transcripts: Transcripts | None
    web: FastAPI

    async def open(self) -> None:
        """Make ready for calls."""
        await self.studio.start(("de",))
        await asterisk.announce(self.asterisk, self.studio, "de")
        await self.lines.start()
        await self.desk_calls.resume()

    async def close(self) -> None:
        """Leave everything on disk."""
        await self.desk_calls.close()
        await self.lines.close()
        await self.studio.close()
        if self.ear:
            await self.ear.close()
        self.store.close()


def build(settings: Settings) -> Rooms:
    """Join the rooms of the house.

    Raises:
        FlowErrors: a file of the configuration is broken.
        HearingError: the speech model for transcripts is missing.
        callflow.sealing.KeyFileError, callflow.store.database.WrongKeyError: the key does not fit.
    """
    flows = shelf(settings)
    sealer = Sealer(load_key(settings.data / "key"))
    store = Store(first_run.database_path(settings.data), sealer)
    deadlines = practice.deadlines(settings, flows.is_open)
    studio = first_run.studio(settings)
    ear = hearing.ear(settings)
    flows.changed = lambda calendars: _tell(studio, first_run.spoken_facts(settings, calendars))
    handlers = _handlers(settings, deadlines, flows)
    recognition = Recognition(window=timedelta(hours=settings.practice.inbox.repeat_hours))
    sessions = Sessions(store, flows, studio, handlers, recognition, _now)
    takeover = Takeover(SpoolReader(settings.data / "spool", sealer), sessions, _now)
    calls = Precedence()
    gauges = Gauges()
    desk = Homes(sessions, settings.plan)
    lines = LineServer(app_socket(settings.data), desk, takeover, gauges.take, calls)
    asterisks = asterisk.asterisk_lines(settings, sessions, studio, sealer)
    handlers.occupancy.lines.extend(line.occupied for line in asterisks)
    over_twilio = twilio.diallers(settings, store, _now)
    diallers = {**asterisk.diallers(asterisks), **over_twilio}
    desk_calls = DeskCalls(store, studio, diallers, tuple(settings.plan.numbers), _now)
    house = _house(settings, store, deadlines, lines, asterisks, flows)
    trunks = house.trunks
    house = replace(house, trunks=lambda: {**gauges.trunks(), **trunks()})
    web = create_app(replace(house, calls=calls, desk_calls=desk_calls))
    web.include_router(
        metrics.router(lambda: gauges.text((*lines.connected, *asterisk.measured(asterisks, gauges))))
    )
    for router in twilio.voice_routers(settings, sessions, sealer, _now):
        web.include_router(router)
    for dialler in over_twilio.values():
        web.include_router(dialler.router())
    for router in sending.receipts(settings, store, handlers.sms_lost, _now):
        web.include_router(router)
    return Rooms(
        store=store,
        studio=studio,
        flows=flows,
        lines=lines,
        takeover=takeover,
        asterisk=asterisks,
        desk_calls=desk_calls,
        worker=Worker(store, {"sms": sending.transports(settings, _show, _now)}, handlers.sms_lost, _now),
        outgoing=sending.outgoing(settings, store, _now),
        chores=Chores(store, deadlines, timedelta(minutes=settings.practice.inbox.claim_minutes)),
        tidying=Tidying(settings, studio, flows.inline),
        ear=ear,
        transcripts=Transcripts(store, settings.data / "recordings", sealer, ear.hear, _now) if ear else None,
        web=web,
    )


def _tell(studio: Studio, facts: Facts) -> None:
    studio.facts = facts


def _handlers(settings: Settings, deadlines: Deadlines, flows: Shelf) -> Handlers:
    def hours(_tx: Tx, state: State, subject: str, now: datetime) -> Told:
        return told(flows.calendar(subject), now, state.language)

    rules, caps = practice.link_rules(settings), practice.caps(settings)
    return Handlers(rules, deadlines, caps, {"hours": hours})


def _house(  # noqa: PLR0913, PLR0917 - the pages see a little of every room
    settings: Settings,
    store: Store,
    deadlines: Deadlines,
    lines: LineServer,
    asterisks: tuple[AsteriskLine, ...],
    flows: Shelf,
) -> House:
    return House(
        face=practice.face(settings),
        store=store,
        clock=_now,
        public_url=settings.public_url,
        link_url=settings.link_url,
        concerns=practice.concerns(settings),
        forms=load_forms(settings.config / "forms"),
        deadlines=deadlines,
        demo="console" in practice.transports(settings),
        line_up=lambda: asterisk.up(settings, asterisks, lines.connected),
        trunks=lambda: asterisk.trunks(asterisks),
        flows=flows.standing,
        versions=flows.versions,
        sms_name=settings.practice.practice.sms_name,
        recordings=settings.data / "recordings",
        caps=practice.caps(settings),
        blocks=practice.work_blocks(settings),
        room_mb=lambda: shutil.disk_usage(settings.data).free // 1_000_000,
    )


def _show(number: str, text: str) -> None:
    # The demo transport's whole purpose: without an account the message is shown where the server runs.
    sys.stdout.write(f"SMS an / to {number}: {text}\n")
    sys.stdout.flush()


async def run(settings: Settings) -> None:
    """Run the app process until SIGTERM.

    Raises:
        FlowErrors: a file of the configuration is broken.
    """
    logs.configure(sys.stderr)
    rooms = build(settings)
    server = _Server(rooms.web, settings)
    await rooms.open()
    try:
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(work)
                for work in (
                    rooms.worker.run(),
                    rooms.outgoing.run(),
                    rooms.takeover.run(),
                    rooms.chores.run(),
                    rooms.tidying.run(),
                    *([rooms.transcripts.run()] if rooms.transcripts else []),
                    rooms.flows.watch(),
                    *(line.run() for line in rooms.asterisk),
                )
            ]
            await server.serve_until_told()
            for task in background:
                task.cancel()
    finally:
        await rooms.close()


class _Server(uvicorn.Server):
    """Uvicorn, stopped by our own signal handling."""

    def __init__(self, web: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                web,
                host=settings.http.host,
                port=settings.http.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=CLOSES_WITHIN,
            )
        )
        self._ready = settings.data / "run" / "app.ready"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then say so."""
        await super().startup(sockets)
        if self.started:
            with suppress(OSError):  # a full disk: whoever waits for the sign says so, but calls can come
                await asyncio.to_thread(self._ready.write_text, "up\n")

    async def serve_until_told(self) -> None:
        """Serve until SIGTERM."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told)
        parent.watch(self._told)
        await self._serve()

    def _told(self) -> None:
        self.should_exit = True

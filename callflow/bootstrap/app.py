"""The app process: sessions, inbox, outbox and web of one house."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
import uvicorn
from fastapi import FastAPI

from callflow import logs, parent
from callflow.bootstrap import asterisk, first_run, hearing, in_force, practice, sending, twilio
from callflow.bootstrap.chores import Chores
from callflow.bootstrap.flows import Shelf, shelf
from callflow.bootstrap.places import Options, app_socket
from callflow.bootstrap.tidying import Tidying
from callflow.desk_calls import DeskCalls
from callflow.dialling import Dialler
from callflow.directory import Recognition
from callflow.events import Told
from callflow.flow import State
from callflow.handlers import Handlers
from callflow.hearing.process import HearingProcess
from callflow.homes import Homes
from callflow.hours import told
from callflow.inbox import Deadlines
from callflow.language.problems import Problem
from callflow.lines import LineServer
from callflow.metrics import Gauges
from callflow.outbox.worker import Worker
from callflow.plan import Plan
from callflow.precedence import Precedence
from callflow.prompts.jobs import CALLER_WAITS_S
from callflow.prompts.studio import Facts, Studio
from callflow.sealing import Sealer, load_key
from callflow.session import Sessions
from callflow.settings import Settings
from callflow.spool import SpoolReader
from callflow.store import Store, Tx
from callflow.takeover import Takeover
from callflow.transcripts import Transcripts
from callflow.web.app import create_app
from callflow.web.forms.source import Forms, load_forms
from callflow.web.house import House
from sip.asterisk import AsteriskLine
from webhooks import metrics
from webhooks.dialling import TwilioDialler
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


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every room stands on."""

    settings: Settings
    forms: Forms
    flows: Shelf
    sealer: Sealer
    store: Store
    studio: Studio
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class _Telephones:
    """Who answers calls, and everything that brings them."""

    handlers: Handlers
    sessions: Sessions
    takeover: Takeover
    lines: LineServer
    asterisks: tuple[AsteriskLine, ...]
    twilio: Mapping[str, TwilioDialler]
    gauges: Gauges
    calls: Precedence

    @property
    def diallers(self) -> dict[str, Dialler]:
        """What makes calls for people, by line."""
        return {**asterisk.diallers(self.asterisks), **self.twilio}

    def trunks(self) -> dict[str, bool]:
        """Return trunk -> whether it is up."""
        return {**self.gauges.trunks(), **asterisk.trunks(self.asterisks)}

    def figures(self) -> str:
        """Return what the lines count, as Prometheus reads it."""
        return self.gauges.text((*self.lines.connected, *asterisk.measured(self.asterisks, self.gauges)))


def build(settings: Settings, faults: tuple[Problem, ...] = ()) -> Rooms:
    """Join the rooms of the house.

    Args:
        settings: the house's settings.
        faults: what is wrong in the files that these settings were to be read from.

    Raises:
        FlowErrors: a file of the configuration is broken that never was in force.
        HearingError: the speech model for transcripts is missing.
        callflow.sealing.KeyFileError, callflow.store.database.WrongKeyError: the key does not fit.
    """
    ground = _ground(settings, faults)
    ear = hearing.ear(settings)
    phones = _telephones(ground)
    store, studio, sealer, lost = ground.store, ground.studio, ground.sealer, phones.handlers.sms_lost
    desk_calls = DeskCalls(store, studio, phones.diallers, tuple(settings.plan.numbers), _now)
    return Rooms(
        store=store,
        studio=studio,
        flows=ground.flows,
        lines=phones.lines,
        takeover=phones.takeover,
        asterisk=phones.asterisks,
        desk_calls=desk_calls,
        worker=Worker(store, {"sms": sending.transports(settings, _show, _now)}, lost, _now),
        outgoing=sending.outgoing(settings, store, _now),
        chores=Chores(store, ground.deadlines, timedelta(minutes=settings.practice.inbox.claim_minutes)),
        tidying=Tidying(settings, studio, ground.flows.inline),
        ear=ear,
        transcripts=Transcripts(store, settings.data / "recordings", sealer, ear.hear, _now) if ear else None,
        web=_web(ground, phones, desk_calls),
    )


def _ground(settings: Settings, faults: tuple[Problem, ...]) -> _Ground:
    forms = load_forms(settings.forms)
    flows = shelf(settings, faults)
    settings = flows.settings  # numbers may have moved while no app was there
    sealer = Sealer(load_key(settings.data / "key"))
    store = Store(first_run.database_path(settings.data), sealer)
    studio = first_run.studio(settings, calendars=flows.calendars, job_s=CALLER_WAITS_S)
    flows.changed = lambda calendars: _tell(studio, first_run.spoken_facts(settings, calendars))
    return _Ground(settings, forms, flows, sealer, store, studio, practice.deadlines(settings, flows.is_open))


def _tell(studio: Studio, facts: Facts) -> None:
    studio.facts = facts


def _telephones(ground: _Ground) -> _Telephones:
    settings, store, studio, sealer = ground.settings, ground.store, ground.studio, ground.sealer
    handlers = _handlers(settings, ground.deadlines, ground.flows)
    recognition = Recognition(window=timedelta(hours=settings.practice.inbox.repeat_hours))
    sessions = Sessions(store, ground.flows, studio, handlers, recognition, _now)
    takeover = Takeover(SpoolReader(settings.data / "spool", sealer), sessions, _now)
    gauges, calls = Gauges(), Precedence()
    desk = Homes(sessions, settings.plan)
    lines = LineServer(app_socket(settings.data), desk, takeover, gauges.take, calls)
    asterisks = asterisk.asterisk_lines(settings, sessions, studio, sealer)
    handlers.occupancy.lines.extend(line.occupied for line in asterisks)

    def renumbered(plan: Plan) -> None:
        desk.plan = plan
        for line in asterisks:
            line.renumber(plan)

    ground.flows.renumbered = renumbered
    over_twilio = twilio.diallers(settings, store, _now)
    return _Telephones(handlers, sessions, takeover, lines, asterisks, over_twilio, gauges, calls)


def _handlers(settings: Settings, deadlines: Deadlines, flows: Shelf) -> Handlers:
    def hours(_tx: Tx, state: State, subject: str, now: datetime) -> Told:
        return told(flows.calendar(subject), now, state.language)

    rules, caps = practice.link_rules(settings), practice.caps(settings)
    return Handlers(rules, deadlines, caps, {"hours": hours})


def _web(ground: _Ground, phones: _Telephones, desk_calls: DeskCalls) -> FastAPI:
    settings, store = ground.settings, ground.store
    web = create_app(_house(ground, phones, desk_calls))
    for router in (
        metrics.router(phones.figures),
        *twilio.voice_routers(settings, phones.sessions, ground.sealer, _now),
        *(dialler.router() for dialler in phones.twilio.values()),
        *sending.receipts(settings, store, phones.handlers.sms_lost, _now),
    ):
        web.include_router(router)
    return web


def _house(ground: _Ground, phones: _Telephones, desk_calls: DeskCalls) -> House:
    settings = ground.settings
    return House(
        face=practice.face(settings),
        store=ground.store,
        clock=_now,
        public_url=settings.public_url,
        link_url=settings.link_url,
        concerns=practice.concerns(settings),
        forms=ground.forms,
        deadlines=ground.deadlines,
        demo="console" in practice.transports(settings),
        line_up=lambda: asterisk.up(settings, phones.asterisks, phones.lines.connected),
        trunks=phones.trunks,
        flows=ground.flows.standing,
        faults=ground.flows.problems,
        versions=ground.flows.versions,
        sms_name=settings.practice.practice.sms_name,
        recordings=settings.data / "recordings",
        caps=practice.caps(settings),
        blocks=practice.work_blocks(settings),
        room_mb=lambda: shutil.disk_usage(settings.data).free // 1_000_000,
        calls=phones.calls,
        desk_calls=desk_calls,
    )


def _show(number: str, text: str) -> None:
    # The demo transport's whole purpose: without an account the message is shown where the server runs.
    sys.stdout.write(f"SMS an / to {number}: {text}\n")
    sys.stdout.flush()


async def run(options: Options) -> None:
    """Run the app process until SIGTERM.

    Raises:
        FlowErrors: a file of the configuration is broken that never was in force.
    """
    logs.configure(sys.stderr)
    settings, faults = in_force.standing(options)
    rooms = build(settings, faults)
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

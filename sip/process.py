"""The line process: SIP signalling and the audio clock, and nothing else.

`python -m sip.process --config DATA/run/line.json` runs until SIGTERM; then it takes no new calls and lets
those that are up finish within `grace_s`. Who is in a menu still goes to the reception, for which there is
`hand_on_s`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import structlog

from callflow import logs, parent
from callflow.metrics import TRUNK
from callflow.prompts.cache import Cache
from callflow.sealing import Sealer, load_key
from callflow.spool import SpoolWriter
from sip import quality
from sip.app_link import AppLink
from sip.call import Call
from sip.line_config import LineConfig
from sip.media.engine import MediaEngine, NoPortFreeError
from sip.media.waking import PacedSelector, Waker
from sip.parts import Disk, Parts
from sip.signalling.phone import Phone
from sip.telephone import CallLeg, Telephone

REPORT_S = 10.0  # seconds between counters for the health page
NUMBERS_S = 2.0  # seconds between looks whether numbers have moved
RETRY_AFTER_S = 10
QUIET_CALLS = 20  # with so few calls a full collection takes about a millisecond
_log = structlog.get_logger("line")


class Line:
    """One telephone line of the house.

    Args:
        config: everything it needs to know.
        file: where that was read; who gets a number's calls while the app is away may change there.
        waker: wakes the sound engine; None for the loop itself.

    Raises:
        OSError: spool or prompt cache cannot be used.
        callflow.sealing.KeyFileError: the key file must not be used.
    """

    def __init__(self, config: LineConfig, waker: Waker | None = None, file: Path | None = None) -> None:
        self.config = config
        self._file = file
        self.calls: dict[str, Call] = {}
        self.phone = self._telephone()
        engine = MediaEngine(config.rtp_host, config.rtp_ports, timeout_s=config.media_timeout_s, waker=waker)
        link = AppLink(config.app_socket, config.name, config.answer_s, self._held)
        sealer = Sealer(load_key(config.key_file))
        disk = Disk(config, sealer, SpoolWriter(config.spool, config.name, sealer))
        self.parts = Parts(config, self.phone, engine, link, Cache(config.prompts), disk)
        self.counters: Counter[str] = Counter(calls=0, alone=0, refused=0)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Take calls until `stop`, then let them finish.

        Raises:
            OSError: an address cannot be bound.
        """
        self._check_clips()
        self.parts.engine.start()
        await self.phone.open()
        work = (self.parts.link.run(), self._measure(), self._follow_numbers())
        services = [asyncio.create_task(each) for each in work]
        self._tell_ready()
        _log.info("line up", line=self.config.name)
        try:
            await stop.wait()
            _log.info("line stops", calls=len(self.calls))
            await self._wind_up()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            for service in services:
                service.cancel()
            self.parts.engine.stop()
            self.parts.disk.close()

    async def _wind_up(self) -> None:
        """Let calls finish; who is in a menu still after `grace_s` is handed on."""
        due = asyncio.get_running_loop().call_later(self.config.grace_s, self._hand_on)
        await self.phone.close(self.config.grace_s + self.config.hand_on_s)
        due.cancel()

    def _hand_on(self) -> None:
        for call in tuple(self.calls.values()):
            call.hand_on()

    def _telephone(self) -> Telephone:
        if self.config.kind == "embedded":
            return Phone(self.config.phone, self._invited)
        from sip.pyvoip_phone import PyVoipPhone  # noqa: PLC0415 - pyVoIP patches and warns on import

        return PyVoipPhone(self.config.phone, self._invited)

    def _held(self) -> tuple[str, ...]:
        return tuple(call.id for call in self.calls.values() if not call.alone)

    def _invited(self, leg: CallLeg) -> None:
        did = self.config.did(leg.dialled) or self.config.did(leg.diverted_from)
        if did is None:
            self.counters["refused"] += 1
            leg.refuse(404)
            return
        try:
            stream = self.parts.engine.open()
        except NoPortFreeError:
            self.counters["refused"] += 1
            leg.refuse(503, RETRY_AFTER_S)
            return
        self.counters["calls"] += 1
        call = self.calls[leg.id] = Call(self.parts, leg, stream, did, datetime.now(UTC))
        task = asyncio.get_running_loop().create_task(self._held_call(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _held_call(self, call: Call) -> None:
        try:
            await call.run()
        except Exception:  # noqa: BLE001 - a fault in one call must not reach the others
            _log.exception("call failed", call=call.id)
            call.hang_up()
        finally:
            self.counters["alone"] += call.alone
            quality.count(self.counters, call.sound)
            del self.calls[call.id]

    def _check_clips(self) -> None:
        for did in self.config.dids:
            self.parts.frames((did.fallback, did.sorry))  # into memory: the disk may be what fails later

    def _tell_ready(self) -> None:
        if self.config.ready is None:
            return
        bound = [[name, *self.phone.address(name)] for name in self.phone.transports]
        draft = self.config.ready.with_suffix(".part")
        draft.write_text(json.dumps({"sip": bound}), encoding="utf-8")
        draft.replace(self.config.ready)

    def figures(self) -> dict[str, float]:
        """Return what is counted, for the metrics; refusals by telephone and line are one sum."""
        refused = self.phone.counters["refused"] + self.counters["refused"]
        own = {**self.phone.counters, **self.counters, "refused": refused, "active": len(self.calls)}
        figures = {name: float(value) for name, value in own.items()}
        if isinstance(self.phone, Phone):
            figures |= {name: float(value) for name, value in self.phone.load.items()}
            figures |= {TRUNK + name: float(up) for name, up in self.phone.registered.items()}
        return figures

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            if isinstance(self.phone, Phone):
                self.phone.renew_certificates()
            self.parts.link.measured(self.figures())
            if len(self.calls) <= QUIET_CALLS:
                gc.collect()  # ended calls lie in cycles that the sparing collector would leave for days

    async def _follow_numbers(self) -> None:
        """Take over, for new calls, who gets a number's calls while the app is away, when that moves."""
        known = (0, 0)  # so that what changed while we started counts too
        while self._file is not None:
            if (found := _stamp(self._file)) != known:
                known = found
                self._renumber(self._file)
            await asyncio.sleep(NUMBERS_S)

    def _renumber(self, file: Path) -> None:
        try:
            dids = LineConfig.load(file).dids
        except (OSError, ValueError) as error:
            _log.error("numbers not read", line=self.config.name, why=type(error).__name__)
            return
        if dids != self.config.dids:
            self.config = self.config.model_copy(update={"dids": dids})
            _log.info("numbers in force", line=self.config.name)


def _stamp(file: Path) -> tuple[int, int]:
    """Return what changes whenever the file is replaced."""
    try:
        told = file.stat()
    except OSError:
        return 0, 0
    return told.st_ino, told.st_mtime_ns


def _quieten_collector() -> None:
    # A full collection of a big heap stops the audio clock for tens of ms: what is there now stays out of it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _main(config: LineConfig, waker: Waker, file: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    parent.watch(stop.set)
    line = Line(config, waker, file)
    _quieten_collector()
    await line.run(stop)


def run(file: Path) -> int:
    """Run the line of this file until SIGTERM; return the exit status (1 when an address cannot be bound)."""
    config = LineConfig.load(file)
    logs.configure(sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            selector = PacedSelector()
            with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
                runner.run(_main(config, selector, file))
        except OSError as error:
            _log.error("line cannot start", error=str(error))
            return 1
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m sip.process", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="what the bootstrap wrote for this line")
    return run(parser.parse_args().config)


if __name__ == "__main__":
    sys.exit(main())

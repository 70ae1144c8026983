"""The golden calls over real SIP, on both of our lines, with real sessions behind the line's socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callflow.effects import Clip, Spoken
from callflow.lines import LineServer
from callflow.prompts.cache import Cache, ClipFacts
from callflow.sealing import Sealer, load_key
from callflow.spool import SpoolReader
from callflow.takeover import Takeover
from sip.line_config import Destination, Did, LineConfig
from sip.process import Line
from tests.line.house import clip, line_config
from tests.support.asterisk_house import Coder
from tests.support.golden_street import CASES, LINE, STATUS, House, Street, answer, tell
from tests.support.left_behind import expected, left_behind
from tests.support.simple_phone import Phone, Sip, Talk
from tests.support.stores import open_store

PATIENCE_S = 3600  # of the loop's own time, which runs ahead while the database works
KEY_MS = 800  # of it, too: keys follow one another within 130 ms
NAMES = {200: "OK", 486: "Busy Here", 500: "Server Internal Error", 603: "Decline"}


@dataclass
class Cached(Coder):
    """Puts each prompt where the line finds it."""

    cache: Cache | None = None
    put: set[str] = field(default_factory=set)

    async def clips(self, spoken: Sequence[Spoken]) -> tuple[Clip, ...]:
        made = await super().clips(spoken)
        for each in made:
            if each.key not in self.put:
                self._put(each)
        return made

    def _put(self, made: Clip) -> None:
        assert self.cache is not None
        self.cache.put(made.key, self.sound(made.key), ClipFacts(made.ms, -15.0, -12.0, "synthesis"))
        self.put.add(made.key)


class Patient(Phone):
    """A telephone that calls where a REFER sends it and reports what becomes of that."""

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        super().datagram_received(data, address)
        message = Sip.read(data)
        talk = self.talks.get(message.get("call-id"))
        if message.method == "REFER" and talk is not None:
            task = asyncio.get_running_loop().create_task(self._follow(talk, message.get("refer-to")))
            task.add_done_callback(lambda done: done.cancelled() or done.result())

    async def _follow(self, talk: Talk, target: str) -> None:
        found = re.search(r"sip:(.*)@(.*):(\d+)", target)
        assert found is not None
        there = await self.call(found[1], found[2], int(found[3]))
        self._report(talk, 100)
        self._report(talk, (await there.answered).status)

    def _report(self, talk: Talk, status: int) -> None:
        talk._cseq += 1  # noqa: SLF001  a request of ours within its call
        body = f"SIP/2.0 {status} {NAMES.get(status, 'Trying')}\r\n"
        state = "active" if status < 200 else "terminated"
        head = talk.request("NOTIFY", talk._cseq).removesuffix("Content-Length: 0\r\n\r\n")  # noqa: SLF001
        self.send(
            talk.remote,
            f"{head}Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}",
        )


def practices(folder: Path, became: str, coder: Coder, reception: Phone) -> list[House]:
    """Return a practice with a number of its own for each golden call whose transfer becomes that."""
    houses = []
    for number, (path, case) in enumerate(CASES):
        if answer(case) == became:
            (place := folder / path.stem).mkdir()
            houses.append(House(f"+4935112340{number:03}", case, open_store(place), coder, reception, KEY_MS))
    return houses


@asynccontextmanager
async def served(config: LineConfig, street: Street) -> AsyncIterator[Line]:
    """Run a line and the app's end of its socket."""
    spool = SpoolReader(config.spool, Sealer(load_key(config.key_file)))
    server = LineServer(config.app_socket, street, Takeover(spool, street, lambda: datetime.now(UTC)))
    line, stop = Line(config), asyncio.Event()
    await server.start()
    running = asyncio.create_task(line.run(stop))
    while not server.connected:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield line
    finally:
        stop.set()
        await running
        await server.close()


@pytest.mark.parametrize("line", ["embedded", "pyvoip"])
@pytest.mark.parametrize("became", ["", *STATUS])
async def test_every_golden_call_goes_over_our_lines_as_it_is_written(
    became: str, line: str, tmp_path: Path
) -> None:
    reception, patient = await Phone.open(LINE, "100"), await Patient.open(LINE, "patient")
    reception.behaves = lambda _talk: STATUS.get(became, 200)
    coder = Cached(cache=Cache(tmp_path / "prompts"))
    houses = practices(tmp_path, became, coder, reception)
    dids = tuple(
        Did(
            number=house.number,
            fallback=clip("fallback").key,
            sorry=clip("sorry").key,
            destination="empfang",
        )
        for house in houses
    )
    desk = {"empfang": Destination(uri=f"sip:100@{LINE}:{reception.port}")}
    config = line_config(tmp_path, desk, kind=line, dids=dids, answer_s=PATIENCE_S)
    async with served(config, Street(houses)) as up, asyncio.TaskGroup() as calls:
        _, port = up.phone.address("udp")
        for house in houses:
            calls.create_task(tell(house, patient, port, PATIENCE_S))
    for house in houses:
        assert (house.case.call, left_behind(house.store)) == (house.case.call, expected(house.case))
        house.store.close()
    patient.close()
    reception.close()

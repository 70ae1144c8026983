"""A line that runs learns who gets a number's calls while the app is away, when that changes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from sip.caller import SmallPhone
from sip.line_config import Destination, LineConfig
from sip.process import Line
from tests.line.house import DID, line_config
from tests.line.test_line import Desk

CALLER = "+493012345"


async def passed_on(line: Line, desk: Desk) -> None:
    """Call a line without an app, and speak with this desk."""
    assert line.config.ready is not None
    (udp,) = json.loads(line.config.ready.read_text(encoding="utf-8"))["sip"]
    async with SmallPhone() as phone:
        talk = phone.dial(f"sip:praxis@127.0.0.1:{udp[2]}", CALLER)
        assert await talk.answered(10)
        far = await asyncio.wait_for(desk.talks.get(), 10)
        talk.hang_up()
        assert await far.over(10)


async def destination(line: Line, wanted: str) -> None:
    async with asyncio.timeout(20):
        while (did := line.config.did(DID)) is None or did.destination != wanted:  # noqa: ASYNC110  it looks at a file
            await asyncio.sleep(0.1)


def moved(config: LineConfig, to: str) -> LineConfig:
    dids = tuple(did.model_copy(update={"destination": to}) for did in config.dids)
    return config.model_copy(update={"dids": dids})


async def test_the_next_call_without_an_app_goes_to_the_numbers_new_destination(tmp_path: Path) -> None:
    old, new = Desk(200), Desk(200)
    places = {"empfang": old, "labor": new}
    file, stop = tmp_path / "line.json", asyncio.Event()
    async with old.phone, new.phone:
        ways = {name: Destination(uri=desk.phone.uri, method="bridge") for name, desk in places.items()}
        config = line_config(tmp_path, ways)
        config.save(file)
        line = Line(config, file=file)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.run(stop))
            async with asyncio.timeout(20):
                while not (config.ready and config.ready.exists()):  # noqa: ASYNC110  a file tells
                    await asyncio.sleep(0.01)
            await passed_on(line, old)
            moved(config, "labor").save(file)
            await destination(line, "labor")
            await passed_on(line, new)
            file.write_text("{", encoding="utf-8")
            await asyncio.sleep(5)
            await passed_on(line, new)
            stop.set()
    assert (old.callers, new.callers) == ([CALLER], [CALLER, CALLER])

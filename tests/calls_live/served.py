"""`rufweiche serve` with the example practice, always open, on free ports; and its API."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from callflow import journal
from callflow.events import DigitsPressed, Event
from callflow.sealing import Sealer, load_key
from callflow.store import Store
from callflow.users import api_token
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
DIALLED = "+4935112345600"
ALWAYS_OPEN = """\
calendars:
  praxis:
    week: {mo: ["00:00-24:00"], di: ["00:00-24:00"], mi: ["00:00-24:00"], do: ["00:00-24:00"],
           fr: ["00:00-24:00"], sa: ["00:00-24:00"], so: ["00:00-24:00"]}
"""
Row = dict[str, Any]  # a JSON object of the API


@dataclass(slots=True)
class Reception:
    """A running reception.

    Args:
        data: its DATA folder.
        config: its configuration.
        uri: SIP URI to dial.
        second_uri: the same at its second line, which is a process of its own.
        secure_uri: the same over TLS, if it speaks that.
        desk: UDP port where the destination "empfang" is reached.
        api: client of its web, with a token for everything.
    """

    data: Path
    config: Path
    uri: str
    second_uri: str
    secure_uri: str
    desk: int
    api: httpx.AsyncClient

    async def rows(self, what: str, **query: str) -> list[Row]:
        """Return what /api/`what` lists."""
        answer = await self.api.get(f"/api/{what}", params=query)
        answer.raise_for_status()
        found: list[Row] = answer.json()
        return found

    async def until(self, what: str, fits: Callable[[Row], bool], limit_s: float = 30) -> Row:
        """Return the first row of /api/`what` that fits, as soon as there is one."""
        query = {"view": "all"} if what == "cards" else {}
        async with asyncio.timeout(limit_s):
            while True:  # the API has no news to wait for
                for row in await self.rows(what, **query):
                    if fits(row):
                        return row
                await asyncio.sleep(0.05)

    async def card_of(self, number: str, limit_s: float = 30) -> Row:
        """Return this caller's card."""
        return await self.until("cards", lambda row: row["number"] == number, limit_s)

    async def kinds_of(self, number: str) -> list[str]:
        """Return the kinds of this caller's cards."""
        return [row["kind"] for row in await self.rows("cards", view="all") if row["number"] == number]

    async def call_of(self, number: str, limit_s: float = 30) -> Row:
        """Return this caller's finished call."""
        return await self.until(
            "calls", lambda row: row["number"] == number and row["outcome"] != "", limit_s
        )

    async def keys_came(self, number: str, keys: str) -> None:
        """Wait until the app has taken these keys of this caller, who is still there."""
        call = await self.until("calls", lambda row: row["number"] == number)
        with _opened(self.data) as store:
            async with asyncio.timeout(30):
                while _keys(await store.read(lambda tx: journal.events(tx, call["id"]))) != keys:  # noqa: ASYNC110  # another process's
                    await asyncio.sleep(0.05)

    def app_pid(self) -> int:
        """Return the process id of the app as the supervisor started it last."""
        lines = (self.data / "log" / "serve.log").read_text(encoding="utf-8").splitlines()
        started = [entry for line in lines if (entry := json.loads(line)).get("process") == "app"]
        return int(started[-1]["number"])

    async def app_is_back(self, limit_s: float = 60) -> None:
        """Wait until the web answers."""
        async with asyncio.timeout(limit_s):
            while True:
                try:
                    await self.rows("calls")
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
                else:
                    return


@asynccontextmanager
async def reception(folder: Path, papers: Path | None = None) -> AsyncIterator[Reception]:
    """Start the house as its image does and stop it at the end; with the papers' certificate also for TLS.

    A folder that has a configuration keeps it.
    """
    config, data, desk = folder / "config", folder / "data", free_port()
    sip, tls, http = free_port(), free_port(), free_port()
    second = free_port()
    if not config.is_dir():
        _configure(config, desk, tls, second, papers)
    places = {"DATA": data, "CONFIG": config, "SIP": f"127.0.0.1:{sip}", "HTTP": f"127.0.0.1:{http}"}
    process = await asyncio.create_subprocess_exec(
        *(ROOT / "docker" / "app" / "start.sh", "--prompts", str(ROOT / "ivr_prompts")),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "COLUMNS": "200",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **{f"RUFWEICHE_{name}": str(place) for name, place in places.items()},
        },
    )
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    shown = asyncio.create_task(_shown(process, up))
    try:
        await asyncio.wait_for(up, 120)
        headers = {"Authorization": f"Bearer {_token(data)}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}", headers=headers, timeout=30) as api:
            uri = f"sip:praxis@127.0.0.1:{sip}"
            secure_uri = f"sip:praxis@127.0.0.1:{tls};transport=tls"
            second_uri = f"sip:praxis@127.0.0.1:{second}"
            yield Reception(data, config, uri, second_uri, secure_uri, desk, api)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)
        await shown


def _configure(config: Path, desk: int, tls: int, second: int, papers: Path | None) -> None:
    shutil.copytree(ROOT / "config", config)
    line = f"  zweite: {{kind: embedded, port: {second}}}\n\ndestinations:\n"
    _change(config / "lines.yaml", "\ndestinations:\n", line)
    if papers is not None:
        shutil.copytree(papers, config / "tls")
        listen = f"port: 5060\n    tls_port: {tls}\n    certificate: tls/cert.pem\n    key: tls/key.pem\n"
        _change(config / "lines.yaml", "port: 5060\n", listen)
    _change(config / "lines.yaml", "127.0.0.1:5070", f"127.0.0.1:{desk}")
    _change(
        config / "flows" / "praxis.yaml",
        "destination: empfang\n",
        "destination: empfang\n      ring_seconds: 2\n",
    )
    (config / "hours.yaml").write_text(ALWAYS_OPEN, encoding="utf-8")


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} no longer holds {old!r} once"
    path.write_text(text.replace(old, new), encoding="utf-8")


async def _shown(process: asyncio.subprocess.Process, up: asyncio.Future[None]) -> None:
    """Read what is printed to its end; `up` is done with the box of addresses, or when there will be none."""
    assert process.stdout is not None
    async for line in process.stdout:
        if "is running" in line.decode() and not up.done():
            up.set_result(None)
    if not up.done():
        up.set_exception(AssertionError(f"serve ended with {await process.wait()}"))


def _keys(events: Iterable[Event]) -> str:
    return "".join(event.digits for event in events if isinstance(event, DigitsPressed))


@contextmanager
def _opened(data: Path) -> Iterator[Store]:
    store = Store(data / "rufweiche.db", Sealer(load_key(data / "key")))
    try:
        yield store
    finally:
        store.close()


def _token(data: Path) -> str:
    with _opened(data) as store:
        return store.write_now(
            lambda tx: api_token.issue(tx, name="live", scopes=api_token.SCOPES, now=datetime.now(UTC))
        )[0]

"""The telephones of the benchmarks tell why a call failed: "failed" alone does not say whose fault it is."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench._phones import Load, failed, told
from tests.bench._subjects import HOST, USER, source
from tests.bench._watched import Usage
from tests.bench.rows import Row

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the telephones need epoll")
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
LIMIT_S = 60
# What the other side does in each call of the first run, in order.
FINE, REFUSES, SILENT, RINGS, NO_SOUND_OFFERED, HANGS_UP, HEARS_NO_BYE, KNOWS_NO_CALL = range(8)
WAYS = 8


class Moody(asyncio.DatagramProtocol):
    """Answers each call in its own way."""

    def __init__(self) -> None:
        self.branches: dict[tuple[int, str], set[str]] = {}  # call and method: transactions
        self.port = 0
        self._transport: asyncio.DatagramTransport

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        start, *lines = data.decode().split("\r\n")
        said = dict(line.split(": ", 1) for line in lines if ": " in line)
        call, method = int(said["Call-ID"].partition("@")[0]), start.split()[0]
        self.branches.setdefault((call, method), set()).add(said["Via"])
        if method == "ACK" and call == HANGS_UP:
            self._say("BYE sip:phone@phone SIP/2.0", said | {"CSeq": "7 BYE"}, addr)
        for status in self._statuses(call, method):
            offers = status == 200 and method == "INVITE" and call != NO_SOUND_OFFERED
            self._say(f"SIP/2.0 {status} Yes", said, addr, SDP if offers else "")

    def _statuses(self, call: int, method: str) -> Iterator[int]:
        if method == "BYE" and call not in {HANGS_UP, HEARS_NO_BYE}:
            yield 481 if call == KNOWS_NO_CALL else 200
        if method == "INVITE":
            yield from {SILENT: (), RINGS: (180,), REFUSES: (100, 503)}.get(call, (200,))

    def _say(self, start: str, said: dict[str, str], to: tuple[str, int], body: str = "") -> None:
        kept = [f"{name}: {said[name]}" for name in ("Via", "From", "Call-ID", "CSeq")]
        place = f"<sip:{USER}@{HOST}:{self.port}>"
        lines = [start, *kept, f"To: {place};tag=us", f"Contact: {place}", f"Content-Length: {len(body)}"]
        self._transport.sendto("\r\n".join([*lines, "", body]).encode(), to)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Telephones of the benchmarks with a sixth of their patience."""
    program = tmp_path_factory.mktemp("phones") / "phones"
    patience = ["-DT1=0.08", "-DANSWER_LIMIT=5.0"]
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Wextra", "-Werror", *patience, "-o", program, source("phones")], check=True
    )
    return program


@asynccontextmanager
async def moody() -> AsyncIterator[Moody]:
    other = Moody()
    await other.open()
    yield other
    other.close()


async def figures(program: Path, port: int, *how: str) -> dict[str, Any]:
    """Run the telephones and return what they tell."""
    phones = await asyncio.create_subprocess_exec(
        program, HOST, str(port), USER, *how, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(phones.communicate(), LIMIT_S)
    measured: dict[str, Any] = json.loads(said.splitlines()[-1])
    return measured


async def test_each_reason_for_which_a_short_call_fails_is_told_by_name(hasty: Path) -> None:
    async with moody() as other:
        measured = await figures(hasty, other.port, str(WAYS), str(WAYS), "churn")
    assert (measured["calls"], measured["failed"], measured["over"]) == (WAYS, WAYS - 1, WAYS)
    assert {why: count for why, count in measured["failures"].items() if count} == {
        "refused with 503": 1,
        "no answer at all": 1,
        "rang only": 1,
        "wrong answer": 1,
        "hung up by the other side": 1,
        "BYE unanswered": 1,
        "BYE refused": 1,
    }
    assert other.branches[REFUSES, "ACK"] == other.branches[REFUSES, "INVITE"]
    assert [len(other.branches[call, "BYE"]) for call in (NO_SOUND_OFFERED, HEARS_NO_BYE)] == [1, 1]


async def test_a_long_call_in_which_nothing_is_heard_has_failed(hasty: Path) -> None:
    async with moody() as other:
        measured = await figures(hasty, other.port, "1", "100", "0.2", "0.1")
    assert (measured["up"], measured["failed"], measured["failures"]["no sound"]) == (1, 1, 1)


def test_rows_and_words_tell_the_failures_of_all_runs_and_leave_out_reasons_there_were_none_for() -> None:
    idle = Usage(0.0, 0, 0, 0)
    runs = [
        Load(5, 0.0, 1.0, idle, idle, idle, {"failures": {"rang only": 1, "no sound": 0}}),
        Load(5, 0.0, 1.0, idle, idle, idle, {"failures": {"rang only": 2, "refused with 503": 1}}),
    ]
    assert told(*runs) == "4 failed (rang only: 3, refused with 503: 1)"
    assert list(failed("soak", *runs)) == [
        Row("soak: failed", 4, "calls"),
        Row("soak: failed, rang only", 3, "calls"),
        Row("soak: failed, refused with 503", 1, "calls"),
    ]
    assert told() == "0 failed"

"""Signalling alone: reading and writing messages, a whole call, and 200,000 calls in a row.

No sockets and no sound: the part that is ours. `make bench PART=sip` measures the telephone as a whole.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pyVoIP.VoIP
import structlog

from sip.signalling.message import Request, parse
from tests.bench.rows import Row, write
from tests.fuzz.target import PEER, Target
from tests.sip.peer import SDP, Call

SOAK_CALLS = 200_000
ENDED_CALLS = 5_000
ROUNDS = 5
TRANSACTIONS_END_S = 40.0
EXTRA = "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, INFO\nSupported: replaces, timer\nUser-Agent: bench\n"


def best_us(deed: Callable[[], object], times: int) -> float:
    """Give the processor time of one deed in microseconds: the best of several rounds."""
    spent = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(times):
            deed()
        spent.append((time.process_time() - begin) / times)
    return min(spent) * 1e6


def resident_kb() -> int:
    """Give the memory that this process holds now, in KiB."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize() // 1024


def one_call(target: Target, number: int) -> None:
    """Be called, answered, acknowledged and hung up on."""
    call = Call(PEER[1], call_id=f"c{number}")
    target.take(call.invite(SDP))
    call.to_tag = parse(target.wire.sent[-1]).to.tag
    target.take(call.ack())
    target.take(call.within("BYE"))


def soak(calls: int) -> tuple[float, int]:
    """Give processor microseconds per call and KiB grown from the tenth part to the end."""
    target = Target()
    target.settle()
    begin, start = time.process_time(), 0
    for number in range(calls):
        one_call(target, number)
        if number % 500 == 0:
            target.clock.advance(TRANSACTIONS_END_S)
        if number == calls // 10:
            gc.collect()
            start = resident_kb()
    spent = time.process_time() - begin
    target.settle()
    gc.collect()
    if any(target.held.values()):
        raise RuntimeError(f"something is still held: {target.held}")
    return spent / calls * 1e6, resident_kb() - start


def lingering(calls: int) -> float:
    """Give the KiB that an ended call holds until its transactions' timers (RFC 3261: 32 s) have run out."""
    target = Target()
    target.settle()
    for number in range(calls // 10):  # what grows once, e.g. what is kept of addresses
        one_call(target, number)
    gc.collect()
    before = resident_kb()
    for number in range(calls):
        one_call(target, calls + number)
    gc.collect()
    return (resident_kb() - before) / calls


async def measure() -> list[Row]:
    """Measure everything."""
    invite = Call(5070, extra=EXTRA).invite()
    message = parse(invite)
    if not isinstance(message, Request):
        raise TypeError("an INVITE is a request")
    held = lingering(ENDED_CALLS)
    call_us, grown = soak(SOAK_CALLS)
    return [
        Row(
            "read an INVITE with SDP",
            best_us(lambda: parse(invite), 5000),
            "us",
            "pyVoIP 1.6.8 (without checking it)",
            best_us(lambda: pyVoIP.SIP.SIPMessage(invite), 2000),
        ),
        Row("write an INVITE with SDP", best_us(lambda: bytes(message), 5000), "us"),
        Row("a whole call, signalling without sockets", call_us, "us"),
        Row("memory of an ended call for 32 s, signalling without sockets", held, "KiB"),
        Row(f"memory grown over {SOAK_CALLS} calls", grown, "KiB"),
    ]


def main() -> None:
    """Run the part."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    write("signalling", asyncio.run(measure()))

"""What pyVoIP 1.6.8 does alone, shown to a PBX and printed as JSON.

    python -m tests.line.bare_pyvoip

It runs as a program of its own because pyVoIP's threads outlive its `stop`, and one of its defects is that
they wait for ever. All demonstrations run at once: each waits for pyVoIP's fixed seconds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

from sip.signalling.message import Response
from tests.line.pbx import OFFER, Pbx
from tests.line.spoilt import SPOILT
from tests.support.ports import free_ports

warnings.simplefilter("ignore")
import pyVoIP.VoIP  # noqa: E402 - its warnings are silenced first

HOST = "127.0.0.1"
LIMIT_S = 20.0
REPEATED_WITHIN_S = 1.5  # RFC 3261 repeats after 0.5 and 1.5 s
Phone = pyVoIP.VoIP.VoIPPhone


class Bare:
    """A registered phone that answers all calls but an unwanted one, and the PBX that it is registered at."""

    def __init__(self, registering: str = "200 OK", many: int = 60) -> None:
        self.pbx = Pbx(registering)
        self.many = many
        self.up: dict[str, str] = {}  # calls, and the threads that answered them
        self.phone: Phone

    async def open(self) -> Bare:
        await self.pbx.open()
        own, *sound = free_ports(self.many + 1)
        self.phone = Phone(HOST, self.pbx.port, "line", "secret", HOST, self._take, own, sound[0], sound[-1])
        await asyncio.to_thread(self.phone.start)
        return self

    async def status(self, call: str, body: bytes = OFFER) -> int | None:
        """Begin a call and return what its end answer says."""
        answer = await self.invite(call, body)
        return answer and answer.status

    async def invite(self, call: str, body: bytes = OFFER, **more: str) -> Response | None:
        self.pbx.send(self.pbx.write("INVITE", call, body=body, **more))
        return await self.pbx.of(call).answer("INVITE", LIMIT_S)

    async def connect(self, call: str, body: bytes = OFFER, **more: str) -> Response:
        """Begin a call and acknowledge it."""
        answer = await self.invite(call, body, **more)
        assert answer is not None, f"call {call} was not answered"
        self.pbx.send(self.pbx.write("ACK", call, to=f";tag={answer.to.tag}"))
        await until(lambda: call in self.up)
        return answer

    async def bye(self, call: str, to: str = ";tag=gone") -> Response:
        """Say BYE; it answers even unknown calls' and in order: what it answers at all comes before."""
        self.pbx.send(self.pbx.write("BYE", call, seq=9, to=to))
        reply = await self.pbx.of(call).answer("BYE", LIMIT_S)
        assert reply is not None, f"BYE of {call} was not answered"
        return reply

    def _take(self, call: Any) -> None:  # noqa: ANN401 - pyVoIP has no types
        if call.call_id == "unwanted":
            call.deny()
            return
        call.answer()
        self.up[call.call_id] = threading.current_thread().name  # it counts as answered only now


async def until(happens: Callable[[], bool]) -> None:
    """Wait for what its threads do."""
    async with asyncio.timeout(LIMIT_S):
        while not happens():  # noqa: ASYNC110 - its threads set no events
            await asyncio.sleep(0.01)


async def a_call(bare: Bare) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    since = loop.time()
    await bare.connect("first")
    took = loop.time() - since
    await until(lambda: all(thread.name != "Phone Call: first" for thread in threading.enumerate()))
    names = Counter(thread.name for thread in threading.enumerate())
    return {
        "seconds": took,
        "answered_in": bare.up["first"],
        "sound_in": [names["RTP Receiver"], names["RTP Transmitter"]],
    }


async def a_reply(bare: Bare, method: str) -> int | None:
    to = f";tag={(await bare.connect(method)).to.tag}"
    bare.pbx.send(bare.pbx.write(method, method, seq=2, to=to, Refer_To=f"<sip:x@{HOST}>"))
    bare.pbx.send(bare.pbx.write("BYE", method, seq=3, to=to))
    reply = await bare.pbx.of(method).next(
        lambda one: isinstance(one, Response) and one.cseq.method in {method, "BYE"}, LIMIT_S
    )
    assert isinstance(reply, Response)
    return reply.status if reply.cseq.method == method else None


async def a_spoilt_invite(bare: Bare, name: str) -> bool:
    bare.pbx.send(SPOILT[name](bare.pbx.write("INVITE", name, body=OFFER)))
    await bare.bye(f"after-{name}")
    return name in bare.phone.calls


async def an_invite_without_offer(bare: Bare) -> bool:
    bare.pbx.send(bare.pbx.write("INVITE", "no-offer"))
    await bare.bye("after-no-offer")
    return "no-offer" in bare.phone.calls


async def an_unacknowledged_answer(bare: Bare) -> bool:
    await bare.invite("unacknowledged")
    return await bare.pbx.of("unacknowledged").answer("INVITE", REPEATED_WITHIN_S) is not None


def threads_of(client: object, *methods: str) -> int:
    """Count the threads of one call's sound; `function` is what a Timer calls."""
    works = [getattr(client, method) for method in methods]
    return sum(getattr(one, "function", None) in works for one in threading.enumerate())


async def a_late_invite(bare: Bare) -> list[int]:
    await bare.connect("late")
    (client,) = bare.phone.calls["late"].RTPClients
    await until(lambda: threads_of(client, "trans") == 1)
    await bare.invite("late")
    await until(lambda: threads_of(client, "trans") > 1)
    return [1, threads_of(client, "trans")]


async def a_goodbye(bare: Bare) -> list[str]:
    answer = await bare.connect("goodbye")
    return [answer.to.tag, (await bare.bye("goodbye", f";tag={answer.to.tag}")).to.tag]


async def a_cancelled_call(bare: Bare) -> int | None:
    bare.pbx.send(bare.pbx.write("INVITE", "cancelled", body=OFFER))
    bare.pbx.send(bare.pbx.write("CANCEL", "cancelled"))
    answer = await bare.pbx.of("cancelled").answer("INVITE", LIMIT_S)
    return answer and answer.status


async def its_refusals() -> dict[str, int | None]:
    bare = await Bare().open()  # of its own: refusing in one thread breaks what another does with its calls
    unwanted = await bare.status("unwanted")
    bare.phone.callCallback = None
    return {"unwanted": unwanted, "nobody": await bare.status("nobody")}


def what_it_keeps(bare: Bare) -> dict[str, bool]:
    """Tell what is left of calls that are over."""
    client = bare.phone.sip
    return {
        "cancelled": "cancelled" in bare.phone.calls,
        "tag": "goodbye" in client.tagLibrary,
        "tags": len(client.tags) > 1,
    }


async def its_goodbye(bare: Bare) -> dict[str, bool]:
    await bare.connect("hung-up", Record_Route=f"<sip:{HOST}:{bare.pbx.port};lr>")
    inbox = bare.pbx.of("hung-up").inbox
    while not inbox.empty():
        inbox.get_nowait()
    await asyncio.to_thread(bare.phone.calls["hung-up"].hangup)
    raw = await asyncio.wait_for(inbox.get(), LIMIT_S)
    await asyncio.sleep(REPEATED_WITHIN_S)
    return {
        "is_bye": raw.startswith(b"BYE "),
        "routed": b"\r\nRoute:" in raw,
        "repeated": not inbox.empty(),
    }


def waits_for_itself() -> bool:
    """Tell whether a thread that releases ports has come to release ports."""
    for frame in sys._current_frames().values():  # noqa: SLF001 - the documented way to a thread's stack
        names, at = Counter[str](), frame
        while at is not None:
            names[at.f_code.co_name] += 1
            at = at.f_back  # type: ignore[assignment]
        if names["release_ports"] > 1:
            return True
    return False


async def a_short_call(bare: Bare) -> None:
    tag = (await bare.connect("one")).to.tag
    (client,) = bare.phone.calls["one"].RTPClients
    await bare.bye("one", f";tag={tag}")
    await until(lambda: not threads_of(client, "trans", "recv"))


async def a_second_call_on_its_only_port() -> dict[str, object]:
    bare = await Bare(many=1).open()
    clean_up = bare.phone._cleanup_dead_calls  # noqa: SLF001 - where the garbage collector is let in

    def while_the_collector_comes_by() -> None:
        clean_up()
        gc.collect()

    bare.phone._cleanup_dead_calls = while_the_collector_comes_by  # noqa: SLF001
    await a_short_call(bare)
    kept = len(bare.phone.assignedPorts)
    bare.pbx.send(bare.pbx.write("INVITE", "two", body=OFFER))
    await until(waits_for_itself)
    return {"ports_of_no_call": kept, "deadlock": True, "calls": len(bare.phone.calls)}


async def a_refusing_registrar() -> dict[str, object]:
    bare = await Bare("403 Forbidden").open()
    await until(lambda: bare.phone.get_status().name == "FAILED")
    return {"tries": bare.pbx.registrations.qsize(), "goes_on": bool(bare.phone.sip.NSD)}


async def demonstrate() -> dict[str, object]:
    """Let it show all of it."""
    bare = await Bare().open()
    shown: dict[str, object] = {"call": await a_call(bare)}
    more = {
        "late_invite": a_late_invite(bare),
        "goodbye_tags": a_goodbye(bare),
        "cancelled": a_cancelled_call(bare),
        "hung_up": its_goodbye(bare),
        "refusals": its_refusals(),
        "no_offer": an_invite_without_offer(bare),
        "repeats_its_200": an_unacknowledged_answer(bare),
        "second_call": a_second_call_on_its_only_port(),
        "refused": a_refusing_registrar(),
        **{method: a_reply(bare, method) for method in ("OPTIONS", "INFO", "UPDATE", "REFER")},
        **{name: a_spoilt_invite(bare, name) for name in SPOILT},
    }
    shown |= dict(zip(more, await asyncio.gather(*more.values()), strict=True))
    shown["unknown_bye"] = (await bare.bye("nobody")).status
    shown["kept"] = what_it_keeps(bare)
    return shown


if __name__ == "__main__":
    status = 1
    try:
        shown = asyncio.run(demonstrate())
        sys.stdout.write(f"\n{json.dumps(shown)}\n")
        status = 0
    except Exception:  # noqa: BLE001 - whatever went wrong, the program has to end
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)  # it has no other end: its threads are not daemons

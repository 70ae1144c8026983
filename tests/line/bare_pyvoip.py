"""What pyVoIP 1.6.8 does alone, shown to a PBX and printed as JSON.

    python -m tests.line.bare_pyvoip

It runs as a program of its own because pyVoIP's threads outlive its `stop`, and one of its defects is that
they wait for ever. All demonstrations run at once: each waits for pyVoIP's fixed seconds. Each has a phone of
its own, since pyVoIP's threads spoil one another's calls: what is shown does not hang on who comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from sip.signalling.digest import parse_pairs
from sip.signalling.message import Request, Response
from tests.line.pbx import OFFER, Pbx
from tests.line.spoilt import SPOILT
from tests.sip.registrar import proxy, registrar, too_brief
from tests.support.ports import free_ports

warnings.simplefilter("ignore")
import pyVoIP.VoIP  # noqa: E402 - its warnings are silenced first

HOST = "127.0.0.1"
LIMIT_S = 20.0
TRIES = 5
REPEATED_WITHIN_S = 1.5  # RFC 3261 repeats after 0.5 and 1.5 s
Phone = pyVoIP.VoIP.VoIPPhone


class Bare:
    """A registered phone that answers all calls but an unwanted one, and the PBX that it is registered at."""

    def __init__(self, registering: str = "200 OK", many: int = 4) -> None:
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


async def until(happens: Callable[[], bool], seconds: float = LIMIT_S) -> None:
    """Wait for what its threads do."""
    async with asyncio.timeout(seconds):
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


async def a_second_invite(bare: Bare, call: str) -> bool:
    """Repeat a call's INVITE, or send another one within it, and tell whether a second one begins to speak.

    The port is only free for the second where no thread holds the first's socket in that moment: now and then
    an INVITE fails without a word. The next one does it, so it is said again.
    """
    tag = (await bare.connect(call)).to.tag
    (client,) = bare.phone.calls[call].RTPClients
    await until(lambda: threads_of(client, "trans") == 1)
    within: dict[str, Any] = {"seq": 2, "to": f";tag={tag}"} if call == "re-INVITE" else {}
    for _ in range(TRIES):
        bare.pbx.send(bare.pbx.write("INVITE", call, body=OFFER, **within))
        with contextlib.suppress(TimeoutError):
            await until(lambda: threads_of(client, "trans") > 1, LIMIT_S / TRIES)
            return True
    return False


async def a_goodbye(bare: Bare) -> dict[str, object]:
    """Tell the tags of a call's answer and of its end, and what is left of it."""
    answer = await bare.connect("goodbye")
    ended = await bare.bye("goodbye", f";tag={answer.to.tag}")
    client = bare.phone.sip
    kept = {"tag": "goodbye" in client.tagLibrary, "tags": len(client.tags) > 1}
    return {"tags": [answer.to.tag, ended.to.tag], "kept": kept}


async def a_cancelled_call(bare: Bare) -> dict[str, object]:
    bare.pbx.send(bare.pbx.write("INVITE", "cancelled", body=OFFER))
    bare.pbx.send(bare.pbx.write("CANCEL", "cancelled"))
    answer = await bare.pbx.of("cancelled").answer("INVITE", LIMIT_S)
    return {"status": answer and answer.status, "kept": "cancelled" in bare.phone.calls}


async def an_unwanted_call(bare: Bare) -> int | None:
    return await bare.status("unwanted")


async def a_call_to_nobody(bare: Bare) -> int | None:
    bare.phone.callCallback = None
    return await bare.status("nobody")


async def a_bye_of_no_call(bare: Bare) -> int:
    return (await bare.bye("nobody")).status


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


async def a_try(**how: Any) -> list[Request]:  # noqa: ANN401 - of Registrar
    """Let it register as 620 with a password until it gives up; returns what the registrar saw."""
    async with registrar(**how) as pbx:
        own, *sound = free_ports(3)
        phone = Phone(HOST, pbx.port, "620", "secret", HOST, None, own, sound[0], sound[-1])
        await asyncio.to_thread(phone.start)
        await until(lambda: phone.get_status().name == "FAILED")
        return pbx.seen


async def a_login(algorithm: str, *users: str) -> dict[str, object]:
    seen = await a_try(users=dict.fromkeys(users, "secret"), algorithm=algorithm)
    proof = next(
        parse_pairs(one.headers.get("Authorization")) for one in seen if one.headers.get("Authorization")
    )
    assert proof is not None
    return {name: proof.get(name) for name in ("username", "algorithm", "qop")}


async def a_lost_register() -> int:
    async with registrar(deaf_to=99) as pbx:
        own, *sound = free_ports(3)
        phone = Phone(HOST, pbx.port, "620", "secret", HOST, None, own, sound[0], sound[-1])
        threading.Thread(target=phone.start, daemon=True).start()
        await pbx.inbox.get()
        await asyncio.sleep(REPEATED_WITHIN_S)
        return 1 + pbx.inbox.qsize()


async def a_short_grant() -> dict[str, float]:
    async with registrar(expires_s=30) as pbx:
        own, *sound = free_ports(3)
        phone = Phone(HOST, pbx.port, "620", "secret", HOST, None, own, sound[0], sound[-1])
        await asyncio.to_thread(phone.start)
        await until(lambda: phone.sip.registerThread is not None)
        return {"granted": pbx.expires_s, "again": phone.sip.registerThread.interval}


async def its_registering() -> dict[str, object]:
    asked = {"login": a_login("MD5", "empfang"), "sha": a_login("SHA-256", "620")}
    found = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
    proxied, brief = await asyncio.gather(a_try(script=proxy), a_try(script=too_brief))
    return found | {
        "to_407": sorted(
            {
                name
                for one in proxied
                for name in ("Authorization", "Proxy-Authorization")
                if name in one.headers
            }
        ),
        "to_423": sorted({one.headers.get("Expires") for one in brief} - {"0"}),
        "domain": str(brief[0].to.uri.host),
        "lost": await a_lost_register(),
        "grant": await a_short_grant(),
    }


async def alone(show: Callable[..., Awaitable[object]], *more: str) -> object:
    """Let a phone of its own show something."""
    return await show(await Bare().open(), *more)


async def demonstrate() -> dict[str, object]:
    """Let it show all of it."""
    shows = {
        "goodbye": alone(a_goodbye),
        "cancelled": alone(a_cancelled_call),
        "hung_up": alone(its_goodbye),
        "unwanted": alone(an_unwanted_call),
        "nobody": alone(a_call_to_nobody),
        "unknown_bye": alone(a_bye_of_no_call),
        "no_offer": alone(an_invite_without_offer),
        "repeats_its_200": alone(an_unacknowledged_answer),
        "second_call": a_second_call_on_its_only_port(),
        "refused": a_refusing_registrar(),
        "registering": its_registering(),
        **{f"second {call}": alone(a_second_invite, call) for call in ("late INVITE", "re-INVITE")},
        **{method: alone(a_reply, method) for method in ("OPTIONS", "INFO", "UPDATE", "REFER")},
        **{name: alone(a_spoilt_invite, name) for name in SPOILT},
    }
    first = {"call": await alone(a_call)}  # its threads are counted
    return first | dict(zip(shows, await asyncio.gather(*shows.values()), strict=True))


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

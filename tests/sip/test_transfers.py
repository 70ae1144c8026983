"""Passing a caller on by REFER, to its end (RFC 3515, RFC 3420)."""

from __future__ import annotations

import asyncio

import pytest

from sip.signalling.message import Request
from tests.sip.peer import Call, House, answer_to, establish, house, settings


def notify(call: Call, status: str, state: str = "active;expires=60") -> bytes:
    fields = f"Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag;version=2.0"
    return call.within("NOTIFY", f"SIP/2.0 {status}\r\n".encode(), fields)


async def referred(home: House, call: Call, timeout_s: float = 3.0) -> tuple[asyncio.Task[str], Request]:
    leg = await establish(home, call)
    task = asyncio.create_task(leg.refer("300", timeout_s))
    refer = await home.peer.request("REFER")
    assert refer.headers.get("Refer-To") == f"<sip:300@127.0.0.1:{home.peer.port}>"
    return task, refer


async def test_an_answered_transfer_ends_our_leg_with_bye() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(answer_to(refer, 202))
        home.peer.send(notify(call, "100 Trying"))
        home.peer.send(notify(call, "180 Ringing"))
        home.peer.send(notify(call, "200 OK", "terminated;reason=noresource"))
        assert await task == "answered"
        await home.peer.request("BYE")
        assert home.told[-1] == ("ended", "us")


@pytest.mark.parametrize(
    ("report", "result"),
    [
        ("486 Busy Here", "busy"),
        ("480 Gone", "no_answer"),
        ("408 Timeout", "no_answer"),
        ("603 Decline", "refused"),
        ("404 Not Found", "refused"),
        ("503 Unavailable", "failed"),
    ],
)
async def test_a_failed_transfer_tells_why_and_keeps_the_caller(report: str, result: str) -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(answer_to(refer, 202))
        home.peer.send(notify(call, report, "terminated;reason=noresource"))
        assert (await home.peer.final()).status == 200
        assert await task == result
        assert ("ended", "us") not in home.told


async def test_a_refused_refer_keeps_the_caller() -> None:
    async with house() as home:
        task, refer = await referred(home, Call(home.peer.port))
        home.peer.send(answer_to(refer, 403))
        assert await task == "refused"


async def test_a_refer_that_nobody_answers_has_failed_and_the_caller_is_still_there() -> None:
    async with house(settings(t1_s=0.004)) as home:
        task, _ = await referred(home, Call(home.peer.port), 20)
        assert await task == "failed"
        assert not any(what == "ended" for what, _ in home.told)


async def test_no_notify_at_all_is_no_answer_after_the_time() -> None:
    async with house() as home:
        task, refer = await referred(home, Call(home.peer.port), 0.05)
        home.peer.send(answer_to(refer, 202))
        assert await task == "no_answer"


async def test_a_peer_that_takes_the_caller_over_without_reports_has_answered() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(answer_to(refer, 202))
        home.peer.send(call.within("BYE"))
        assert await task == "answered"


async def test_a_caller_who_hangs_up_during_the_transfer_is_told_as_ended() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(answer_to(refer, 202))
        home.peer.send(notify(call, "180 Ringing"))
        home.peer.send(call.within("BYE"))
        assert await task == "ended"


async def test_a_last_report_overtaken_by_the_bye_still_counts() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(answer_to(refer, 202))
        home.peer.send(notify(call, "100 Trying"))
        home.peer.send(call.within("BYE"))
        await home.until(("ended", "caller"))
        home.peer.send(notify(call, "200 OK", "terminated"))
        assert await task == "answered"


async def test_a_report_before_the_202_counts() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(notify(call, "486 Busy", "terminated"))
        home.peer.send(answer_to(refer, 202))
        assert await task == "busy"


async def test_a_subscription_that_ends_without_a_status_is_no_answer() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        task, refer = await referred(home, call)
        home.peer.send(answer_to(refer, 202))
        home.peer.send(notify(call, "100 Trying", "terminated;reason=timeout"))
        assert await task == "no_answer"


async def test_a_report_that_nobody_asked_for_gets_481() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(notify(call, "200 OK"))
        assert (await home.peer.final()).status == 481


async def test_a_notify_of_another_event_gets_489() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(call.within("NOTIFY", extra="Event: presence"))
        assert (await home.peer.final()).status == 489


CONSULTED = "%3Bfrom-tag%3Da%3Bto-tag%3Db"


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("Refer-To: <sip:0900@127.0.0.1>", 603),
        ("Refer-To: sip:0900@127.0.0.1\nReferred-By: <sip:anna@127.0.0.1>", 603),
        ("Refer-To: <tel:+49900123>\nRefer-Sub: false", 603),
        (f"Refer-To: <sip:b@127.0.0.1?Replaces=other%40peer{CONSULTED}&Require=replaces>", 603),
        ("Refer-To: <sip:b@127.0.0.1;method=BYE>\nTarget-Dialog: x;local-tag=y;remote-tag=z", 603),
        ("", 400),
        ("Refer-To: <sip:1@127.0.0.1>, <sip:2@127.0.0.1>", 400),
        ("Refer-To: <sip:1@127.0.0.1>\nRefer-To: <sip:2@127.0.0.1>", 400),
        ("Refer-To: <sip:1@127.0.0.1", 400),
        ("Refer-To: <sip:1@127.0.0.1>\nRequire: norefersub", 420),
    ],
)
@pytest.mark.parametrize("place", ["within", "outside"])
async def test_nobody_can_make_us_call_someone(extra: str, status: int, place: str) -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        outside = Call(home.peer.port, call_id="out").request("REFER", extra=extra)
        home.peer.send(call.within("REFER", extra=extra) if place == "within" else outside)
        assert (await home.peer.final()).status == status
        assert (len(home.phone.legs), leg.ended, home.peer.silent()) == (1, False, True)


async def test_a_call_that_must_replace_another_is_refused_420() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        replacing = f"Replaces: {call.call_id};to-tag={call.to_tag};from-tag=peer\nRequire: replaces"
        home.peer.send(Call(home.peer.port, call_id="new").invite(extra=replacing))
        refusal = await home.peer.final()
        assert (refusal.status, refusal.headers.get("Unsupported")) == (420, "replaces")
        assert (len(home.phone.legs), leg.ended) == (1, False)


async def test_a_call_that_would_replace_another_is_a_call_of_its_own() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        replacing = f"Replaces: {call.call_id};to-tag={call.to_tag};from-tag=peer"
        home.peer.send(Call(home.peer.port, call_id="new").invite(extra=replacing))
        assert await home.leg() is not leg
        assert (len(home.phone.legs), leg.ended) == (2, False)


async def test_a_peer_that_said_it_knows_no_refer_is_not_asked() -> None:
    async with house() as home:
        call = Call(home.peer.port, extra="Allow: INVITE, ACK, BYE, CANCEL\n")
        leg = await establish(home, call)
        assert await leg.refer("300", 3) == "refused"
        assert home.peer.silent()


async def test_a_peer_that_knows_nothing_of_the_call_ends_it() -> None:
    async with house() as home:
        task, refer = await referred(home, Call(home.peer.port))
        home.peer.send(answer_to(refer, 481))
        assert await task in {"refused", "ended"}
        assert home.told[-1] == ("ended", "error")

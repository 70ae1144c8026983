"""What a telephone does when it is called (RFC 3261 13.3, 14, 15; RFC 3262; RFC 3311)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sip.signalling.message import Request, Response, parse
from tests.sip.peer import OURS, SDP, Call, establish, house, settings


async def test_a_call_is_rung_answered_and_acknowledged() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.ring()
        leg.answer(OURS)
        statuses = [(await home.peer.receive()).status for _ in range(2)]  # type: ignore[union-attr]
        assert statuses == [180, 200]
        assert (leg.dialled, leg.identity.number, leg.line) == ("030555", "+4917112345", "loopback")


async def test_trying_is_said_as_long_as_there_is_nothing_better_to_say() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite())
        leg = await home.leg()
        assert (await home.peer.receive()).status == 100  # type: ignore[union-attr]
        leg.ring()
        assert (await home.peer.receive()).status == 180  # type: ignore[union-attr]


async def test_the_200_is_repeated_until_the_ack_comes() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        (await home.leg()).answer(OURS)
        first = await home.peer.response(200)
        second = await home.peer.response(200)
        assert first == second
        call.to_tag = first.to.tag
        home.peer.send(call.ack())
        await home.until(("confirmed", None))
        while not home.peer.silent():
            home.peer.inbox.get_nowait()
        await asyncio.sleep(0.2)
        assert home.peer.silent()


async def test_a_200_never_acknowledged_ends_the_call_with_bye() -> None:
    async with house(settings(t1_s=0.004)) as home:
        home.peer.send(Call(home.peer.port).invite())
        (await home.leg()).answer(OURS)
        await home.peer.request("BYE")
        assert home.told[-1] == ("ended", "error")
        assert home.phone.legs == {}


async def test_a_repeated_invite_makes_no_second_leg_and_is_answered_again() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        (await home.leg()).ring()
        await home.peer.response(180)
        home.peer.send(call.invite())
        await home.peer.response(180)
        assert home.legs.empty()
        assert len(home.phone.legs) == 1


async def test_cancel_is_confirmed_and_the_invite_answered_487() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.ring()
        await home.peer.response(180)
        home.peer.send(call.request("CANCEL", branch=f"z9hG4bK-{call.call_id}-1-INVITE"))
        finals = {(one.cseq.method, one.status) for one in [await home.peer.final(), await home.peer.final()]}
        assert finals == {("CANCEL", 200), ("INVITE", 487)}
        assert home.told == [("ended", "caller")]


async def test_a_cancel_after_the_answer_changes_nothing() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        call.to_tag = ""
        home.peer.send(call.request("CANCEL", branch=f"z9hG4bK-{call.call_id}-1-INVITE"))
        assert (await home.peer.final()).cseq.method == "CANCEL"
        assert not leg.ended


async def test_a_cancel_of_nothing_is_answered_481() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).request("CANCEL"))
        assert (await home.peer.final()).status == 481


async def test_bye_of_the_caller_ends_the_leg() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(call.within("BYE"))
        assert (await home.peer.final()).status == 200
        await home.until(("ended", "caller"))
        assert home.phone.legs == {}


async def test_bye_before_our_answer_ends_the_invite_with_487() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        (await home.leg()).ring()
        call.to_tag = (await home.peer.response(180)).to.tag
        home.peer.send(call.within("BYE"))
        finals = {(one.cseq.method, one.status) for one in [await home.peer.final(), await home.peer.final()]}
        assert finals == {("BYE", 200), ("INVITE", 487)}
        assert home.told == [("ended", "caller")]


async def test_hanging_up_sends_bye_and_tells_at_once() -> None:
    async with house() as home:
        leg = await establish(home, Call(home.peer.port))
        leg.hang_up()
        assert home.told[-1] == ("ended", "us")
        assert (await home.peer.request("BYE")).cseq.number == 1


async def test_hanging_up_before_the_ack_waits_for_it_with_the_bye() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.answer(OURS)
        leg.hang_up()
        assert home.told[-1] == ("ended", "us")
        call.to_tag = (await home.peer.response(200)).to.tag
        home.peer.send(call.ack())
        await home.peer.request("BYE")
        assert home.phone.legs == {}


async def test_hanging_up_a_ringing_call_refuses_it() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite())
        leg = await home.leg()
        leg.hang_up()
        assert (await home.peer.final()).status == 480
        assert home.told == [("ended", "us")]


async def test_a_refusal_is_repeated_until_acknowledged_and_carries_retry_after() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        (await home.leg()).refuse(486, 20)
        first, second = await home.peer.response(486), await home.peer.response(486)
        assert (first.headers.get("Retry-After"), second) == ("20", first)
        call.to_tag = first.to.tag
        home.peer.send(call.request("ACK", branch=f"z9hG4bK-{call.call_id}-1-INVITE"))
        await asyncio.sleep(0.05)
        while not home.peer.silent():
            home.peer.inbox.get_nowait()
        await asyncio.sleep(0.3)
        assert home.peer.silent()


async def test_an_invite_without_offer_gets_ours_and_the_ack_brings_the_answer() -> None:
    async with house() as home:
        leg = await establish(home, Call(home.peer.port), body=b"")
        assert not leg.offered
        assert leg.sound is not None
        assert (leg.sound.port, leg.sound.codec.name) == (40000, "PCMA")
        assert home.told == [("sound", "sendrecv"), ("confirmed", None)]


async def test_an_ack_without_the_answer_that_we_need_ends_the_call() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite(b""))
        (await home.leg()).answer(OURS)
        call.to_tag = (await home.peer.response(200)).to.tag
        home.peer.send(call.ack())
        await home.peer.request("BYE")
        assert home.told == [("ended", "error")]


async def test_an_offer_without_common_codec_is_refused_488() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite(SDP.replace(b"8 0 101", b"18")))
        (await home.leg()).answer(OURS)
        assert (await home.peer.final()).status == 488
        assert home.told == [("ended", "error")]


@pytest.mark.parametrize(
    ("line", "direction"),
    [("a=sendonly", "recvonly"), ("a=inactive", "inactive"), ("c=IN IP4 0.0.0.0", "recvonly")],
)
async def test_a_reinvite_holds_and_resumes(line: str, direction: str) -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        for body, wanted in ((SDP + line.encode() + b"\r\n", direction), (SDP, "sendrecv")):
            home.peer.send(call.within("INVITE", body))
            answer = await home.peer.response(200)
            assert answer.cseq.number == call.seq
            home.peer.send(call.ack())
            await home.until(("sound", wanted))
            assert leg.sound is not None
            assert leg.sound.direction == wanted


async def test_a_reinvite_may_change_the_codec_and_the_port() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        home.peer.send(call.within("INVITE", SDP.replace(b"40000 RTP/AVP 8 0", b"40002 RTP/AVP 0")))
        await home.peer.response(200)
        assert leg.sound is not None
        assert (leg.sound.codec.name, leg.sound.port) == ("PCMU", 40002)


async def test_a_reinvite_that_cannot_be_taken_leaves_the_call_as_it_was() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        before = leg.sound
        home.peer.send(call.within("INVITE", SDP.replace(b"8 0 101", b"18")))
        assert (await home.peer.final()).status == 488
        assert (leg.sound, leg.ended) == (before, False)


async def test_a_reinvite_without_offer_gets_our_offer() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(call.within("INVITE"))
        answer = await home.peer.response(200)
        assert b"m=audio 42000" in answer.body
        home.told.clear()
        home.peer.send(call.ack(SDP))
        await home.until(("sound", "sendrecv"))


async def test_offers_that_cross_get_491() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        leg.hold(replace(OURS, direction="sendonly"))
        await home.peer.request("INVITE")
        home.peer.send(call.within("INVITE", SDP))
        assert (await home.peer.final()).status == 491


async def test_a_second_reinvite_before_the_ack_gets_500_with_retry_after() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(call.within("INVITE", SDP))
        await home.peer.response(200)
        home.peer.send(call.within("INVITE", SDP))
        answer = await home.peer.response(500)
        assert 0 <= int(answer.headers.get("Retry-After")) < 10


async def test_update_changes_the_sound_without_ack() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(call.within("UPDATE", SDP + b"a=inactive\r\n"))
        answer = await home.peer.final()
        assert (answer.status, b"a=inactive" in answer.body) == (200, True)
        assert ("sound", "inactive") in home.told


async def test_keys_come_by_info_in_both_forms() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        relay = "Content-Type: application/dtmf-relay"
        home.peer.send(call.within("INFO", b"Signal=5\r\nDuration=160\r\n", relay))
        assert (await home.peer.final()).status == 200
        home.peer.send(call.within("INFO", b"11", "Content-Type: application/dtmf"))
        assert (await home.peer.final()).status == 200
        assert home.told[-2:] == [("digit", ("5", 160)), ("digit", ("#", 250))]


async def test_an_info_that_we_do_not_understand_gets_415() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        await establish(home, call)
        home.peer.send(call.within("INFO", b"x", "Content-Type: text/plain"))
        assert (await home.peer.final()).status == 415


async def test_options_tells_what_we_can() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).request("OPTIONS"))
        answer = await home.peer.final()
        assert answer.status == 200
        assert {"invite", "bye", "update", "prack"} <= answer.headers.tokens("Allow")
        assert answer.headers.get("Accept") == "application/sdp"


async def test_options_within_a_call_tells_that_it_stands() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        home.peer.send(call.within("OPTIONS"))
        answer = await home.peer.final()
        assert (answer.status, answer.cseq.method, leg.ended) == (200, "OPTIONS", False)
        home.peer.send(Call(home.peer.port, to_tag="gone").request("OPTIONS"))
        assert (await home.peer.final()).status == 481


async def test_a_reliable_ring_is_repeated_until_prack() -> None:
    async with house() as home:
        call = Call(home.peer.port, extra="Require: 100rel\n")
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.ring()
        first, second = await home.peer.response(180), await home.peer.response(180)
        assert first == second
        assert (first.headers.get("Require"), first.headers.get("RSeq")) == ("100rel", "1")
        call.to_tag, call.extra = first.to.tag, ""
        leg.answer(OURS)
        home.peer.send(call.within("PRACK", extra="RAck: 1 1 INVITE"))
        answers = [await home.peer.final(), await home.peer.final()]
        assert [(one.cseq.method, one.status) for one in answers] == [("PRACK", 200), ("INVITE", 200)]


async def test_a_caller_that_never_confirms_our_reliable_ringing_is_refused_504() -> None:
    async with house(settings(t1_s=0.004)) as home:
        home.peer.send(Call(home.peer.port, extra="Require: 100rel\n").invite())
        (await home.leg()).ring()
        await home.peer.response(180)
        assert (await home.peer.final()).status == 504
        assert home.told == [("ended", "error")]


async def test_a_prack_of_something_else_gets_481() -> None:
    async with house() as home:
        call = Call(home.peer.port, extra="Require: 100rel\n")
        home.peer.send(call.invite())
        (await home.leg()).ring()
        call.to_tag, call.extra = (await home.peer.response(180)).to.tag, ""
        home.peer.send(call.within("PRACK", extra="RAck: 7 1 INVITE"))
        assert (await home.peer.final()).status == 481


async def test_early_media_is_the_answer_that_the_200_repeats() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite())
        leg = await home.leg()
        leg.progress(OURS)
        leg.answer(OURS)
        early, final = await home.peer.response(183), await home.peer.response(200)
        assert early.body == final.body
        assert home.told == [("sound", "sendrecv")]


async def test_the_ways_that_a_request_took_are_told_back_in_their_order() -> None:
    async with house() as home:
        far = 'Via: SIP/2.0/UDP "x, SIP/2.0/UDP far.example;branch=z9hG4bKfar'
        home.peer.send(Call(home.peer.port).request("OPTIONS", extra=far))
        answer = await home.peer.inbox.get()
        assert answer.startswith(b"SIP/2.0 200")
        assert [line for line in answer.split(b"\r\n") if line.startswith(b"Via")][1] == far.encode()


async def test_answers_go_where_the_request_came_from_and_say_so() -> None:
    async with house() as home:
        data = Call(home.peer.port).request("OPTIONS").replace(b"UDP 127.0.0.1:", b"UDP phone.invalid:")
        home.peer.send(data)
        answer = await home.peer.final()
        assert f";received=127.0.0.1;rport={home.peer.port}" in answer.headers.get("Via")


async def test_the_route_that_the_invite_took_is_taken_back() -> None:
    async with house() as home:
        proxy = f"<sip:127.0.0.1:{home.peer.port};lr>"
        far = "<sip:192.0.2.9;lr>"
        call = Call(home.peer.port, extra=f"Record-Route: {proxy}, {far}\n", contact="<sip:far@192.0.2.10>")
        leg = await establish(home, call)
        leg.hang_up()
        bye = await home.peer.request("BYE")
        assert (bye.uri, bye.headers.values("Route")) == ("sip:far@192.0.2.10", [proxy, far])


async def test_closing_hangs_up_and_takes_no_more_calls() -> None:
    async with house() as home:
        leg = await establish(home, Call(home.peer.port))
        closing = asyncio.create_task(home.phone.close(grace_s=2))
        await asyncio.sleep(0)
        home.peer.send(Call(home.peer.port, call_id="late").invite())
        assert (await home.peer.final()).status == 503
        leg.hang_up()
        await asyncio.wait_for(closing, 20)


def test_the_peer_of_these_tests_writes_what_our_parser_reads() -> None:
    assert isinstance(parse(Call(5060).invite()), Request)
    assert not isinstance(parse(Call(5060).invite()), Response)


async def test_an_update_may_change_what_a_reliable_183_agreed_on() -> None:
    async with house() as home:
        call = Call(home.peer.port, extra="Supported: 100rel\n")
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.progress(OURS)
        early = await home.peer.response(183)
        assert early.headers.get("RSeq") == "1"
        call.to_tag, call.extra = early.to.tag, ""
        home.peer.send(call.within("PRACK", extra="RAck: 1 1 INVITE"))
        assert (await home.peer.final()).cseq.method == "PRACK"
        home.peer.send(call.within("UPDATE", SDP.replace(b"40000", b"40004")))
        assert (await home.peer.final()).status == 200
        assert leg.sound is not None
        assert leg.sound.port == 40004
        leg.answer(OURS)
        assert (await home.peer.response(200)).body == b""


async def test_an_update_before_anything_is_agreed_has_to_wait() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        (await home.leg()).ring()
        call.to_tag = (await home.peer.response(180)).to.tag
        home.peer.send(call.within("UPDATE", SDP))
        assert (await home.peer.final()).status == 500

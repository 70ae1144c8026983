"""Sessions over time: timers, glare, renewals (RFC 4028, RFC 3261 14.1), on a clock turned by hand."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace

import pytest

from sip.signalling.leg import Leg
from sip.signalling.message import Message, Request, Response, parse
from tests.fuzz.target import OURS, PEER, Target
from tests.media.hasty import HastyLoop
from tests.sip.peer import SDP, Call, answer_to, house, settings

CONTACT = f"Contact: <sip:peer@127.0.0.1:{PEER[1]}>"


class Talk:
    """A telephone with one incoming call that stands."""

    def __init__(self, extra: str = "") -> None:
        self.target = Target()
        self.target.settle()
        self.call = Call(PEER[1], call_id="talk", extra=extra)
        self.target.take(self.call.invite())
        self.answer = self.sent(Response, 200)
        self.call.to_tag, self.call.extra = self.answer.to.tag, ""
        self.target.take(self.call.ack())
        self.leg: Leg = next(iter(self.target.legs.living.values()))
        self.ended: list[str] = []
        self.leg.on_ended = self.ended.append

    def all_sent(self) -> list[Message]:
        return [parse(data) for data in self.target.wire.sent]

    def sent(self, kind: type[Message], what: object) -> Message:
        """Give the last message of a kind: a response by status, a request by method."""
        for message in reversed(self.all_sent()):
            if isinstance(message, kind) and what in {
                getattr(message, "status", None),
                getattr(message, "method", None),
            }:
                return message
        raise AssertionError(f"nothing like {what} was sent")

    def methods(self) -> list[str]:
        return [message.method for message in self.all_sent() if isinstance(message, Request)]

    def wait(self, seconds: float) -> None:
        self.target.wire.sent.clear()
        self.target.clock.advance(seconds)


async def test_a_peer_that_promised_to_refresh_and_does_not_is_given_up() -> None:
    talk = Talk("Session-Expires: 100;refresher=uac\nSupported: timer\n")
    assert talk.answer.headers.get("Session-Expires") == "100;refresher=uac"
    assert talk.answer.headers.get("Require") == "timer"
    talk.wait(67)
    assert (talk.methods(), talk.ended) == ([], [])
    talk.wait(2)
    assert (talk.methods()[0], talk.ended) == ("BYE", ["error"])


async def test_a_refresh_by_the_peer_keeps_the_session() -> None:
    talk = Talk("Session-Expires: 100;refresher=uac\nSupported: timer\n")
    talk.wait(60)
    talk.target.take(talk.call.within("UPDATE", extra="Session-Expires: 100;refresher=uac\nSupported: timer"))
    assert talk.sent(Response, 200).cseq.method == "UPDATE"
    talk.wait(60)
    assert talk.ended == []


async def test_we_refresh_by_update_where_the_peer_knows_it() -> None:
    talk = Talk("Session-Expires: 100;refresher=uas\nSupported: timer\nAllow: INVITE, UPDATE\n")
    talk.wait(51)
    update = talk.sent(Request, "UPDATE")
    assert (update.headers.get("Session-Expires"), update.body) == ("100;refresher=uac", b"")
    talk.target.take(answer_to(update, 200, extra="Session-Expires: 120;refresher=uac"))
    talk.wait(59)
    assert talk.methods() == []
    talk.wait(2)
    assert talk.methods()[0] == "UPDATE"


async def test_we_refresh_by_reinvite_where_it_does_not() -> None:
    talk = Talk("Session-Expires: 100;refresher=uas\nSupported: timer\n")
    talk.wait(51)
    invite = talk.sent(Request, "INVITE")
    assert b"m=audio 42000" in invite.body
    talk.target.take(answer_to(invite, 200, "x", SDP, CONTACT))
    assert talk.methods()[-1] == "ACK"
    assert talk.ended == []


async def test_a_422_to_our_refreshing_reinvite_raises_the_interval() -> None:
    talk = Talk("Session-Expires: 100;refresher=uas\nSupported: timer\n")
    talk.wait(51)
    refused = talk.sent(Request, "INVITE")
    talk.target.take(answer_to(refused, 422, "x", extra="Min-SE: 600"))
    again = talk.sent(Request, "INVITE")
    assert again.cseq.number == refused.cseq.number + 1
    assert again.headers.get("Session-Expires") == "600;refresher=uac"


async def test_a_hold_of_ours_leaves_the_refreshing_to_the_peer() -> None:
    talk = Talk("Session-Expires: 100;refresher=uac\nSupported: timer\n")
    talk.leg.hold(replace(OURS, direction="sendonly"))
    assert talk.sent(Request, "INVITE").headers.get("Session-Expires") == "100;refresher=uas"


def test_over_real_sockets_we_refresh_at_half_time_and_hang_up_when_nobody_answers() -> None:
    """90 seconds are the least that RFC 4028 allows: the loop's clock runs ahead while nothing happens."""
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        assert runner.run(refreshed()) == [("UPDATE", 45), ("UPDATE", 90), ("BYE", 122)]


async def refreshed() -> list[tuple[str, float]]:
    """Call a peer that refreshes nothing itself; give what it got after its answer and when, in seconds."""
    seen: list[tuple[str, float]] = []
    async with house(settings(t1_s=0.5, session_expires_s=90)) as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS)
        home.take(leg)
        invite = await home.peer.request("INVITE")
        terms = f"{CONTACT}\nAllow: UPDATE\nRequire: timer\nSession-Expires: 90;refresher=uac"
        home.peer.send(answer_to(invite, 200, "far", SDP, terms.replace(str(PEER[1]), str(home.peer.port))))
        await home.peer.request("ACK")
        now = asyncio.get_running_loop().time
        began, latest = now(), invite.cseq
        while latest.method != "BYE":
            asked = parse(await home.peer.inbox.get())
            if asked.cseq == latest:
                continue  # sent again, for nobody answers
            latest = asked.cseq
            seen.append((latest.method, round(now() - began)))
            if len(seen) == 1:
                home.peer.send(answer_to(asked, 200, extra="Session-Expires: 90;refresher=uac"))  # type: ignore[arg-type]
    return seen


@pytest.mark.parametrize("status", [408, 481])
async def test_a_peer_that_knows_nothing_of_the_call_ends_it(status: int) -> None:
    talk = Talk("Session-Expires: 100;refresher=uas\nSupported: timer\nAllow: UPDATE\n")
    talk.wait(51)
    talk.target.take(answer_to(talk.sent(Request, "UPDATE"), status))
    assert talk.ended == ["error"]


async def test_a_refresh_that_nobody_answers_ends_the_call() -> None:
    talk = Talk("Session-Expires: 100;refresher=uas\nSupported: timer\nAllow: UPDATE\n")
    talk.wait(51 + 33)
    assert talk.ended == ["error"]


async def test_a_422_to_our_refresh_raises_the_interval() -> None:
    talk = Talk("Session-Expires: 100;refresher=uas\nSupported: timer\nAllow: UPDATE\n")
    talk.wait(51)
    refused = talk.sent(Request, "UPDATE")
    talk.target.take(answer_to(refused, 422, extra="Min-SE: 3600"))
    again = talk.sent(Request, "UPDATE")
    assert again.cseq.number == refused.cseq.number + 1
    assert [again.headers.get(name) for name in ("Session-Expires", "Min-SE")] == [
        "3600;refresher=uac",
        "3600",
    ]


async def test_a_session_timer_below_the_limit_is_refused_with_it() -> None:
    talk = Talk()
    talk.target.take(talk.call.within("UPDATE", extra="Session-Expires: 30\nSupported: timer"))
    assert talk.sent(Response, 422).headers.get("Min-SE") == "90"


async def test_our_offer_that_met_the_peers_is_made_again_within_two_seconds() -> None:
    talk = Talk()
    talk.leg.hold(replace(OURS, direction="sendonly"))
    first = talk.sent(Request, "INVITE")
    talk.target.take(answer_to(first, 491))
    talk.wait(2.01)
    second = talk.sent(Request, "INVITE")
    assert (second.cseq.number, b"a=sendonly" in second.body) == (first.cseq.number + 1, True)


async def test_who_began_the_call_waits_longer_after_a_glare() -> None:
    target = Target()
    leg = next(one for one in target.legs.living.values() if not one.incoming)
    asked = [parse(data) for data in target.wire.sent if data.startswith(b"INVITE")]
    target.take(answer_to(asked[-1], 200, "far", SDP, CONTACT))
    target.wire.sent.clear()
    leg.hold(replace(OURS, direction="sendonly"))
    target.take(answer_to(parse(target.wire.sent[-1]), 491))
    target.wire.sent.clear()
    target.clock.advance(2.05)
    assert not any(data.startswith(b"INVITE") for data in target.wire.sent)
    target.clock.advance(2)
    assert len({data for data in target.wire.sent if data.startswith(b"INVITE")}) == 1


async def test_an_offer_of_ours_waits_while_the_peers_is_unacknowledged() -> None:
    talk = Talk()
    talk.target.take(talk.call.within("INVITE", SDP))
    talk.target.wire.sent.clear()
    talk.leg.hold(OURS)
    assert talk.methods() == []
    talk.target.take(talk.call.ack())
    talk.wait(2.01)
    assert talk.methods()[0] == "INVITE"


async def test_a_refused_offer_of_ours_leaves_the_sound_as_it_was() -> None:
    talk = Talk()
    before = talk.leg.sound
    talk.leg.hold(replace(OURS, direction="sendonly"))
    talk.target.take(answer_to(talk.sent(Request, "INVITE"), 488))
    assert (talk.leg.sound, talk.ended, talk.methods()[-1]) == (before, [], "ACK")


async def test_an_offer_of_ours_that_nobody_answers_ends_the_call() -> None:
    talk = Talk()
    talk.leg.hold(OURS)
    talk.wait(33)
    assert talk.ended == ["error"]


async def test_ringing_is_repeated_every_minute_so_that_no_proxy_gives_up() -> None:
    target = Target()
    target.settle()
    target.answers = False
    target.take(Call(PEER[1], call_id="long").invite())
    target.wire.sent.clear()
    target.clock.advance(125)
    assert [parse(data).status for data in target.wire.sent] == [180, 180]  # type: ignore[union-attr]


async def test_an_ended_call_leaves_nothing_behind_but_the_answers_that_may_have_to_be_repeated() -> None:
    talk = Talk()
    leg = weakref.ref(talk.leg)
    bye = talk.call.within("BYE")
    talk.target.take(bye)
    del talk.leg
    gc.collect()
    assert leg() is None
    assert talk.target.held["serving"] == 2
    talk.target.wire.sent.clear()
    talk.target.take(bye)
    assert [message.cseq.method for message in talk.all_sent()] == ["BYE"]


async def test_a_call_that_ended_holds_nothing_after_its_transactions() -> None:
    talk = Talk()
    talk.leg.hang_up()
    talk.target.clock.advance(40)
    assert not any(talk.target.held.values())

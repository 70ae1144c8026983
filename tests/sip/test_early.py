"""Answers that come before the call is taken, of one telephone or several (RFC 3262, 3311, RFC 3261 13.2)."""

from __future__ import annotations

from sip.signalling.leg import Leg
from sip.signalling.message import Request
from tests.sip.peer import SDP, House, answer_to, contact, dial, house


async def test_early_media_is_told_before_the_answer() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 183, "far", SDP, contact(home)))
        await home.until(("sound", "sendrecv"))
        assert leg.sound is not None
        home.peer.send(answer_to(invite, 200, "far", b"", contact(home)))
        assert await leg.answered() == "answered"


async def test_a_reliable_provisional_response_is_confirmed_once() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        reliable = answer_to(invite, 183, "far", SDP, contact(home) + "\nRequire: 100rel\nRSeq: 9")
        home.peer.send(reliable)
        prack = await home.peer.request("PRACK")
        assert prack.headers.get("RAck") == "9 1 INVITE"
        home.peer.send(answer_to(prack, 200))
        home.peer.send(reliable)
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
        assert await leg.answered() == "answered"
        following = await home.peer.receive()
        assert isinstance(following, Request)
        assert following.method == "ACK"


async def updated_early(home: House, *, reliable: bool) -> tuple[Leg, Request, int]:
    """Get an early answer, then an offer by UPDATE; give what was answered to that."""
    leg = dial(home)
    invite = await home.peer.request("INVITE")
    extra = contact(home) + ("\nRequire: 100rel\nRSeq: 1" if reliable else "")
    home.peer.send(answer_to(invite, 183, "far", SDP, extra))
    if reliable:
        home.peer.send(answer_to(await home.peer.request("PRACK"), 200))
    await home.until(("sound", "sendrecv"))
    update = (
        f"UPDATE sip:127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{home.peer.port};branch=z9hG4bKu;rport\r\n"
        f"From: {invite.headers.get('To')};tag=far\r\nTo: {invite.headers.get('From')}\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: 1 UPDATE\r\nContact: <sip:far@127.0.0.1:{home.peer.port}>\r\n"
        f"Content-Type: application/sdp\r\n\r\n"
    )
    home.peer.send(update.encode() + SDP.replace(b"40000", b"40004"))
    return leg, invite, (await home.peer.final()).status


async def test_an_update_before_the_answer_may_move_what_a_reliable_183_settled() -> None:
    async with house() as home:
        leg, invite, status = await updated_early(home, reliable=True)
        assert status == 200
        assert leg.sound is not None
        assert leg.sound.port == 40004
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))  # what it says was said before
        assert await leg.answered() == "answered"
        assert leg.sound.port == 40004


async def test_an_update_before_our_offer_is_surely_answered_has_to_wait() -> None:
    async with house() as home:
        leg, invite, status = await updated_early(home, reliable=False)
        assert status == 491
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
        assert await leg.answered() == "answered"
        assert leg.sound is not None
        assert leg.sound.port == 40000


async def test_another_fork_that_answers_settles_the_sound_anew() -> None:
    async with house() as home:
        leg, invite, _ = await updated_early(home, reliable=True)
        home.peer.send(answer_to(invite, 200, "other", SDP.replace(b"40000", b"40008"), contact(home)))
        assert await leg.answered() == "answered"
        assert leg.sound is not None
        assert leg.sound.port == 40008


async def test_an_early_answer_that_cannot_be_used_is_counted_and_the_next_one_counts() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        reliable = contact(home) + "\nRequire: 100rel\nRSeq: 1"
        home.peer.send(answer_to(invite, 183, "far", SDP.replace(b"audio 40000", b"audio 0"), reliable))
        await home.counted("bad_early_media", 1)
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
        assert await leg.answered() == "answered"

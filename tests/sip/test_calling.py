"""What a telephone does when it calls (RFC 3261 13.2, 9.1; RFC 3262)."""

from __future__ import annotations

import asyncio

import pytest

from sip.signalling.headers import Headers
from sip.signalling.leg import Leg
from sip.signalling.message import Request
from sip.signalling.offer import Crypto, Local
from sip.signalling.outgoing import preferred
from sip.signalling.phone_settings import Peer as KnownPeer
from sip.signalling.phone_settings import PhoneSettings
from tests.sip.name_server import name_server
from tests.sip.peer import OURS, SDP, Call, House, answer_to, bare_peer, contact, dial, house, settings


async def answered(home: House, **more: str) -> tuple[Leg, Request]:
    leg = dial(home, **more)
    invite = await home.peer.request("INVITE")
    home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
    assert await leg.answered() == "answered"
    await home.peer.request("ACK")
    return leg, invite


async def test_a_call_rings_is_answered_and_acknowledged() -> None:
    async with house() as home:
        leg = dial(home, caller="030555", name="Praxis")
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 180, "far", extra=contact(home)))
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
        assert await leg.answered() == "answered"
        ack = await home.peer.request("ACK")
        assert (ack.uri, ack.cseq.number, ack.to.tag) == (f"sip:peer@127.0.0.1:{home.peer.port}", 1, "far")
        assert home.told == [("ringing", None), ("sound", "sendrecv"), ("confirmed", None)]
        assert (invite.sender.display, invite.sender.uri.user) == ("Praxis", "030555")
        assert {one.headers.get("Max-Forwards") for one in (invite, ack)} == {"70"}


async def test_the_invite_is_repeated_until_something_comes() -> None:
    async with house() as home:
        leg = dial(home)
        first, second = await home.peer.request("INVITE"), await home.peer.request("INVITE")
        assert first == second
        leg.hang_up()


async def test_a_repeated_200_is_acknowledged_again() -> None:
    async with house() as home:
        _, invite = await answered(home)
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
        assert (await home.peer.request("ACK")).to.tag == "far"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, "busy"),
        (600, "busy"),
        (480, "no_answer"),
        (408, "no_answer"),
        (403, "refused"),
        (603, "refused"),
        (404, "refused"),
        (500, "failed"),
        (503, "failed"),
    ],
)
async def test_a_refusal_is_acknowledged_and_told_by_its_kind(status: int, outcome: str) -> None:
    async with house() as home:
        leg = dial(home)
        home.peer.send(answer_to(await home.peer.request("INVITE"), status, "far"))
        assert await leg.answered() == outcome
        ack = await home.peer.request("ACK")
        assert ack.to.tag == "far"
        assert home.phone.legs == {}


async def test_a_peer_that_never_answers_makes_the_call_fail() -> None:
    async with house(settings(t1_s=0.004)) as home:
        leg = dial(home)
        assert await leg.answered() == "failed"
        assert home.told == [("ended", "error")]


async def test_hanging_up_while_it_rings_cancels() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 180, "far", extra=contact(home)))
        await home.until(("ringing", None))
        leg.hang_up()
        cancel = await home.peer.request("CANCEL")
        assert (cancel.via.branch, cancel.cseq.number) == (invite.via.branch, 1)
        home.peer.send(answer_to(cancel, 200, "far"))
        home.peer.send(answer_to(invite, 487, "far"))
        await home.peer.request("ACK")
        assert await leg.answered() == "ended"
        assert home.phone.legs == {}


async def test_no_cancel_leaves_before_the_first_provisional_response() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        leg.hang_up()
        await asyncio.sleep(0.01)
        home.peer.send(answer_to(invite, 100))
        found = await home.peer.receive()
        while isinstance(found, Request) and found.method == "INVITE":
            found = await home.peer.receive()
        assert isinstance(found, Request)
        assert found.method == "CANCEL"


async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 180, "far", extra=contact(home)))
        await home.until(("ringing", None))
        leg.hang_up()
        await home.peer.request("CANCEL")
        home.peer.send(answer_to(invite, 200, "far", SDP, contact(home)))
        await home.peer.request("ACK")
        await home.peer.request("BYE")
        assert home.phone.legs == {}


async def test_a_call_that_rings_too_long_is_cancelled_as_no_answer() -> None:
    async with house() as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS, ring_s=0.05)
        home.peer.send(answer_to(await home.peer.request("INVITE"), 180, "far", extra=contact(home)))
        assert await leg.answered() == "no_answer"
        await home.peer.request("CANCEL")


async def test_a_second_fork_that_answers_is_ended_at_once() -> None:
    async with house() as home:
        leg, invite = await answered(home)
        home.peer.send(answer_to(invite, 200, "other", SDP, contact(home)))
        assert (await home.peer.request("ACK")).to.tag == "other"
        assert (await home.peer.request("BYE")).to.tag == "other"
        assert not leg.ended


async def test_a_server_that_is_out_of_service_leaves_the_call_to_the_next_of_its_name() -> None:
    async with bare_peer() as other, name_server({}) as dns, house(names(dns.port)) as home:
        places = (home.peer.port, other.port)
        dns.zone["_sip._udp.two.test.", "SRV"] = [f"{n} 1 {port} home.test." for n, port in enumerate(places)]
        dns.zone["home.test.", "A"] = ["127.0.0.1"]
        leg = home.phone.call("sip:100@two.test", OURS)
        first = await home.peer.request("INVITE")
        home.peer.send(answer_to(first, 503, "far"))
        second = await other.request("INVITE")
        assert (second.call_id, second.cseq.number) == (first.call_id, 2)
        other.send(answer_to(second, 200, "far", SDP, f"Contact: <sip:127.0.0.1:{other.port}>"))
        assert await leg.answered() == "answered"


async def test_a_302_is_followed() -> None:
    async with house() as home:
        leg = dial(home)
        first = await home.peer.request("INVITE")
        home.peer.send(answer_to(first, 302, "far", extra=f"Contact: <sip:200@127.0.0.1:{home.peer.port}>"))
        second = await home.peer.request("INVITE")
        while second.cseq.number == 1:
            second = await home.peer.request("INVITE")
        assert (second.uri, second.call_id) == (f"sip:200@127.0.0.1:{home.peer.port}", first.call_id)
        home.peer.send(answer_to(second, 200, "far2", SDP, contact(home)))
        assert await leg.answered() == "answered"


def names(port: int) -> PhoneSettings:
    return settings(nameservers=("127.0.0.1",), nameserver_port=port)


async def test_a_302_to_a_host_name_is_followed_where_dns_leads() -> None:
    async with name_server({}) as dns, house(names(dns.port)) as home:
        dns.zone["_sip._udp.desk.test.", "SRV"] = [f"1 1 {home.peer.port} home.test."]
        dns.zone["home.test.", "A"] = ["127.0.0.1"]
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS)
        first = await home.peer.request("INVITE")
        home.peer.send(answer_to(first, 302, "far", extra="Contact: <sip:200@desk.test>"))
        second = await home.peer.request("INVITE")
        assert (second.uri, second.cseq.number) == ("sip:200@desk.test", 2)
        home.peer.send(answer_to(second, 486, "far"))
        assert await leg.answered() == "busy"


async def test_a_302_to_a_name_that_leads_nowhere_is_a_refusal() -> None:
    async with name_server({}) as dns, house(names(dns.port)) as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS)
        first = await home.peer.request("INVITE")
        home.peer.send(answer_to(first, 302, "far", extra="Contact: <sip:200@nowhere.test>"))
        assert await asyncio.wait_for(leg.answered(), 10) == "refused"


async def test_a_call_given_up_while_a_name_is_looked_up_goes_nowhere() -> None:
    async with name_server({}) as dns, house(names(dns.port)) as home:
        dns.zone["home.test.", "A"] = ["127.0.0.1"]
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS)
        first = await home.peer.request("INVITE")
        home.peer.send(answer_to(first, 302, "far", extra="Contact: <sip:200@home.test>"))
        await home.peer.request("ACK")
        leg.hang_up()
        assert await leg.answered() == "ended"
        await home.phone.close()
        assert home.peer.silent()


def test_the_contact_that_is_liked_best_is_the_one_to_follow() -> None:
    def best(*contacts: str) -> str:
        return str(preferred(Headers([("Contact", one) for one in contacts])))

    assert best("<sip:a@x>;q=0.2", "<sip:b@x>;q=0.9", "<sip:c@x>;q=0.9") == "sip:b@x"
    assert best("<sip:a@x>;q=0.2", "<sip:b@x>") == "sip:b@x"
    assert best("<mailto:a@x>", "<sip:b@x>;q=0.1") == "sip:b@x"
    assert best("<tel:+49>") == "None"


async def test_redirections_do_not_go_round_for_ever() -> None:
    async with house() as home:
        leg = dial(home)
        seen = 0
        while seen < 4:
            invite = await home.peer.request("INVITE")
            seen = max(seen, invite.cseq.number)
            home.peer.send(
                answer_to(invite, 302, "far", extra=f"Contact: <sip:200@127.0.0.1:{home.peer.port}>")
            )
        assert await leg.answered() == "refused"


async def test_an_answer_with_nonsense_in_headers_that_do_not_matter_is_an_answer() -> None:
    nonsense = 'Allow: INVITE, "\nSupported: "\nSession-Expires: "x'
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 200, "far", SDP, f"{contact(home)}\n{nonsense}"))
        assert await leg.answered() == "answered"
        await home.peer.request("ACK")


async def test_an_answer_that_declines_the_sound_ends_the_call() -> None:
    async with house() as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 200, "far", SDP.replace(b"audio 40000", b"audio 0"), contact(home)))
        assert await leg.answered() == "failed"
        await home.peer.request("ACK")
        await home.peer.request("BYE")


async def test_a_422_is_answered_with_a_longer_session() -> None:
    async with house(settings(session_expires_s=100)) as home:
        leg = dial(home)
        first = await home.peer.request("INVITE")
        assert first.headers.get("Session-Expires") == "100"
        home.peer.send(answer_to(first, 422, "far", extra="Min-SE: 600"))
        second = await home.peer.request("INVITE")
        while second.cseq.number == 1:
            second = await home.peer.request("INVITE")
        assert [second.headers.get(name) for name in ("Session-Expires", "Min-SE")] == ["600", "600"]
        leg.hang_up()


async def test_the_peer_may_hang_up() -> None:
    async with house() as home:
        leg, invite = await answered(home)
        bye = (
            f"BYE sip:127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{home.peer.port};branch=z9hG4bKb;rport\r\n"
            f"From: {invite.headers.get('To')};tag=far\r\nTo: {invite.headers.get('From')}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: 1 BYE\r\n\r\n"
        )
        home.peer.send(bye.encode())
        assert (await home.peer.final()).status == 200
        await home.until(("ended", "caller"))
        assert leg.ended


async def test_an_offer_with_keys_asks_for_srtp() -> None:
    suite = "AES_CM_128_HMAC_SHA1_80"
    ours, theirs = Crypto(1, suite, "A" * 40), Crypto(1, suite, "B" * 40)
    local = Local("127.0.0.1", 42000, crypto=(ours,), srtp="required")
    async with house() as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", local)
        invite = await home.peer.request("INVITE")
        assert b"m=audio 42000 RTP/SAVP 8 0 101\r\n" in invite.body
        assert f"a=crypto:1 {suite} inline:{ours.key}\r\n".encode() in invite.body
        body = SDP.replace(b"RTP/AVP", b"RTP/SAVP") + f"a=crypto:1 {suite} inline:{theirs.key}\r\n".encode()
        home.peer.send(answer_to(invite, 200, "far", body, contact(home)))
        assert await leg.answered() == "answered"
        assert leg.sound is not None
        assert (leg.sound.remote_crypto, leg.sound.local_crypto) == (theirs, ours)


async def test_names_and_numbers_are_written_so_that_nothing_else_can_be_said_with_them() -> None:
    async with house() as home:
        host = KnownPeer("pbx", ("127.0.0.1",), host=f"127.0.0.1:{home.peer.port}")
        async with house(settings(peers=(host,))) as other:
            leg = other.phone.call("*21#", OURS, line="pbx", caller="0 30>", name='Dr. "X"\r\nInjected: y\\')
            invite = await home.peer.request("INVITE")
            assert invite.uri == f"sip:*21%23@127.0.0.1:{home.peer.port}"
            assert (invite.sender.uri.name, invite.sender.display) == ("0 30>", 'Dr. "X"Injected: y\\')
            assert "Injected" not in invite.headers
            leg.hang_up()


async def test_a_target_that_leads_nowhere_is_a_clear_error() -> None:
    async with house() as home:
        with pytest.raises(ValueError, match="line"):
            home.phone.call("0305555", OURS)


async def test_whom_we_call_without_knowing_it_may_speak_of_that_call_and_of_nothing_else() -> None:
    elsewhere = settings(peers=(KnownPeer("pbx", ("192.0.2.1",)),))
    async with house(elsewhere) as home:
        leg, invite = await answered(home)
        home.peer.send(Call(home.peer.port).invite())  # a call of its own: silence
        bye = (
            f"BYE sip:x@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{home.peer.port};branch=z9hG4bKb;rport\r\n"
            f"From: {invite.headers.get('To')};tag=far\r\nTo: {invite.headers.get('From')}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: 1 BYE\r\n\r\n"
        )
        home.peer.send(bye.encode())
        assert (await home.peer.final()).cseq.method == "BYE"
        await home.until(("ended", "caller"))
        home.peer.send(Call(home.peer.port, call_id="later").invite())
        await home.counted("dropped_unknown_peer", 2)
        assert (home.peer.silent(), home.legs.qsize()) == (True, 1)
        assert leg.ended

"""What a strict peer may do, and an odd one does, within calls (RFC 3261, 3262, 3264, 6086)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.signalling.leg import Leg
from sip.signalling.message import Request
from sip.signalling.phone_settings import LOOPBACK, PhoneSettings
from sip.signalling.phone_settings import Peer as KnownPeer
from tests.sip.peer import OURS, SDP, Call, House, answer_to, contact, dial, establish, house, settings

PATIENT = settings(t1_s=0.1)  # a busy machine may take long: nothing here waits for a repetition or an end
ELSEWHERE = SDP.replace(b"40000", b"40006")
CHALLENGE = 'Proxy-Authenticate: Digest realm="trunk", nonce="{}", qop="auth"'


def written(home: House, invite: Request, method: str, *, tag: str, seq: int = 1) -> bytes:
    """Write a request of the called side within one of an INVITE's dialogs."""
    lines = (
        f"{method} sip:127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{home.peer.port};branch=z9hG4bK-{method}-{tag}-{seq};rport",
        f"From: {invite.headers.get('To')};tag={tag}",
        f"To: {invite.headers.get('From')}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {seq} {method}",
    )
    return "\r\n".join((*lines, "", "")).encode()


async def numbered(home: House, method: str, seq: int) -> Request:
    """Wait for a request of ours with a number, passing over repetitions of older ones."""
    while (found := await home.peer.request(method)).cseq.number != seq:
        pass
    return found


async def answered(home: House, invite: Request, leg: Leg, extra: str = "") -> None:
    home.peer.send(answer_to(invite, 200, "far", SDP, contact(home) + extra))
    assert await leg.answered() == "answered"


# Forks.


async def test_a_fork_that_lost_the_call_may_hang_up_without_ending_it() -> None:
    async with house(PATIENT) as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        for tag in ("lost", "far"):
            home.peer.send(answer_to(invite, 180, tag, extra=contact(home)))
        await answered(home, invite, leg)
        home.peer.send(written(home, invite, "BYE", tag="lost"))
        assert (await home.peer.final()).status == 200
        home.peer.send(written(home, invite, "UPDATE", tag="lost", seq=2))
        assert (await home.peer.final()).status == 481
        assert not leg.ended
        home.peer.send(written(home, invite, "BYE", tag="far"))
        assert (await home.peer.final()).status == 200
        await home.until(("ended", "caller"))


async def test_each_fork_counts_its_requests_by_itself() -> None:
    async with house(PATIENT) as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        statuses = []
        for tag, seq in (("first", 100), ("second", 1), ("second", 1)):
            home.peer.send(answer_to(invite, 180, tag, extra=contact(home)))
            await home.until(("ringing", None))
            request = written(home, invite, "OPTIONS", tag=tag, seq=seq)
            home.peer.send(request.replace(b";rport", f"{len(statuses)};rport".encode()))
            statuses.append((await home.peer.final()).status)
        assert statuses == [200, 200, 500]
        leg.hang_up()


# Credentials.


def trunk(home: House) -> PhoneSettings:
    """Know the peer as a trunk that asks for a password."""
    host = f"127.0.0.1:{home.peer.port}"
    return replace(
        PATIENT, peers=(LOOPBACK, KnownPeer("trunk", ("192.0.2.1",), host, user="62", password="geheim"))
    )


def proves(asked: Request, nonce: str) -> bool:
    return f'nonce="{nonce}"' in asked.headers.get("Proxy-Authorization")


async def test_the_ack_of_an_answer_carries_the_credentials_of_its_invite() -> None:
    async with house(PATIENT) as home, house(trunk(home)) as caller:
        leg = caller.phone.call("100", OURS, line="trunk")
        home.peer.send(answer_to(await home.peer.request("INVITE"), 407, "x", extra=CHALLENGE.format("n1")))
        invite = await numbered(home, "INVITE", 2)
        await answered(home, invite, leg)
        ack = await numbered(home, "ACK", 2)
        name = "Proxy-Authorization"
        assert (ack.headers.get(name), proves(invite, "n1")) == (invite.headers.get(name), True)
        leg.hold(replace(OURS, direction="sendonly"))
        again = await numbered(home, "INVITE", 3)
        assert not again.headers.get(name)
        home.peer.send(answer_to(again, 200, body=SDP, extra=contact(home)))
        assert not (await numbered(home, "ACK", 3)).headers.get(name)


async def test_a_challenged_prack_is_sent_again_with_credentials() -> None:
    async with house(PATIENT) as home, house(trunk(home)) as caller:
        leg = caller.phone.call("100", OURS, line="trunk")
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 183, "far", SDP, f"{contact(home)}\nRequire: 100rel\nRSeq: 5"))
        prack = await home.peer.request("PRACK")
        home.peer.send(answer_to(prack, 407, extra=CHALLENGE.format("n1")))
        again = await numbered(home, "PRACK", prack.cseq.number + 1)
        assert (again.headers.get("RAck"), proves(again, "n1")) == ("5 1 INVITE", True)
        home.peer.send(answer_to(again, 200))
        await answered(home, invite, leg)


async def test_a_challenged_bye_of_a_fork_that_nobody_wants_is_sent_again_with_credentials() -> None:
    async with house(PATIENT) as home, house(trunk(home)) as caller:
        leg = caller.phone.call("100", OURS, line="trunk")
        invite = await home.peer.request("INVITE")
        await answered(home, invite, leg)
        home.peer.send(answer_to(invite, 200, "other", SDP, contact(home)))
        bye = await home.peer.request("BYE")
        home.peer.send(answer_to(bye, 407, extra=CHALLENGE.format("n1")))
        again = await numbered(home, "BYE", bye.cseq.number + 1)
        assert (again.to.tag, proves(again, "n1"), leg.ended) == ("other", True, False)


# Offers and answers.


async def test_a_reinvite_whose_ack_forgets_the_answer_leaves_the_call_as_it_was() -> None:
    async with house(PATIENT) as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        before = leg.sound
        home.peer.send(call.within("INVITE"))
        assert b"m=audio 42000" in (await home.peer.response(200)).body
        home.peer.send(call.ack())
        home.peer.send(call.within("UPDATE", ELSEWHERE))  # nothing is on its way any more: it is taken
        assert (await home.peer.final()).status == 200
        assert before is not None
        assert (leg.sound, leg.ended) == (replace(before, port=40006, rtcp_port=40007), False)


async def test_a_183_that_has_to_wait_for_the_prack_of_a_180_follows_it_and_the_200_says_nothing_again() -> (
    None
):
    async with house(PATIENT) as home:
        call = Call(home.peer.port, extra="Require: 100rel\n")
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.ring()
        leg.progress(OURS)
        ringing = await home.peer.response(180)
        call.to_tag, call.extra = ringing.to.tag, ""
        home.peer.send(call.within("PRACK", extra="RAck: 1 1 INVITE"))
        early = await home.peer.response(183)
        assert (early.headers.get("RSeq"), b"m=audio 42000" in early.body) == ("2", True)
        home.peer.send(call.within("PRACK", extra="RAck: 2 1 INVITE"))
        leg.answer(OURS)
        while (final := await home.peer.response(200)).cseq.method != "INVITE":
            pass
        assert final.body == b""


async def test_a_200_brings_the_answer_that_no_reliable_response_has_brought() -> None:
    async with house(PATIENT) as home:
        call = Call(home.peer.port, extra="Require: 100rel\n")
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.ring()
        leg.progress(OURS)
        leg.answer(OURS)
        call.to_tag, call.extra = (await home.peer.response(180)).to.tag, ""
        home.peer.send(call.within("PRACK", extra="RAck: 1 1 INVITE"))
        while (final := await home.peer.response(200)).cseq.method != "INVITE":
            pass
        assert b"m=audio 42000" in final.body


async def test_no_reliable_ringing_is_sent_to_an_invite_without_offer_for_it_would_have_to_offer() -> None:
    async with house(PATIENT) as home:
        home.peer.send(Call(home.peer.port, extra="Require: 100rel\n").invite(b""))
        leg = await home.leg()
        leg.ring()
        leg.answer(OURS)
        final = await home.peer.receive()
        assert (final.status, b"m=audio 42000" in final.body) == (200, True)  # type: ignore[union-attr]


async def test_sound_of_another_address_family_is_refused_before_anybody_waits_for_it_in_silence() -> None:
    other = SDP.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP6 ::1")
    async with house(PATIENT) as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        home.peer.send(call.within("INVITE", other))
        assert ((await home.peer.final()).status, leg.ended) == (488, False)
        out = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 200, "far", other, contact(home)))
        assert await out.answered() == "failed"
        assert (await home.peer.request("BYE")).to.tag == "far"


async def test_a_call_is_held_by_the_unspecified_address_of_either_family() -> None:
    async with house(PATIENT) as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        for held in (b"IP4 0.0.0.0", b"IP6 ::"):
            home.peer.send(call.within("UPDATE", SDP.replace(b"c=IN IP4 127.0.0.1", b"c=IN " + held)))
            assert (await home.peer.final()).status == 200
            assert leg.sound is not None
            assert leg.sound.direction == "recvonly"


# Contacts, routes, other fields.


async def test_an_answer_without_contact_is_acknowledged_and_the_call_stands() -> None:
    async with house(PATIENT) as home:
        leg = dial(home)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 200, "far", SDP))
        assert await leg.answered() == "answered"
        assert (await home.peer.request("ACK")).uri == invite.uri
        leg.hang_up()
        bye = await home.peer.request("BYE")
        assert (bye.uri, bye.to.tag) == (invite.uri, "far")


async def test_a_contacts_header_part_stands_in_no_request_uri_but_its_parameters_do() -> None:
    async with house(PATIENT) as home:
        place = f"127.0.0.1:{home.peer.port}"
        odd = (
            f'"Desk, 1" <sip:far;x=1@{place};ob;line=a%20b?Subject=x>;expires=60;+sip.instance="<urn:uuid:1>"'
        )
        call = Call(home.peer.port, contact=f"{odd}, <sip:other@192.0.2.9>")
        leg = await establish(home, call)
        leg.hang_up()
        assert (await home.peer.request("BYE")).uri == f"sip:far;x=1@{place};ob;line=a%20b"


async def test_a_strict_router_is_asked_by_its_own_address_with_the_target_at_the_routes_end() -> None:
    async with house(PATIENT) as home:
        strict, far = f"<sip:127.0.0.1:{home.peer.port}>", "<sip:192.0.2.9;lr>"
        call = Call(
            home.peer.port,
            contact="<sip:far@192.0.2.10;ob>",
            extra=f"Record-Route: {strict}\nRecord-Route: {far}\n",
        )
        leg = await establish(home, call)
        leg.hang_up()
        bye = await home.peer.request("BYE")
        assert bye.uri == strict.strip("<>")
        assert bye.headers.values("Route") == [far, "<sip:far@192.0.2.10;ob>"]


async def test_every_extension_that_we_lack_is_named_wherever_it_was_demanded() -> None:
    async with house(PATIENT) as home:
        demands = "Require: timer, replaces\nRequire: Foo,100rel\nProxy-Require: bar\n"
        home.peer.send(Call(home.peer.port).request("OPTIONS", extra=demands))
        answer = await home.peer.final()
        assert (answer.status, answer.headers.values("Unsupported")) == (420, ["replaces", "Foo"])


async def test_options_that_may_go_no_further_has_arrived() -> None:
    async with house(PATIENT) as home:
        home.peer.send(
            Call(home.peer.port).request("OPTIONS").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        )
        assert (await home.peer.final()).status == 200


async def test_trying_gives_the_timestamp_back() -> None:
    async with house(PATIENT) as home:
        home.peer.send(Call(home.peer.port, extra="Timestamp: 54.21\n").invite())
        await home.leg()
        assert (await home.peer.response(100)).headers.get("Timestamp") == "54.21"


async def test_an_info_of_a_package_gets_469_and_the_keys_of_one_are_keys() -> None:
    async with house(PATIENT) as home:
        call = Call(home.peer.port)
        await establish(home, call)
        package = "Info-Package: dtmf\nContent-Type: application/"
        home.peer.send(call.within("INFO", b"x", f"{package}x-other"))
        refused = await home.peer.final()
        assert (refused.status, "Recv-Info" in refused.headers) == (469, True)
        home.peer.send(call.within("INFO", b"Signal=5\r\nDuration=160\r\n", f"{package}dtmf-relay"))
        assert (await home.peer.final()).status == 200
        assert home.told[-1] == ("digit", ("5", 160))


# Ends.


async def test_a_cancel_that_comes_after_the_200_leaves_the_call_until_its_bye() -> None:
    async with house(PATIENT) as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        leg = await home.leg()
        leg.answer(OURS)
        tag = (await home.peer.response(200)).to.tag
        home.peer.send(
            call.request("CANCEL", branch=f"z9hG4bK-{call.call_id}-1-INVITE", extra="Require: foo")
        )
        while (answer := await home.peer.final()).cseq.method != "CANCEL":
            pass
        assert (answer.status, answer.to.tag, leg.ended) == (200, tag, False)
        call.to_tag = tag
        home.peer.send(call.ack())
        await home.until(("confirmed", None))
        home.peer.send(call.within("BYE"))
        await home.until(("ended", "caller"))


@pytest.mark.parametrize("method", ["UPDATE", "INFO", "PRACK", "NOTIFY", "REFER", "INVITE", "OPTIONS", "BYE"])
async def test_nothing_is_served_within_a_call_that_is_over(method: str) -> None:
    async with house(PATIENT) as home:
        call = Call(home.peer.port)
        leg = await establish(home, call)
        leg.hang_up()
        home.peer.send(answer_to(await home.peer.request("BYE"), 200))
        home.peer.send(call.within(method))
        assert (await home.peer.final()).status == 481

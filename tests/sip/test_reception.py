"""What is let in and refused: strangers, floods, limits, the unreadable and the unserved (RFC 3261 8.2)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from structlog.testing import capture_logs

from sip.signalling.leg import Leg
from sip.signalling.phone_settings import Listen
from sip.signalling.phone_settings import Peer as KnownPeer
from tests.fuzz.target import PEER, SETTINGS, Target
from tests.sip.peer import FAST, OURS, SDP, Call, establish, house, settings

NUMBERS = count()


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "NOTIFY", "INVITE", "REFER"])
async def test_requests_of_an_unknown_dialog_get_481(method: str) -> None:
    async with house() as home:
        call = Call(home.peer.port, to_tag="nobody")
        home.peer.send(call.request(method))
        assert (await home.peer.final()).status == 481


async def test_an_ack_of_nothing_is_never_answered() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port, to_tag="nobody").ack())
        home.peer.send(Call(home.peer.port).request("OPTIONS"))
        assert (await home.peer.receive()).cseq.method == "OPTIONS"


async def test_a_request_older_than_one_seen_gets_500() -> None:
    async with house() as home:
        call = Call(home.peer.port, seq=5)
        await establish(home, call)
        home.peer.send(call.request("INFO", seq=3))
        assert (await home.peer.final()).status == 500


async def test_an_extension_that_we_lack_gets_420_naming_it() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite(extra="Require: timer, replaces, gruu"))
        answer = await home.peer.final()
        assert (answer.status, answer.headers.get("Unsupported")) == (420, "replaces, gruu")


async def test_the_same_request_over_two_ways_is_merged_with_482() -> None:
    async with house() as home:
        call = Call(home.peer.port)
        home.peer.send(call.invite())
        await home.leg()
        home.peer.send(call.invite(branch="z9hG4bK-other-way"))
        assert (await home.peer.final()).status == 482
        assert home.legs.empty()


async def test_a_body_that_is_no_sdp_gets_415() -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite(b"<x/>", extra="Content-Type: text/xml"))
        answer = await home.peer.final()
        assert (answer.status, answer.headers.get("Accept")) == (415, "application/sdp")


async def test_an_invite_without_contact_gets_400() -> None:
    async with house() as home:
        data = Call(home.peer.port).invite()
        home.peer.send(b"\r\n".join(line for line in data.split(b"\r\n") if not line.startswith(b"Contact")))
        assert (await home.peer.final()).status == 400


async def test_a_full_house_refuses_with_503_and_retry_after() -> None:
    async with house(settings(channels=1, retry_after_s=17)) as home:
        home.peer.send(Call(home.peer.port).invite())
        await home.leg()
        home.peer.send(Call(home.peer.port, call_id="call-2").invite())
        answer = await home.peer.final()
        assert (answer.status, answer.headers.get("Retry-After")) == (503, "17")


async def test_a_full_trunk_refuses_with_486_and_retry_after() -> None:
    peers = (KnownPeer("trunk", ("127.0.0.1",), channels=1),)
    async with house(settings(peers=peers, retry_after_s=9)) as home:
        home.peer.send(Call(home.peer.port).invite())
        assert (await home.leg()).line == "trunk"
        home.peer.send(Call(home.peer.port, call_id="call-2").invite())
        answer = await home.peer.final()
        assert (answer.status, answer.headers.get("Retry-After")) == (486, "9")


async def test_an_unknown_peer_hears_nothing() -> None:
    async with house(settings(peers=(KnownPeer("trunk", ("192.0.2.1",)),))) as home:
        home.peer.send(Call(home.peer.port).invite())
        home.peer.send(b"rubbish")
        await home.counted("dropped_unknown_peer", 2)
        assert home.peer.silent()


def asked(target: Target, many: int) -> int:
    """Ask for options so often, each time in a transaction of its own; give how often it was answered."""
    target.wire.sent.clear()
    for _ in range(many):
        target.take(Call(PEER[1], call_id=f"flood-{next(NUMBERS)}").request("OPTIONS"))
    return len(target.wire.sent)


async def test_a_flood_is_cut_off_and_the_source_banned() -> None:
    target = Target(replace(SETTINGS, requests_per_s=2, ban_s=60))
    target.settle()
    assert asked(target, 10) == 4  # what two seconds allow
    target.clock.advance(1)
    assert asked(target, 60) == 2  # the last of them are more than tenfold
    target.clock.advance(59)
    assert asked(target, 1) == 0
    target.clock.advance(2)
    assert asked(target, 1) == 1
    assert target.core.counters["dropped_rate_limit"] == 6 + 58 + 1


@pytest.mark.parametrize(("trusted", "number"), [(True, "030999"), (False, "+4917112345")])
async def test_who_asserts_an_identity_is_believed_where_the_trunk_is_trusted(
    *, trusted: bool, number: str
) -> None:
    peers = (KnownPeer("trunk", ("127.0.0.1",), trust_identity=trusted),)
    async with house(settings(peers=peers)) as home:
        home.peer.send(Call(home.peer.port).invite(extra="P-Asserted-Identity: <sip:030999@pbx>"))
        assert (await home.leg()).identity.number == number


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
async def test_a_request_that_may_go_no_further_has_arrived(method: str) -> None:
    async with house() as home:
        last = Call(home.peer.port).request(method).replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        home.peer.send(last)
        if method == "INVITE":
            (await home.leg()).answer(OURS)
        assert (await home.peer.final()).status == 200


async def test_malformed_datagrams_are_answered_400_or_dropped_and_never_fatal() -> None:
    async with house() as home:
        home.peer.send(b"\xff" * 100)
        home.peer.send(b"\r\n\r\n")
        home.peer.send(Call(home.peer.port).invite().replace(b"CSeq: 1 INVITE", b"CSeq: x INVITE"))
        assert (await home.peer.inbox.get()).startswith(b"SIP/2.0 400 ")
        home.peer.send(Call(home.peer.port, call_id="good").invite())
        await home.leg()


async def test_a_port_in_use_is_named() -> None:
    async with house() as home:
        host, port = home.phone.address()
        taken = settings(listen=(Listen(host=host, port=port),))
        with pytest.raises(OSError, match=f"{host}:{port}"):
            async with house(taken):
                pass


async def test_a_fault_in_the_owner_of_a_leg_leaves_the_socket_alive() -> None:
    def faulty(_leg: object) -> None:
        raise RuntimeError("owner")

    async with house(FAST, faulty) as home:
        home.peer.send(Call(home.peer.port).invite())
        await home.leg()
        home.peer.send(Call(home.peer.port).request("OPTIONS"))
        assert (await home.peer.response(200)).cseq.method == "OPTIONS"
        assert home.phone.counters["internal_error"] == 1


@pytest.mark.parametrize("digests", [("SHA-256", "MD5"), ("MD5",)])
async def test_a_peer_by_digest_is_challenged_and_let_in(digests: tuple[str, ...]) -> None:
    anna = KnownPeer("anna", ("127.0.0.1",), user="anna", password="geheim", digests=digests)
    async with house(settings(peers=(anna,))) as home:
        host, port = home.phone.address()
        trunk = replace(anna, host=f"{host}:{port}", networks=("127.0.0.1",))
        async with house(settings(peers=(trunk,))) as client:
            leg = client.phone.call("100", OURS, line="anna")
            incoming = await home.leg()
            incoming.answer(OURS)
            assert await leg.answered() == "answered"


async def test_ipv6_is_spoken_like_ipv4() -> None:
    six = settings(listen=(Listen(host="::1", port=0),))
    async with house(six) as home, house(six) as other:
        host, port = home.phone.address()
        leg = other.phone.call(f"sip:100@[{host}]:{port}", replace(OURS, address="::1"))
        incoming = await home.leg()
        incoming.answer(replace(OURS, address="::1", port=42010))
        assert await leg.answered() == "answered"
        assert leg.sound is not None
        assert (leg.sound.address, leg.sound.port) == ("::1", 42010)
        leg.hang_up()
        await home.until(("ended", "caller"))


async def test_bad_messages_are_logged_once_a_minute_and_never_with_content() -> None:
    with capture_logs() as lines:
        async with house() as home:
            for _ in range(5):
                home.peer.send(Call(home.peer.port).invite().replace(b"CSeq: 1 INVITE", b"CSeq: x INVITE"))
            await home.counted("malformed_malformed_CSeq", 5)
    assert [line["event"] for line in lines] == ["malformed message"]
    assert "4917112345" not in str(lines)


async def test_a_fault_is_logged_with_its_place_and_without_content() -> None:
    def faulty(leg: Leg) -> None:
        raise RuntimeError(leg.identity.number)

    with capture_logs() as lines:
        async with house(FAST, faulty) as home:
            home.peer.send(Call(home.peer.port).invite())
            await home.leg()
    assert [(line["event"], line["error"]) for line in lines] == [("message failed", "RuntimeError")]
    assert "4917112345" not in str(lines)


async def test_a_description_among_other_parts_is_found() -> None:
    kind = 'Content-Type: multipart/mixed; boundary="x-y"'
    isup = b"Content-Type: application/isup\r\n\r\n\x01\x02\r\n"
    body = b"--x-y\r\n" + isup + b"--x-y\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--x-y--\r\n"
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite(body, extra=kind))
        leg = await home.leg()
        leg.answer(OURS)
        assert b"m=audio 42000" in (await home.peer.response(200)).body


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed; boundary=no", 'multipart/mixed;x="'])
async def test_parts_without_a_description_are_refused(kind: str) -> None:
    async with house() as home:
        home.peer.send(Call(home.peer.port).invite(b"--x\r\n\r\n" + SDP, extra=f"Content-Type: {kind}"))
        assert (await home.peer.final()).status == 415

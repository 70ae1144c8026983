"""Where a name's requests go (RFC 3263, RFC 2782), asked of a small name server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.resolve import Resolver, Service, Target, in_order
from sip.signalling.uri import parse_uri
from tests.sip.name_server import NameServer, name_server
from tests.sip.peer import OURS, SDP, answer_to, bare_peer, house, settings

ZONE = {
    ("naptr.test.", "NAPTR"): [
        '20 50 "s" "SIP+D2U" "" _sip._udp.naptr.test.',
        '10 50 "s" "SIP+D2T" "" _sip._tcp.naptr.test.',
        '5 50 "s" "SIPS+D2S" "" _sips._sctp.naptr.test.',
    ],
    ("_sip._udp.naptr.test.", "SRV"): ["10 5 5070 a.test."],
    ("_sip._tcp.naptr.test.", "SRV"): ["10 5 5072 b.test."],
    ("_sip._udp.srv.test.", "SRV"): ["20 5 5062 b.test.", "10 5 5061 a.test."],
    ("_sip._udp.refuses.test.", "SRV"): ["0 0 0 ."],
    ("refuses.test.", "A"): ["127.0.0.4"],
    ("a.test.", "A"): ["127.0.0.2"],
    ("b.test.", "A"): ["127.0.0.3"],
    ("b.test.", "AAAA"): ["::1"],
}


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server(ZONE) as made:
        yield made


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("sip:192.0.2.1", [("udp", "192.0.2.1", 5060)]),
        ("sip:[::1]:5099;transport=tcp", [("tcp", "::1", 5099)]),
        ("sips:192.0.2.1", [("tls", "192.0.2.1", 5061)]),
        ("sip:a.test:5080", [("udp", "127.0.0.2", 5080)]),
        ("sip:b.test", [("udp", "127.0.0.3", 5060), ("udp", "::1", 5060)]),
        ("sip:naptr.test", [("tcp", "127.0.0.3", 5072), ("tcp", "::1", 5072), ("udp", "127.0.0.2", 5070)]),
        ("sip:naptr.test;transport=udp", [("udp", "127.0.0.2", 5070)]),
        ("sip:srv.test", [("udp", "127.0.0.2", 5061), ("udp", "127.0.0.3", 5062), ("udp", "::1", 5062)]),
        ("sip:refuses.test", [("udp", "127.0.0.4", 5060)]),
        ("sip:nowhere.test", []),
    ],
)
async def test_a_name_leads_where_its_records_say(
    server: NameServer, uri: str, found: list[tuple[str, str, int]]
) -> None:
    resolver = Resolver(["127.0.0.1"], server.port, lambda: 0.0)
    targets = await resolver.targets(parse_uri(uri), ["udp", "tcp"])
    assert [(one.transport, one.address, one.port) for one in targets] == found


async def test_the_certificate_must_show_the_domain_and_not_the_servers_name(server: NameServer) -> None:
    resolver = Resolver(["127.0.0.1"], server.port, lambda: 0.0)
    targets = await resolver.targets(parse_uri("sip:naptr.test;transport=udp"), ["udp"])
    assert targets == [Target("udp", "127.0.0.2", 5070, "naptr.test")]


async def test_without_name_servers_the_hosts_file_serves() -> None:
    targets = await Resolver().targets(parse_uri("sip:localhost:5081"), ["udp"])
    assert Target("udp", "127.0.0.1", 5081, "localhost") in targets


services = st.builds(Service, st.integers(0, 3), st.integers(0, 9), st.just(5060), st.text("ab", min_size=1))


@given(st.lists(services, max_size=8), st.floats(0, 1, exclude_max=True))
def test_every_server_is_tried_once_in_the_order_of_priority(records: list[Service], chance: float) -> None:
    ordered = in_order(records, lambda: chance)
    assert sorted(ordered, key=repr) == sorted(records, key=repr)
    assert [one.priority for one in ordered] == sorted(one.priority for one in records)


def test_weights_draw_the_first_server() -> None:
    light, heavy = Service(1, 1, 1, "light"), Service(1, 9, 1, "heavy")
    assert in_order([heavy, light], lambda: 0.05)[0] == light
    assert in_order([heavy, light], lambda: 0.5)[0] == heavy


async def test_a_call_goes_to_the_next_server_when_the_first_is_away(server: NameServer) -> None:
    names = settings(nameservers=("127.0.0.1",), nameserver_port=server.port, t1_s=0.004)
    async with bare_peer() as peer, house(names) as home:
        server.zone["_sip._udp.two.test.", "SRV"] = ["1 1 9 home.test.", f"2 1 {peer.port} home.test."]
        server.zone["home.test.", "A"] = ["127.0.0.1"]
        leg = home.phone.call("sip:100@two.test", OURS)
        invite = await peer.request("INVITE")
        peer.send(answer_to(invite, 200, "far", SDP, f"Contact: <sip:127.0.0.1:{peer.port}>"))
        assert await leg.answered() == "answered"


async def test_a_name_that_leads_nowhere_fails_the_call(server: NameServer) -> None:
    async with house(settings(nameservers=("127.0.0.1",), nameserver_port=server.port)) as home:
        leg = home.phone.call("sip:100@nowhere.test", OURS)
        home.take(leg)
        assert await leg.answered() == "failed"
        assert home.told == [("ended", "error")]

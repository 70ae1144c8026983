"""Reading and writing addresses that belong to an interface (RFC 4007, RFC 3261 19.1, RFC 4566 5.7)."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip import addresses
from sip.signalling.core import bracketed
from sip.signalling.headers import Via
from sip.signalling.nat import mapped, vouched
from sip.signalling.offer import Local, read, write
from sip.signalling.uri import parse_own, parse_uri

LO = socket.if_nameindex()[0]
LINKS = st.integers(0, 2**64 - 1).map(lambda low: str(IPv6Address((0xFE80 << 112) | low)))
OTHERS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).filter(lambda one: not one.is_link_local).map(str),
    st.sampled_from(["fritz.box", ""]),
)
ZONES = st.from_regex(r"[a-z][a-z0-9.\-]{0,14}", fullmatch=True)


@given(LINKS, LINKS, ZONES)
def test_a_link_local_address_takes_the_interface_of_the_one_that_told_it(
    text: str, near: str, zone: str
) -> None:
    found = addresses.beside(text, f"{near}%{zone}")
    assert (found, addresses.bare(found), addresses.zone(found)) == (f"{text}%{zone}", text, zone)
    assert addresses.lacks_zone(text)
    assert not addresses.lacks_zone(found)
    assert addresses.beside(found, "fe80::9%other") == found
    assert addresses.beside(text, near) == text


@given(OTHERS, ZONES)
def test_no_other_address_takes_one(text: str, zone: str) -> None:
    assert addresses.beside(text, f"fe80::1%{zone}") == text
    assert not addresses.lacks_zone(text)


@given(LINKS, st.integers(0, 65535))
def test_what_the_system_wants_and_tells_is_the_same_place(text: str, port: int) -> None:
    place = (f"{text}%{LO[1]}", port)
    assert addresses.place(place) == (text, port, 0, LO[0])
    assert addresses.told(addresses.place(place)) == place


def test_an_interface_that_is_not_there_is_left_out() -> None:
    assert addresses.place(("fe80::1%gone", 5060)) == ("fe80::1", 5060)
    assert addresses.told(("fe80::1", 5060, 0, 2**31 - 1)) == ("fe80::1", 5060)


@pytest.mark.parametrize("place", [("192.0.2.1", 5060), ("::1", 5060, 0, 0), ("2001:db8::1", 5060, 0, 0)])
def test_other_places_are_as_the_system_tells_them(place: tuple[str, int]) -> None:
    assert addresses.told(place) == place[:2]


def test_a_uri_of_our_own_may_name_an_interface_which_is_not_written() -> None:
    uri = parse_own("sip:100@[fe80::2%eth0.7]:5062;transport=tcp")
    assert (uri.host, str(uri)) == ("[fe80::2%eth0.7]", "sip:100@[fe80::2]:5062;transport=tcp")
    assert parse_own("sip:100@fritz.box") == parse_uri("sip:100@fritz.box")
    assert parse_own("sip:50%25@[2001:db8::1]") == parse_uri("sip:50%25@[2001:db8::1]")


def test_a_uri_of_a_message_names_no_interface() -> None:
    with pytest.raises(ValueError, match="malformed host"):
        parse_uri("sip:100@[fe80::2%eth0]")
    assert parse_uri("sip:100@[fe80::2]").beside("fe80::1%eth0").host == "[fe80::2%eth0]"
    assert parse_uri("sip:100@192.0.2.1").beside("fe80::1%eth0").host == "192.0.2.1"


def test_a_session_description_neither_names_an_interface_nor_chooses_one_of_ours() -> None:
    written = write(Local("fe80::1%eth0", 42000), 1, 1)
    assert b"c=IN IP6 fe80::1\r\n" in written
    assert b"%" not in written
    (audio,) = read(written.replace(b"c=IN IP6 fe80::1", b"c=IN IP6 fe80::2%eth1"))
    assert audio.address == "fe80::2"


def test_hosts_are_written_without_the_interface() -> None:
    assert [bracketed(one) for one in ("fe80::1%eth0", "::1", "192.0.2.1")] == [
        "[fe80::1]",
        "[::1]",
        "192.0.2.1",
    ]


def test_a_registrar_that_sees_us_as_we_are_translates_nothing() -> None:
    via = Via("UDP", "[fe80::1]", 5060, (("received", "fe80::1"), ("rport", "5060")))
    assert mapped(via, ("fe80::1%eth0", 5060)) is None


def test_sound_may_come_from_where_the_signalling_comes_from_on_the_same_link() -> None:
    assert vouched("fe80::2%eth0", "fe80::2%eth0") == frozenset()
    assert vouched("fe80::3%eth0", "fe80::2%eth0") == {"fe80::2%eth0"}

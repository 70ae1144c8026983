"""Peers and registrars beyond address translation (RFC 3581, RFC 6890), and whom sound is taken from."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.headers import Via
from sip.signalling.leg import Leg
from sip.signalling.nat import mapped, vouched
from sip.signalling.offer import Sound
from tests.sip.peer import OURS, SDP, Call, house, settings
from tests.sip.registrar import Registrar
from tests.sip.test_registering import extension, registered, registrar

OWN = ("192.168.178.20", 5060)
NOWHERE = "0.0.0.0"  # noqa: S104  # an address in a message, nothing is bound to it
PUBLIC = "203.0.113.7"  # documentation's, so not global to `ipaddress`: fit for loopback tests alone


def public() -> tuple[str, int]:
    return PUBLIC, 40000


def via(**params: str) -> Via:
    return Via("UDP", OWN[0], OWN[1], (("branch", "z9hG4bKx"), *params.items()))


@pytest.mark.parametrize(
    ("announced", "source", "hosts"),
    [
        ("192.168.1.5", "198.51.100.1", {"198.51.100.1"}),
        ("100.64.0.9", "8.8.8.8", {"8.8.8.8"}),
        ("fd00::5", "2a00:1450::1", {"2a00:1450::1"}),
        ("8.8.4.4", "8.8.8.8", set()),
        ("192.168.1.5", "192.168.1.5", set()),
        (NOWHERE, "8.8.8.8", set()),
        ("::", "2a00:1450::1", set()),
    ],
)
def test_only_who_announces_an_address_that_means_nothing_may_send_from_where_it_signals(
    announced: str, source: str, hosts: set[str]
) -> None:
    assert vouched(announced, source) == hosts


@given(st.ip_addresses(), st.ip_addresses())
def test_a_public_address_is_taken_at_its_word_whoever_signals(one: object, other: object) -> None:
    if ip_address(str(one)).is_global:
        assert vouched(str(one), str(other)) == frozenset()


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"received": PUBLIC, "rport": "40000"}, (PUBLIC, 40000)),
        ({"received": PUBLIC}, (PUBLIC, 5060)),
        ({"rport": "40000"}, (OWN[0], 40000)),
        ({"received": OWN[0], "rport": "5060"}, None),
        ({}, None),
        ({"received": "nonsense", "rport": "40000"}, None),
        ({"received": NOWHERE, "rport": "40000"}, None),
        ({"received": "224.0.0.1", "rport": "40000"}, None),
        ({"received": "2001:db8::1", "rport": "40000"}, None),
        ({"received": PUBLIC, "rport": "0"}, None),
        ({"received": PUBLIC, "rport": "99999999999"}, None),
        ({"received": PUBLIC, "rport": "-1"}, None),
    ],
)
def test_an_answer_tells_how_we_are_seen(params: dict[str, str], found: object) -> None:
    assert mapped(via(**params), OWN) == found


def test_an_address_of_ours_that_means_the_same_everywhere_is_not_translated() -> None:
    assert mapped(via(received=PUBLIC, rport="40000"), ("8.8.8.8", 5060)) is None


async def contacts(pbx: Registrar, number: int) -> list[str]:
    """Wait for the first REGISTERs and give their Contacts."""
    async with asyncio.timeout(10):
        while len(pbx.seen) < number:
            await pbx.inbox.get()
    return [one.headers.get("Contact") for one in pbx.seen]


async def test_what_the_first_challenge_shows_is_registered_and_announced() -> None:
    async with registrar(users={"620": "geheim"}, shown=public) as pbx, house(extension(pbx)) as home:
        await registered(home)
        own = home.phone.address()[1]
        wanted = [f"<sip:620@127.0.0.1:{own}>", f"<sip:620@{PUBLIC}:40000>"]
        assert await contacts(pbx, 2) == wanted
        leg = home.phone.call("100", OURS, line="fritz")
        invite = await pbx.request("INVITE")
        assert invite.headers.get("Contact") == wanted[1]
        assert f"c=IN IP4 {PUBLIC}\r\n".encode() in invite.body
        leg.hang_up()


async def test_a_contact_that_leads_nowhere_is_replaced_in_one_step() -> None:
    async with registrar(shown=public) as pbx, house(extension(pbx)) as home:
        stale = f"<sip:620@127.0.0.1:{home.phone.address()[1]}>"
        assert await contacts(pbx, 2) == [stale, f"<sip:620@{PUBLIC}:40000>, {stale};expires=0"]


async def test_a_mapping_that_changes_with_every_request_is_not_chased() -> None:
    ports = iter(range(40000, 41000))
    async with registrar(shown=lambda: (PUBLIC, next(ports))) as pbx, house(extension(pbx)) as home:
        await contacts(pbx, 2)
        await registered(home)
        await asyncio.sleep(0.1)  # nothing is to be awaited: what must not come would come at once
        assert len(pbx.seen) == 2


async def test_an_address_given_by_the_admin_stands_in_contact_and_sound() -> None:
    async with house(settings(public_host=PUBLIC)) as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS)
        invite = await home.peer.request("INVITE")
        assert PUBLIC in invite.headers.get("Contact")
        assert f"c=IN IP4 {PUBLIC}\r\n".encode() in invite.body
        leg.hang_up()


async def test_a_telephone_on_all_addresses_announces_the_one_towards_its_peer() -> None:
    async with house() as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", replace(OURS, address=NOWHERE))
        invite = await home.peer.request("INVITE")
        assert b"c=IN IP4 127.0.0.1\r\n" in invite.body
        leg.hang_up()


async def test_a_caller_behind_translation_may_send_its_sound_from_where_it_signals() -> None:
    sounds: list[Sound] = []

    def answers(leg: Leg) -> None:
        leg.on_sound = sounds.append
        leg.answer(OURS)

    async with house(on_invite=answers) as home:
        behind = SDP.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 10.1.2.3")
        home.peer.send(Call(home.peer.port).invite(behind))
        await home.peer.response(200)
    assert [(sound.address, sound.hosts) for sound in sounds] == [("10.1.2.3", frozenset({"127.0.0.1"}))]

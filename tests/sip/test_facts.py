"""What a call tells: who calls, what was dialled, which keys, how long a session lasts, who may talk."""

from __future__ import annotations

import pytest

from sip.signalling import session_timer
from sip.signalling.dialog import answering, calling
from sip.signalling.guard import Peers, RateLimit, Throttle
from sip.signalling.headers import Headers
from sip.signalling.identity import Identity, diverted_from, identify, readable
from sip.signalling.incoming import dialled
from sip.signalling.keypad import key_of
from sip.signalling.message import Request, parse, request, response
from sip.signalling.phone_settings import Peer
from sip.signalling.session_timer import Terms
from tests.sip.peer import Call


def invite(*extra: str, sender: str = "", target: str = "") -> Request:
    data = Call(5070, extra="".join(f"{line}\n" for line in extra), target=target).request("INVITE")
    if sender:
        data = data.replace(
            b"From: <sip:+4917112345@127.0.0.1>", f"From: {sender}".encode("utf-8", "surrogateescape")
        )
    message = parse(data)
    assert isinstance(message, Request)
    return message


PAI = 'P-Asserted-Identity: "Praxis" <sip:anna@pbx>, <tel:+4930111>'


@pytest.mark.parametrize(
    ("lines", "trusted", "identity"),
    [
        ([], True, Identity("+4917112345", source="from")),
        ([PAI], True, Identity("+4930111", source="pai")),
        ([PAI], False, Identity("+4917112345", source="from")),
        (
            ['Remote-Party-ID: "A" <sip:030222@pbx>;party=calling;privacy=off'],
            True,
            Identity("030222", "A", source="rpid"),
        ),
        (["Remote-Party-ID: <sip:030222@pbx>;privacy=full"], True, Identity(withheld=True, source="rpid")),
        ([PAI, "Privacy: id"], True, Identity(withheld=True, source="pai")),
        ([PAI, "Privacy: none"], True, Identity("+4930111", source="pai")),
        (["P-Asserted-Identity: <<<"], True, Identity("+4917112345", source="from")),
    ],
)
def test_who_calls(lines: list[str], trusted: bool, identity: Identity) -> None:  # noqa: FBT001  # a parameter of the table
    assert identify(invite(*lines), trusted=trusted) == identity


@pytest.mark.parametrize(
    "sender",
    [
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "<sip:anonymous@pbx>",
        "<sip:pbx.example>",
        "<sip:x@anonymous.invalid>",
    ],
)
def test_who_withholds_the_number(sender: str) -> None:
    assert identify(invite(sender=sender), trusted=False) == Identity(withheld=True)


def test_a_name_in_latin_1_is_read_and_control_characters_are_dropped() -> None:
    assert identify(invite(sender='"J\udcfcrgen" <sip:1@h>'), trusted=False).name == "Jürgen"
    assert readable("a\u2028b\x07c\x85d") == "abcd"


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([], ""),
        (["Diversion: <sip:030444@pbx>;reason=unconditional"], "030444"),
        (["Diversion: <sip:030555@pbx>", "Diversion: <sip:030444@pbx>"], "030444"),
        (["History-Info: <sip:030111@pbx>;index=1, <sip:030222@pbx;cause=302>;index=1.1"], "030111"),
        (["History-Info: <sip:030111@pbx>;index=1"], ""),
    ],
)
def test_which_number_was_dialled_before_the_call_was_diverted(lines: list[str], number: str) -> None:
    assert diverted_from(invite(*lines)) == number


@pytest.mark.parametrize(
    ("lines", "own", "number"),
    [
        ([], "", "4912"),
        ([], "620", "4912"),
        ([], "4912", "030555"),
        (["P-Called-Party-ID: <sip:030777@pbx>"], "4912", "030777"),
    ],
)
def test_which_number_was_dialled(lines: list[str], own: str, number: str) -> None:
    assert dialled(invite(*lines, target="sip:4912@127.0.0.1"), own) == number


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", ("5", 160)),
        ("application/dtmf-relay", b"Duration= 90\nSignal = #\n", ("#", 90)),
        ("Application/DTMF-Relay; x=y", b"Signal=10", ("*", 250)),
        ("application/dtmf", b"7", ("7", 250)),
        ("application/dtmf", b"d\r\n", ("D", 250)),
        ("application/dtmf-relay", b"Signal=16", None),
        ("application/dtmf", b"55", None),
        ("text/plain", b"5", None),
    ],
)
def test_keys_by_info(kind: str, body: bytes, key: tuple[str, int] | None) -> None:
    assert key_of(kind, body) == key


def fields(**values: str) -> Headers:
    return Headers([(name.replace("_", "-"), value) for name, value in values.items()])


@pytest.mark.parametrize(
    ("asked", "wish", "terms", "told"),
    [
        ({}, 0, None, []),
        ({}, 1800, Terms(1800, ours=True), [("Session-Expires", "1800;refresher=uas")]),
        (
            {"Session_Expires": "600", "Supported": "timer"},
            1800,
            Terms(600, ours=False),
            [("Session-Expires", "600;refresher=uac"), ("Require", "timer")],
        ),
        (
            {"Session_Expires": "600;refresher=uas", "Supported": "timer"},
            0,
            Terms(600, ours=True),
            [("Session-Expires", "600;refresher=uas")],
        ),
        ({"Session_Expires": "600"}, 0, Terms(600, ours=True), [("Session-Expires", "600;refresher=uas")]),
    ],
)
def test_terms_of_a_session_that_we_are_called_to(
    asked: dict[str, str], wish: int, terms: Terms | None, told: list[tuple[str, str]]
) -> None:
    assert session_timer.answer(fields(**asked), wish) == (terms, told)


def test_terms_of_a_session_that_we_called() -> None:
    assert session_timer.settled(fields(Session_Expires="600;refresher=uas"), 1800) == Terms(600, ours=False)
    assert session_timer.settled(fields(Session_Expires="600;refresher=uac"), 1800) == Terms(600, ours=True)
    assert session_timer.settled(fields(), 1800) == Terms(1800, ours=True)
    assert session_timer.settled(fields(), 0) is None


def test_we_refresh_at_half_time_and_give_up_shortly_before_the_end() -> None:
    assert (Terms(600, ours=True).wait_s, Terms(600, ours=False).wait_s, Terms(90, ours=False).wait_s) == (
        300,
        568,
        60,
    )


@pytest.mark.parametrize(("value", "small"), [("89", True), ("90", False), ("x", False)])
def test_a_session_shorter_than_90_seconds_is_too_small(value: str, small: bool) -> None:  # noqa: FBT001  # as above
    assert session_timer.too_small(fields(Session_Expires=value), 30) is small


def test_the_nearest_network_names_the_peer() -> None:
    peers = Peers([Peer("all", ("10.0.0.0/8", "::1")), Peer("pbx", ("10.1.2.3",))])
    names = [
        found.name if found else None for found in map(peers.of, ["10.1.2.3", "10.9.9.9", "::1", "192.0.2.1"])
    ]
    assert names == ["pbx", "all", "all", None]


def test_a_source_has_its_rate_and_is_banned_beyond_ten_times() -> None:
    rates = RateLimit(2, 60)
    assert [rates.allows("a", 0.0) for _ in range(6)] == [True] * 4 + [False] * 2
    assert rates.allows("b", 0.0)
    assert rates.allows("a", 1.0)
    for _ in range(40):
        rates.allows("a", 1.0)
    assert not rates.allows("a", 30.0)
    assert rates.allows("a", 62.0)


def test_who_guesses_passwords_is_banned() -> None:
    rates = RateLimit(100, 60)
    assert [rates.forgives("a", 0.0) for _ in range(11)] == [True] * 10 + [False]
    assert not rates.allows("a", 1.0)


def test_a_source_is_logged_once_a_minute_for_each_kind() -> None:
    throttle = Throttle()
    assert [throttle.speaks("a", "x", at) for at in (0.0, 59.0, 60.0)] == [True, False, True]
    assert throttle.speaks("a", "y", 0.0)


def test_many_sources_do_not_fill_the_memory() -> None:
    rates, throttle, peers = RateLimit(1, 1), Throttle(), Peers([])
    for number in range(10_000):
        host = f"10.0.{number // 256}.{number % 256}"
        rates.allows(host, 0.0)
        throttle.speaks(host, "x", 0.0)
        peers.of(host)
    assert len(rates) == len(throttle) == len(peers) == 4096


def test_a_strict_router_takes_the_request_uris_place() -> None:
    message = invite("Record-Route: <sip:strict@10.0.0.1>, <sip:10.0.0.2;lr>")
    uri, own = answering(message, "me").fields("BYE")
    assert uri == "sip:strict@10.0.0.1"
    assert [value for name, value in own if name == "Route"] == [
        "<sip:10.0.0.2;lr>",
        "<sip:peer@127.0.0.1:5070>",
    ]


def test_the_caller_takes_the_route_the_other_way_round() -> None:
    asked = request(
        "INVITE",
        "sip:b@h",
        [
            ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
            ("From", "<sip:a@h>;tag=1"),
            ("To", "<sip:b@h>"),
            ("Call-ID", "c"),
            ("CSeq", "4 INVITE"),
        ],
    )
    answer = response(
        200,
        [
            *asked.headers.items[:2],
            ("To", "<sip:b@h>;tag=2"),
            ("Call-ID", "c"),
            ("CSeq", "4 INVITE"),
            ("Record-Route", "<sip:1;lr>, <sip:2;lr>"),
            ("Contact", "<sip:b@far>"),
        ],
    )
    dialog = calling(asked, answer)
    uri, own = dialog.fields("BYE")
    assert uri == "sip:b@far"
    assert [value for name, value in own if name in {"Route", "CSeq"}] == [
        "<sip:2;lr>",
        "<sip:1;lr>",
        "5 BYE",
    ]
    assert dict(dialog.fields_at("ACK", 4)[1])["CSeq"] == "4 ACK"

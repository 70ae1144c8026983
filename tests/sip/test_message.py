"""Reading and writing messages (RFC 3261 7, 19, 20)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.headers import Headers, canonical, parse_cseq, parse_via, seconds
from sip.signalling.message import MessageError, Request, Response, parse, request, response
from sip.signalling.uri import NameAddr, Uri, parse_name_addr, parse_uri, split_quoted
from tests.sip.grammar import damaged, requests

FIELDS = [
    ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
    ("From", "<sip:a@h>;tag=1"),
    ("To", "<sip:b@h>"),
    ("Call-ID", "c"),
    ("CSeq", "1 OPTIONS"),
]


@given(requests())
def test_every_well_formed_request_is_read_and_written_back_the_same(data: bytes) -> None:
    message = parse(data)
    assert isinstance(message, Request)
    assert parse(bytes(message)) == message


@given(requests())
def test_what_is_written_in_our_spelling_comes_back_byte_for_byte(data: bytes) -> None:
    written = bytes(parse(data))
    assert bytes(parse(written)) == written


@given(damaged())
def test_a_damaged_message_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        message = parse(data)
    except MessageError as fault:
        code = fault.code
    else:
        code = 0
        assert parse(bytes(message)) == message or b"\r\n\r\n" not in data
    assert code in {0, 400, 505}


@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse(data)


@pytest.mark.parametrize(
    "hostile",
    [
        b";" * 60_000,
        b"," * 60_000,
        b'"' * 59_999,
        b"<" * 60_000,
        b" " * 60_000,
        b"\\" * 60_000,
        b"\r\n " * 20_000,
    ],
)
@pytest.mark.parametrize("name", [b"Via", b"From", b"Contact", b"CSeq", b"X", b"Authorization"])
def test_no_header_of_60_kb_holds_the_reader_up(name: bytes, hostile: bytes) -> None:
    """A value that made the reader go back and forth would take minutes here, not a second."""
    data = bytes(request("OPTIONS", "sip:h", FIELDS)).replace(
        b"\r\n\r\n", b"\r\n" + name + b": " + hostile + b"\r\n\r\n"
    )
    begin = time.process_time()
    try:
        message = parse(data)
        message.headers.values("Contact")
    except ValueError:
        pass
    assert time.process_time() - begin < 1.0


def test_our_own_messages_cannot_be_split_by_a_line_end() -> None:
    with pytest.raises(ValueError, match="line end"):
        response(200, [*FIELDS, ("Subject", "x\r\nInjected: y")])


def test_status_and_reason_are_read() -> None:
    message = parse(bytes(response(486, FIELDS, reason="Besetzt")))
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (486, "Besetzt")


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("v", "Via"),
        ("CALL-ID", "Call-ID"),
        ("cseq", "CSeq"),
        ("x-foo", "X-Foo"),
        ("www-authenticate", "WWW-Authenticate"),
    ],
)
def test_names_have_one_spelling(name: str, spelled: str) -> None:
    assert canonical(name) == spelled


def test_lists_over_several_fields_are_one_list() -> None:
    headers = Headers([("Require", "a, b"), ("X", "1"), ("Require", "c")])
    assert headers.values("Require") == ["a", "b", "c"]
    assert headers.replaced("Require", "z").items == (("Require", "z"), ("X", "1"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("<a,b>,c", ["<a,b>", "c"]),
        ('"\\",",x', ['"\\","', "x"]),
    ],
)
def test_commas_inside_quotes_and_brackets_do_not_split(text: str, parts: list[str]) -> None:
    assert split_quoted(text, ",") == parts


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:h", Uri("sip", host="h")),
        ("SIPS:u:p@H:5061;lr;x=1?a=b", Uri("sips", "u:p", "h", 5061, (("lr", None), ("x", "1")), "a=b")),
        ("sip:[2001:db8::1]:5060", Uri("sip", host="[2001:db8::1]", port=5060)),
        ("tel:+49-30-1;phone-context=x", Uri("tel", rest="+49-30-1;phone-context=x")),
    ],
)
def test_uris_are_read(text: str, uri: Uri) -> None:
    assert parse_uri(text) == uri
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    "text", ["", "sip:", "sip:@", "sip:h:x", "sip:h:65536", "sip:a b", "1:x", "sip:h;;", 'sip:"', "x"]
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_uri(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("sip:%2B49%20x@h", "+49 x"), ("sip:123;phone-context=x@h", "123"), ("tel:0301;x=y", "0301")],
)
def test_a_user_part_is_told_as_people_dial_it(text: str, name: str) -> None:
    assert parse_uri(text).name == name


@pytest.mark.parametrize(
    ("text", "display", "tag"),
    [
        ("sip:a@h;tag=1", "", "1"),
        ('"A \\"B\\"" <sip:a@h;x=y>;tag=2', 'A "B"', "2"),
        ("Muster, A <sip:a@h>", "Muster, A", ""),
        ("caller<sip:a@h>;tag=3", "caller", "3"),
    ],
)
def test_addresses_are_read(text: str, display: str, tag: str) -> None:
    address = parse_name_addr(text)
    assert (address.display, address.tag) == (display, tag)
    assert parse_name_addr(str(address)) == address


def test_a_parameter_behind_a_bare_address_belongs_to_the_header() -> None:
    assert parse_name_addr("sip:a@h;tag=1") == NameAddr(parse_uri("sip:a@h"), "", (("tag", "1"),))


def test_a_via_is_read() -> None:
    via = parse_via("SIP/2.0/tls [::1]:5061;branch=z9hG4bKx;rport")
    assert (via.transport, via.host, via.port, via.branch, via.wants_rport) == (
        "TLS",
        "[::1]",
        5061,
        "z9hG4bKx",
        True,
    )


def test_a_cseq_is_read() -> None:
    assert str(parse_cseq("2147483647   INVITE")) == "2147483647 INVITE"


@pytest.mark.parametrize(
    ("text", "value"),
    [("60", 60), ("60;x=y", 60), ("60 (busy)", 60), ("-1", None), ("x", None), ("9" * 40, 2**32 - 1)],
)
def test_times_are_read_and_capped(text: str, value: int | None) -> None:
    assert seconds(text) == value

"""Hypothesis strategies for SIP messages: well-formed ones, and ones that something happened to."""

from __future__ import annotations

import string

from hypothesis import strategies as st

TOKEN = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=12)
WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=10)
HOST = st.one_of(WORD, st.just("127.0.0.1"), st.just("[::1]"), st.just("pbx.example"))
PORT = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))
PARAM = st.tuples(WORD, st.one_of(st.just(""), WORD.map(lambda word: f"={word}"))).map("".join)
PARAMS = st.lists(PARAM.map(lambda one: f";{one}"), max_size=3).map("".join)
NAME = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters='"\\'), max_size=15
)
USER = st.text(string.ascii_letters + string.digits + "-_.!~*'()&=+$,;?/", max_size=12)
URI = st.builds(
    lambda scheme, user, host, port, params: f"{scheme}:{user + '@' if user else ''}{host}{port}{params}",
    st.sampled_from(["sip", "sips"]),
    USER,
    HOST,
    PORT,
    PARAMS,
)
NAME_ADDR = st.builds(lambda name, uri: f'"{name}" <{uri}>', NAME, URI)
METHOD = st.one_of(st.sampled_from(["INVITE", "ACK", "BYE", "OPTIONS", "CANCEL", "REGISTER", "INFO"]), TOKEN)
VALUE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30).map(str.strip)
FIELD = st.tuples(WORD.map(lambda word: f"X-{word}"), VALUE)
BODY = st.binary(max_size=60)
NEWLINE = "\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw a well-formed request, fields in any order."""
    method = draw(METHOD)
    body = draw(BODY)
    fields = [
        ("Via", f"SIP/2.0/UDP {draw(HOST)}{draw(PORT)};branch=z9hG4bK{draw(WORD)}{draw(PARAMS)}"),
        ("From", f"{draw(NAME_ADDR)};tag={draw(WORD)}"),
        ("To", draw(NAME_ADDR)),
        ("Call-ID", draw(TOKEN)),
        ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"),
        ("Content-Length", str(len(body))),
        *draw(st.lists(FIELD, max_size=4)),
    ]
    lines = [f"{name}: {value}" for name, value in draw(st.permutations(fields))]
    head = NEWLINE.join([f"{method} {draw(URI)} SIP/2.0", *lines, "", ""])
    return head.encode() + body


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a request that was cut, spliced, repeated or sprinkled with noise."""
    data = bytearray(draw(requests()))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 20))
        piece = draw(
            st.one_of(st.binary(max_size=8), st.sampled_from(SPICE), st.just(bytes(data[at : at + length])))
        )
        data[at : at + draw(st.integers(0, length))] = piece
    return bytes(data)


SPICE = [
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\r\n ",
        b"\n",
        b"\x00",
        b'"',
        b"<",
        b">",
        b";",
        b",",
        b":",
        b"@",
        b"\\",
        b"%00",
    ),
    *(b"\xff\xfe", b"SIP/2.0", b"Content-Length: 99999999999", b"z9hG4bK", b";" * 50, b"," * 50, b"(" * 50),
    *(
        b"sip:" * 20,
        b"\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKy",
        b"m=audio 0 RTP/AVP 0\r\n",
        b"Require: 100rel\r\n",
    ),
]

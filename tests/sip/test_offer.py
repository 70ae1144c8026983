"""SDP offer and answer (RFC 3264, RFC 4568)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.negotiation import Negotiation
from sip.signalling.offer import (
    EVENTS,
    PCMA,
    PCMU,
    Codec,
    Crypto,
    Local,
    OfferError,
    SdpError,
    Sound,
    Srtp,
    accept,
    read,
    settle,
    write,
)
from sip.signalling.sdp import SIZE_LIMIT
from tests.sip.grammar import SPICE
from tests.sip.peer import OURS, SDP

SUITE = "AES_CM_128_HMAC_SHA1_80"
THEIR_KEYS = Codec(101, "telephone-event", 8000, "0-15")
KEY = Crypto(1, SUITE, "A" * 40)


def answered(body: bytes, local: Local = OURS) -> Sound:
    return accept(body, local, 1, 1)[1]


def test_the_first_common_codec_of_the_offer_and_its_events_are_taken() -> None:
    body, sound = accept(SDP, OURS, 7, 2)
    assert sound == Sound("127.0.0.1", 40000, 40001, PCMA, (PCMA, THEIR_KEYS), THEIR_KEYS)
    assert body == (
        b"v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        b"m=audio 42000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        b"a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    )


@pytest.mark.parametrize(
    ("formats", "codec"),
    [("0 8", PCMU), ("18 8", PCMA), ("9 8", PCMA), ("3 0", PCMU)],
)
def test_the_callers_order_counts(formats: str, codec: Codec) -> None:
    assert answered(SDP.replace(b"8 0 101", formats.encode())).codec == codec


def test_a_codec_may_come_under_any_number_and_spelling() -> None:
    body = (
        SDP.replace(b"8 0 101", b"96 97") + b"a=rtpmap:96 pcma/8000/1\r\na=rtpmap:97 TELEPHONE-EVENT/8000\r\n"
    )
    sound = answered(body)
    assert (sound.codec, sound.events) == (Codec(96, "PCMA"), Codec(97, "telephone-event"))


@pytest.mark.parametrize(
    ("lines", "ours"),
    [
        (b"", "sendrecv"),
        (b"a=sendonly\r\n", "recvonly"),
        (b"a=recvonly\r\n", "sendonly"),
        (b"a=inactive\r\n", "inactive"),
        (b"c=IN IP4 0.0.0.0\r\n", "recvonly"),
        (b"c=IN IP4 0.0.0.0\r\na=inactive\r\n", "inactive"),
    ],
)
def test_our_direction_mirrors_the_callers(lines: bytes, ours: str) -> None:
    assert answered(SDP + lines).direction == ours


def test_a_direction_of_the_session_counts_for_its_media() -> None:
    assert answered(SDP.replace(b"t=0 0\r\n", b"t=0 0\r\na=sendonly\r\n")).direction == "recvonly"


@pytest.mark.parametrize(
    ("theirs", "ours"), [("a=sendonly", "inactive"), ("a=recvonly", "sendonly"), ("", "sendonly")]
)
def test_whom_we_hold_is_not_listened_to(theirs: str, ours: str) -> None:
    assert answered(SDP + f"{theirs}\r\n".encode(), replace(OURS, direction="sendonly")).direction == ours


@pytest.mark.parametrize(
    ("lines", "ptime"), [("30", 30), ("5", 10), ("90", 60), ("25", 20), ("0", 20), ("20.0", 20), ("x", 20)]
)
def test_packet_times_are_kept_within_what_we_can_send(lines: str, ptime: int) -> None:
    assert answered(SDP.replace(b"a=ptime:20", f"a=ptime:{lines}".encode())).ptime == ptime


def test_the_longest_packet_is_heeded() -> None:
    assert answered(SDP.replace(b"a=ptime:20", b"a=ptime:40\r\na=maxptime:30")).ptime == 30


def test_every_other_line_is_declined_in_its_place() -> None:
    body = SDP.replace(b"m=audio", b"m=video 50000 RTP/AVP 31\r\nm=audio") + b"m=image 50002 udptl t38\r\n"
    lines = [line for line in accept(body, OURS, 1, 1)[0].split(b"\r\n") if line.startswith(b"m=")]
    assert lines == [b"m=video 0 RTP/AVP 31", b"m=audio 42000 RTP/AVP 8 101", b"m=image 0 UDPTL t38"]


@pytest.mark.parametrize(
    "body",
    [
        SDP.replace(b"8 0 101", b"18 101"),
        SDP.replace(b"40000", b"0"),
        SDP.replace(b"RTP/AVP", b"UDP/TLS/RTP/SAVPF"),
        SDP.replace(b"RTP/AVP", b"RTP/SAVP"),
        SDP.replace(b"m=audio", b"m=video"),
    ],
)
def test_what_we_cannot_speak_is_refused(body: bytes) -> None:
    with pytest.raises(OfferError):
        accept(body, OURS, 1, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=1\r\n",
        b"v=0\r\n",
        SDP.replace(b"127.0.0.1\r\nt", b"not.an.address\r\nt"),
        SDP.replace(b"40000", b"99999"),
        SDP.replace(b"m=audio 40000", b"m=audio x"),
        SDP + b"a=x\r\n" * SIZE_LIMIT,
    ],
)
def test_what_is_no_description_is_an_error(body: bytes) -> None:
    with pytest.raises(SdpError):
        accept(body, OURS, 1, 1)


def test_keys_are_paired_under_the_offers_tag() -> None:
    offer = (
        SDP.replace(b"RTP/AVP", b"RTP/SAVP")
        + (
            f"a=crypto:3 AEAD_AES_256_GCM inline:{'C' * 60}\r\n"
            f"a=crypto:4 {SUITE} inline:{'B' * 40}|2^20|1:4\r\n"
            f"a=crypto:5 {SUITE} inline:{'D' * 40}|2^31\r\n"
        ).encode()
    )
    body, sound = accept(offer, replace(OURS, crypto=(KEY,)), 1, 1)
    assert (sound.remote_crypto, sound.local_crypto) == (Crypto(5, SUITE, "D" * 40), replace(KEY, tag=5))
    assert f"a=crypto:5 {SUITE} inline:{KEY.key}\r\n".encode() in body
    assert b"m=audio 42000 RTP/SAVP 8 101" in body


def test_of_a_plain_and_a_protected_line_the_protected_is_taken() -> None:
    audio = SDP[SDP.index(b"m=audio") :]
    protected = audio.replace(b"RTP/AVP", b"RTP/SAVP").replace(b"40000", b"40010")
    offer = SDP + protected + f"a=crypto:1 {SUITE} inline:{'B' * 40}\r\n".encode()
    assert answered(offer, replace(OURS, crypto=(KEY,))).port == 40010
    assert answered(offer).port == 40000


def test_a_protected_line_with_weakened_keys_is_refused() -> None:
    offer = SDP.replace(b"RTP/AVP", b"RTP/SAVP")
    offer += f"a=crypto:1 {SUITE} inline:{'B' * 40} UNENCRYPTED_SRTP\r\n".encode()
    with pytest.raises(OfferError):
        accept(offer, replace(OURS, crypto=(KEY,)), 1, 1)


THEIRS = f"a=crypto:1 {SUITE} inline:{'B' * 40}\r\n".encode()
PLAIN, UNDECIDED = SDP, SDP + THEIRS
PROTECTED = UNDECIDED.replace(b"RTP/AVP", b"RTP/SAVP")
KEYLESS = SDP.replace(b"RTP/AVP", b"RTP/SAVP")
Outcome = Srtp | None  # None: the call is refused


def wanting(srtp: Srtp) -> Local:
    return replace(OURS, crypto=(KEY,), srtp=srtp)


@pytest.mark.parametrize(
    ("srtp", "profile", "keys"),
    [("off", b"RTP/AVP", 0), ("offered", b"RTP/AVP", 1), ("required", b"RTP/SAVP", 1)],
)
def test_our_offer_says_whether_srtp_is_wanted(srtp: Srtp, profile: bytes, keys: int) -> None:
    offer = write(wanting(srtp), 1, 1)
    assert (offer.count(b" " + profile + b" "), offer.count(b"a=crypto:1 ")) == (1, keys)


@pytest.mark.parametrize(
    ("srtp", "answers"),
    [
        ("off", {PLAIN: "off", UNDECIDED: "off", PROTECTED: None, KEYLESS: None}),
        ("offered", {PLAIN: "off", UNDECIDED: "offered", PROTECTED: None, KEYLESS: None}),
        ("required", {PLAIN: None, UNDECIDED: None, PROTECTED: "required", KEYLESS: None}),
    ],
)
def test_an_answer_never_makes_less_of_srtp_than_our_offer_demands(
    srtp: Srtp, answers: dict[bytes, Outcome]
) -> None:
    def outcome(answer: bytes) -> Outcome:
        try:
            return settle(answer, wanting(srtp)).srtp
        except OfferError:
            return None

    assert {answer: outcome(answer) for answer in answers} == answers


@pytest.mark.parametrize(
    ("srtp", "offers"),
    [
        ("off", {PLAIN: "off", UNDECIDED: "offered", PROTECTED: "required", KEYLESS: None}),
        ("offered", {PLAIN: "off", UNDECIDED: "offered", PROTECTED: "required", KEYLESS: None}),
        ("required", {PLAIN: None, UNDECIDED: "offered", PROTECTED: "required", KEYLESS: None}),
    ],
)
def test_whoever_offers_srtp_gets_it_and_where_it_is_required_nobody_comes_in_without(
    srtp: Srtp, offers: dict[bytes, Outcome]
) -> None:
    def outcome(offer: bytes) -> Outcome:
        try:
            body, sound = accept(offer, wanting(srtp), 1, 1)
        except OfferError:
            return None
        assert (b"a=crypto:1 " in body) == (sound.srtp != "off") == (sound.local_crypto is not None)
        return sound.srtp

    assert {offer: outcome(offer) for offer in offers} == offers


@pytest.mark.parametrize(
    ("offer", "profile", "keys"), [(PLAIN, b"AVP", 0), (UNDECIDED, b"AVP", 1), (PROTECTED, b"SAVP", 1)]
)
def test_what_we_offer_later_in_a_call_is_never_weaker_than_what_was_agreed(
    offer: bytes, profile: bytes, keys: int
) -> None:
    negotiation = Negotiation()
    negotiation.answer(read(offer), wanting("off"))
    assert negotiation.local is not None
    again = negotiation.offer(negotiation.local)
    assert (again.count(b" RTP/" + profile + b" "), again.count(b"a=crypto:1 ")) == (1, keys)


def test_our_offer_and_its_answer_settle_with_each_sides_numbers() -> None:
    offer = write(OURS, 1, 1)
    assert [codec.name for codec in read(offer)[0].codecs()] == ["PCMA", "PCMU", "telephone-event"]
    answer = SDP.replace(b"8 0 101", b"0 99").replace(b"rtpmap:101", b"rtpmap:99")
    sound = settle(answer, OURS)
    assert (sound.codec, sound.received, sound.events) == (PCMU, (PCMU, EVENTS), Codec(99, "telephone-event"))


@pytest.mark.parametrize("answer", [SDP.replace(b"40000", b"0"), SDP.replace(b"RTP/AVP", b"RTP/SAVP")])
def test_an_answer_that_declines_or_changes_our_line_is_refused(answer: bytes) -> None:
    with pytest.raises(OfferError):
        settle(answer, OURS)


def test_ipv6_is_spoken() -> None:
    body, sound = accept(SDP.replace(b"IP4 127.0.0.1", b"IP6 ::1"), replace(OURS, address="::1"), 1, 1)
    assert sound.address == "::1"
    assert b"c=IN IP6 ::1\r\n" in body


def test_the_rtcp_port_may_be_elsewhere() -> None:
    assert answered(SDP + b"a=rtcp:40100 IN IP4 127.0.0.1\r\n").rtcp_port == 40100


def test_every_new_description_of_ours_counts_its_version_up() -> None:
    talk = Negotiation()
    versions = [talk.answer(read(SDP), OURS)[0], talk.offer(OURS), talk.answer(read(SDP), OURS)[0]]
    origins = [body.split(b"\r\n")[1].split() for body in versions]
    assert [int(origin[2]) for origin in origins] == [1, 2, 3]
    assert len({origin[1] for origin in origins}) == 1


def test_a_withdrawn_offer_leaves_what_stood() -> None:
    talk = Negotiation()
    talk.answer(read(SDP), OURS)
    talk.offer(replace(OURS, port=1))
    talk.withdraw()
    assert (talk.local, talk.offering) == (OURS, False)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SDP)),
            st.integers(0, 12),
            st.one_of(st.binary(max_size=6), st.sampled_from(SPICE)),
        )
    )
)
def test_a_damaged_description_is_answered_or_refused_and_nothing_else(
    damage: list[tuple[int, int, bytes]],
) -> None:
    data = bytearray(SDP)
    for at, length, piece in damage:
        data[at : at + length] = piece
    try:
        body, sound = accept(bytes(data), OURS, 1, 1)
    except (SdpError, OfferError):
        return
    assert len(read(body)) == len(read(bytes(data)))
    assert 0 < sound.port < 65536

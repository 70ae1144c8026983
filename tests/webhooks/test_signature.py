"""Only Twilio's own requests get in."""

import json
from hashlib import sha256
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from webhooks.signature import Signature

TOKEN = "a-token-of-the-tests"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
URL = "https://praxis.example"


def _signed(url: str, fields: dict[str, str]) -> str:
    return str(RequestValidator(TOKEN).compute_signature(url, fields))


def test_a_signed_form_holds() -> None:
    signature = _signed(URL + "/webhooks/voice", {"CallSid": "CA1", "From": "+49171"})
    headers = FORM | {"x-twilio-signature": signature}
    body = b"CallSid=CA1&From=%2B49171"
    assert Signature(TOKEN, URL).holds("/webhooks/voice", headers, body) is True


def test_the_public_address_counts_and_not_the_host_header() -> None:
    signature = _signed("https://evil.example/webhooks/voice", {"CallSid": "CA1"})
    headers = FORM | {"x-twilio-signature": signature, "host": "evil.example"}
    assert Signature(TOKEN, URL).holds("/webhooks/voice", headers, b"CallSid=CA1") is False


@pytest.mark.parametrize("public", ["https://praxis.example", "https://praxis.example:443"])
@pytest.mark.parametrize("signed", ["https://praxis.example", "https://praxis.example:443"])
def test_the_default_port_may_be_signed_or_left_out(public: str, signed: str) -> None:
    headers = FORM | {"x-twilio-signature": _signed(signed + "/v", {"A": "1"})}
    assert Signature(TOKEN, public).holds("/v", headers, b"A=1") is True


def test_another_port_counts() -> None:
    headers = FORM | {"x-twilio-signature": _signed("https://praxis.example:8443/v", {"A": "1"})}
    assert Signature(TOKEN, "https://praxis.example:8443").holds("/v", headers, b"A=1") is True


def test_the_query_string_is_signed_too() -> None:
    headers = FORM | {"x-twilio-signature": _signed(URL + "/v?turn=3", {"A": "1"})}
    assert Signature(TOKEN, URL).holds("/v?turn=3", headers, b"A=1") is True
    assert Signature(TOKEN, URL).holds("/v?turn=4", headers, b"A=1") is False


def test_an_empty_field_is_part_of_the_signature() -> None:
    headers = FORM | {"x-twilio-signature": _signed(URL + "/v", {"A": "1", "Digits": ""})}
    assert Signature(TOKEN, URL).holds("/v", headers, b"A=1&Digits=") is True


def test_a_repeated_field_is_no_crash() -> None:
    headers = FORM | {"x-twilio-signature": "wrong"}
    assert Signature(TOKEN, URL).holds("/v", headers, b"A=1&A=2") is False


@pytest.mark.parametrize("headers", [{}, FORM, FORM | {"x-twilio-signature": ""}])
def test_a_missing_signature_is_refused_and_no_error(headers: dict[str, str]) -> None:
    assert Signature(TOKEN, URL).holds("/v", headers, b"A=1") is False


def test_a_json_body_is_signed_by_its_hash() -> None:
    body = json.dumps({"MessageSid": "SM1"}).encode()
    path = f"/v?bodySHA256={sha256(body).hexdigest()}"
    headers = {"content-type": "application/json", "x-twilio-signature": _signed(URL + path, {})}
    assert Signature(TOKEN, URL).holds(path, headers, body) is True
    assert Signature(TOKEN, URL).holds(path, headers, body + b" ") is False


def test_a_form_cannot_hide_behind_a_body_hash() -> None:
    path = f"/v?bodySHA256={sha256(b'A=1').hexdigest()}"
    headers = FORM | {"x-twilio-signature": _signed(URL + path, {})}
    assert Signature(TOKEN, URL).holds(path, headers, b"A=1") is False


def test_a_body_that_is_no_text_is_refused() -> None:
    headers = FORM | {"x-twilio-signature": "x"}
    assert Signature(TOKEN, URL).holds("/v", headers, b"\xff\xfe") is False


def test_a_get_is_signed_by_its_address() -> None:
    headers = {"x-twilio-signature": _signed(URL + "/v?CallSid=CA1", {})}
    assert Signature(TOKEN, URL).holds("/v?CallSid=CA1", headers, b"") is True


_PUBLIC = st.sampled_from([URL, URL + ":443", URL + ":8443", URL + "/twilio", "http://praxis.example"])
_PAIRS = st.lists(st.tuples(st.sampled_from(["A", "B", "Digits"]), st.text(max_size=4)), max_size=5)


@given(_PUBLIC, _PUBLIC, _PAIRS, st.booleans(), st.sampled_from(["/v", "/v?turn=3", "/v?a=%2B&b="]))
def test_it_judges_forms_as_the_sdk_does(
    public: str,
    signed: str,
    pairs: list[tuple[str, str]],
    forged: bool,  # noqa: FBT001  # Hypothesis gives by position
    path: str,
) -> None:
    fields = ImmutableMultiDict(pairs)
    signature = RequestValidator("wrong" if forged else TOKEN).compute_signature(signed + path, fields)
    expected = RequestValidator(TOKEN).validate(public + path, fields, signature)
    headers = FORM | {"x-twilio-signature": signature}
    assert Signature(TOKEN, public).holds(path, headers, urlencode(pairs).encode()) == expected


@given(st.binary(max_size=20), st.binary(max_size=20), st.sampled_from(["", "é", "x" * 64]))
def test_it_judges_bodies_as_the_sdk_does(body: bytes, other: bytes, spoilt: str) -> None:
    text = body.decode("latin-1")
    path = f"/v?bodySHA256={spoilt or sha256(other.decode('latin-1').encode()).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(URL + path, {})
    expected = RequestValidator(TOKEN).validate(URL + path, text, signature)
    headers = {"content-type": "application/json", "x-twilio-signature": signature}
    assert Signature(TOKEN, URL).holds(path, headers, text.encode()) == expected

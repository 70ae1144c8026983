"""Telephone numbers: what trunks send and people type becomes E.164, and nobody dials an emergency number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.numbers import allowed_mobile, diallable, e164, kind, written


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("0171 2345678", "+491712345678"),
        ("0171/234 56-78", "+491712345678"),
        ("00491712345678", "+491712345678"),
        ("+491712345678", "+491712345678"),
        ("+49(0)171 2345678", "+491712345678"),
        ("+49 (0) 821 12345", "+4982112345"),
        ("sip:+498211234567@pbx.example.net;user=phone", "+498211234567"),
        ("<tel:+498211234567;phone-context=x>", "+498211234567"),
        ("01712345678#", "+491712345678"),
        ("0043 664 1234567", "+436641234567"),
        ("491712345678", ""),
        ("4917123", ""),
        ("anonymous", ""),
        ("Anonymous@anonymous.invalid", ""),
        ("", ""),
        ("12", ""),
        ("112", ""),
        ("+49112", ""),
        ("110", ""),
        ("116117", ""),
        ("+49116117", ""),
    ],
)
def test_a_number_as_trunks_send_it_becomes_e164(raw: str, normal: str) -> None:
    assert e164(raw) == normal


def test_a_line_known_to_omit_the_plus_is_understood() -> None:
    assert e164("491712345678", bare_country=True) == "+491712345678"


@pytest.mark.parametrize(
    ("number", "sort"),
    [
        ("+491712345678", "mobile"),
        ("+498211234567", "landline"),
        ("+436641234567", "foreign"),
        ("", "withheld"),
        ("Unsinn", "withheld"),
    ],
)
def test_numbers_are_sorted_as_seen_from_germany(number: str, sort: str) -> None:
    assert kind(number) == sort


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+491712345678", "0171 2345678"),
        ("+4982112345", "0821 12345"),
        ("+436641234567", "+43 664 1234567"),
        ("", ""),
    ],
)
def test_numbers_are_written_as_germans_read_them(number: str, text: str) -> None:
    assert written(number) == text


@pytest.mark.parametrize(
    "number", ["+49112", "+49110", "+49116117", "+499001234567", "+4918051234567", "", "112"]
)
def test_emergency_and_premium_numbers_are_never_dialled(number: str) -> None:
    assert not diallable(number)


@pytest.mark.parametrize("number", ["+491712345678", "+498211234567", "+436641234567", "+49321234567"])
def test_ordinary_numbers_can_be_called_back(number: str) -> None:
    assert diallable(number) is (e164(number) == number)


def test_links_go_to_mobiles_of_allowed_countries_only() -> None:
    assert allowed_mobile("+491712345678")
    assert not allowed_mobile("+498211234567")
    assert not allowed_mobile("+436641234567")
    assert allowed_mobile("+436641234567", ("DE", "AT"))


@given(st.text(max_size=40))
def test_whatever_a_trunk_sends_is_e164_or_nothing(raw: str) -> None:
    number = e164(raw)
    assert number == "" or (number.startswith("+") and number[1:].isdecimal())
    assert number == "" or e164(number) == number


@given(st.text("0123456789*#+ ()/-", max_size=20))
def test_what_is_normal_stays_normal_through_writing(raw: str) -> None:
    number = e164(raw)
    assert number == "" or e164(written(number)) == number

"""Telephone numbers, pure: what trunks send and callers type becomes E.164, and what people read.

Everything inside the house is E.164 ("+4982112345"); "" stands for a withheld or unusable number.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from callflow.events import NumberKind

NEVER_DIALLED = frozenset({"110", "112", "116117", "19222"})
"""Emergency and on-call numbers: the system neither dials them nor takes them as a callback number."""

_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_CALLABLE = _MOBILE | {PhoneNumberType.FIXED_LINE, PhoneNumberType.VOIP, PhoneNumberType.PERSONAL_NUMBER}
_NOISE = re.compile(r"[^0-9+]")
_USER = re.compile(r"^(?:sips?:|tel:)?([^@;>]*)", re.IGNORECASE)
_TRUNK_ZERO = re.compile(r"\(0\)")


def e164(raw: str, region: str = "DE", *, bare_country: bool = False) -> str:
    """Normalise what a trunk or a caller gave; "" if it is withheld or no possible number.

    Args:
        raw: digits, a SIP or tel URI, or words such as "anonymous".
        region: country whose national numbers are meant, two letters.
        bare_country: this line sends the country code without "+" or "00" ("4982112345"); without
            it such a number is not taken for an international one, since local numbers may begin alike.
    """
    user = _USER.match(raw.strip().strip("<>\"' "))
    text = _NOISE.sub("", _TRUNK_ZERO.sub("", user.group(1) if user else ""))
    if not text or "+" in text[1:] or text.lstrip("+") in NEVER_DIALLED:
        return ""
    return _normal(text, region, bare_country)


@lru_cache(maxsize=4096)
def _normal(text: str, region: str, bare_country: bool) -> str:  # noqa: FBT001 - the cache wants positions
    code = str(phonenumbers.country_code_for_region(region))
    if text.startswith(code):
        # phonenumbers would guess the country code; only a line that is known to omit the "+" may
        if not bare_country:
            return ""
        text = f"+{text}"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@lru_cache(maxsize=4096)
def _parsed(number: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=4096)
def _sort(number: str) -> tuple[int, str]:
    """Tell the type (`PhoneNumberType`) and country of an E.164 number."""
    parsed = _parsed(number)
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        return PhoneNumberType.UNKNOWN, ""
    return phonenumbers.number_type(parsed), phonenumbers.region_code_for_number(parsed) or ""


def kind(number: str, region: str = "DE") -> NumberKind:
    """Tell what an E.164 number is, seen from `region`."""
    parsed = _parsed(number)
    if parsed is None:
        return "withheld"
    if parsed.country_code != phonenumbers.country_code_for_region(region):
        return "foreign"
    return "mobile" if _sort(number)[0] in _MOBILE else "landline"


def written(number: str, region: str = "DE") -> str:
    """Write an E.164 number as people in `region` do: "0171 2345678", foreign ones "+43 ..."."""
    parsed = _parsed(number)
    if parsed is None:
        return number
    home = parsed.country_code == phonenumbers.country_code_for_region(region)
    form = PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def diallable(number: str) -> bool:
    """Tell whether the practice may be asked to call this E.164 number: no emergency, no premium number."""
    return _sort(number)[0] in _CALLABLE


def allowed_mobile(number: str, countries: Collection[str] = ("DE",)) -> bool:
    """Tell whether an SMS may go to this E.164 number: a mobile number of one of `countries`."""
    sort, country = _sort(number)
    return sort in _MOBILE and country in countries

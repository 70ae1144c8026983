"""Moments are said as people say them, and the voice reads them without a digit."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.moments import MONTHS, WEEKDAYS, day_words, until, when
from callflow.prompts.normalise import normalise

NOW = datetime(2026, 11, 23, 18, 0)  # noqa: DTZ001 - wall-clock time, as the calendar gives it
THURSDAY = datetime(2026, 12, 24, 8, 30)  # noqa: DTZ001 - as above


@pytest.mark.parametrize(
    ("language", "tomorrow", "far"),
    [
        ("de", "morgen um 18:00 Uhr", "am Donnerstag, dem 24. Dezember, um 8:30 Uhr"),
        ("en", "tomorrow at 6:00 p.m.", "on Thursday, December 24, at 8:30 a.m."),
        ("fr", "demain à 18:00", "le jeudi 24 décembre à 8:30"),
        ("it", "domani alle 18:00", "giovedì 24 dicembre alle 8:30"),
        ("es", "mañana a las 18:00", "el jueves 24 de diciembre a las 8:30"),
        ("tr", "tomorrow at 6:00 p.m.", "on Thursday, December 24, at 8:30 a.m."),
    ],
)
def test_tomorrow_and_far_days_have_their_words(language: str, tomorrow: str, far: str) -> None:
    assert (when(NOW + timedelta(days=1), NOW, language), when(THURSDAY, NOW, language)) == (tomorrow, far)


def test_one_o_clock_is_feminine_singular_in_italian_and_spanish() -> None:
    one = datetime(2026, 11, 23, 1, 0)  # noqa: DTZ001 - as above
    assert (when(one, one, "it"), when(one, one, "es")) == ("oggi all'1:00", "hoy a la 1:00")


def test_past_days_go_after_of() -> None:
    today = date(2026, 11, 23)
    days = [today - timedelta(days=ago) for ago in (0, 1, 2, 30)]
    assert [day_words(day, today, "de") for day in days] == ["heute", "gestern", "Samstag", "dem 24. Oktober"]
    assert [day_words(day, today, "fr") for day in days] == ["aujourd'hui", "hier", "samedi", "le 24 octobre"]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), st.sampled_from(sorted(WEEKDAYS)))  # noqa: DTZ001 - as above
def test_every_moment_is_read_in_words(moment: datetime, language: str) -> None:
    for said in (
        when(moment, NOW, language),
        until(moment, language),
        day_words(moment.date(), NOW.date(), language),
    ):
        assert not any(sign.isdigit() for sign in normalise(said, language))


def test_every_language_has_seven_days_and_twelve_months() -> None:
    assert {
        language: (len(WEEKDAYS[language]), len(MONTHS[language])) for language in MONTHS
    } == dict.fromkeys(("de", "en", "fr", "it", "es"), (7, 12))

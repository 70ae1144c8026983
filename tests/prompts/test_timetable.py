"""Opening hours become a sentence that follows hours.yaml."""

from datetime import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.hours import Calendar, Spans
from callflow.prompts.normalise import normalise
from callflow.prompts.timetable import WORDINGS, week
from tests.support.flows import calendars

MORNING = (time(8), time(12))
AFTERNOON = (time(14), time(17, 30))


def calendar(*days: Spans) -> Calendar:
    return Calendar(week=(*days, *[()] * (7 - len(days))))


def test_days_in_a_row_are_a_range() -> None:
    sentence = week(calendar(*[(MORNING,)] * 5), "de")
    assert sentence == "Wir sind montags bis freitags von 8 bis 12 Uhr erreichbar."
    assert normalise(sentence, "de") == "Wir sind montags bis freitags von acht bis zwölf Uhr erreichbar."


def test_days_alike_are_named_together_and_lunch_is_left_out() -> None:
    long, short = (MORNING, AFTERNOON), (MORNING,)
    assert week(calendar(long, long, short, long, short), "de") == (
        "Wir sind montags, dienstags und donnerstags von 8 bis 12 Uhr und von 14 bis 17:30 Uhr, "
        "mittwochs und freitags von 8 bis 12 Uhr erreichbar."
    )


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "We are open Mondays to Fridays from 08:00 to 12:00."),
        ("fr", "Nous sommes joignables du lundi au vendredi de 08:00 à 12:00."),
        ("it", "Siamo raggiungibili da lunedì a venerdì dalle 08:00 alle 12:00."),
        ("es", "Atendemos de lunes a viernes de 08:00 a 12:00."),
    ],
)
def test_other_languages_have_their_own_words(language: str, sentence: str) -> None:
    assert week(calendar(*[(MORNING,)] * 5), language) == sentence


def test_a_practice_without_hours_says_so() -> None:
    assert week(calendar(), "de") == "Wir haben keine festen Sprechzeiten."


def test_the_example_practices_hours_are_those_of_its_file() -> None:
    assert week(calendars("praxis")["praxis"], "de") == (
        "Wir sind montags und dienstags von 8 bis 12 Uhr und von 14 bis 17 Uhr, mittwochs von 8 bis 12 Uhr, "
        "donnerstags von 8 bis 12 Uhr und von 14 bis 18 Uhr, freitags von 8 bis 13 Uhr erreichbar."
    )


HOURS = [(), (MORNING,), (AFTERNOON,), (MORNING, AFTERNOON)]
WEEKS = st.lists(st.sampled_from(HOURS), min_size=7, max_size=7)


@given(WEEKS, st.sampled_from(sorted(WORDINGS)))
def test_every_open_day_is_named_or_within_a_range(days: list[Spans], language: str) -> None:
    spoken = normalise(week(calendar(*days), language), language)
    assert not any(sign.isdigit() for sign in spoken)
    runs = {spans for spans in days if spans}
    assert spoken.count(WORDINGS[language].days[0].split()[-1]) <= 1
    assert bool(runs) == (WORDINGS[language].never != spoken)


def test_each_pair_of_times_differs() -> None:
    sentences = {week(calendar(one, other), "de") for one, other in product(HOURS, HOURS)}
    assert len(sentences) == len(HOURS) ** 2

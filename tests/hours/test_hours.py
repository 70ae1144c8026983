"""What a caller meets at any moment: weeks, lunch, holidays of the Länder, closures, 116117."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.hours import Calendar, Closure, Deputy, Rotation, Spans, table, told
from tests.support.flows import calendars

BERLIN = ZoneInfo("Europe/Berlin")
MORNING: Spans = ((time(8), time(12)),)
BOTH: Spans = ((time(8), time(12)), (time(14), time(17)))
WEEK = (BOTH, BOTH, MORNING, BOTH, MORNING, (), ())
EVENING: Spans = ((time(18), time(8)),)
ALWAYS: Spans = ((time(8), time(8)),)
ON_CALL = (EVENING, EVENING, EVENING, EVENING, EVENING, ALWAYS, ALWAYS, ALWAYS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def calendar(**changes: object) -> Calendar:
    return Calendar(**{"week": WEEK, "land": "BY", "on_call": ON_CALL, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "answer"),
    [
        ("2026-11-23 07:59", "closed"),
        ("2026-11-23 08:00", "open"),
        ("2026-11-23 11:59:59", "open"),
        ("2026-11-23 12:00", "lunch"),
        ("2026-11-23 14:00", "open"),
        ("2026-11-23 17:00", "closed"),
        ("2026-11-25 13:00", "closed"),
        ("2026-11-28 10:00", "closed"),
    ],
)
def test_a_week_opens_and_closes_to_the_second_and_wednesday_afternoon_is_no_lunch(
    moment: str, answer: str
) -> None:
    assert calendar().status(at(moment)).answer == answer


HOLIDAYS = {
    "BW": {"2026-01-06", "2026-06-04", "2026-11-01"},
    "BY": {"2026-01-06", "2026-06-04", "2026-11-01"},
    "BE": {"2026-03-08"},
    "BB": {"2026-04-05", "2026-05-24", "2026-10-31"},
    "HB": {"2026-10-31"},
    "HH": {"2026-10-31"},
    "HE": {"2026-06-04"},
    "MV": {"2026-03-08", "2026-10-31"},
    "NI": {"2026-10-31"},
    "NW": {"2026-06-04", "2026-11-01"},
    "RP": {"2026-06-04", "2026-11-01"},
    "SL": {"2026-06-04", "2026-08-15", "2026-11-01"},
    "SN": {"2026-10-31", "2026-11-18"},
    "ST": {"2026-01-06", "2026-10-31"},
    "SH": {"2026-10-31"},
    "TH": {"2026-09-20", "2026-10-31"},
}
"""Holidays of 2026 beside the nine that all Länder keep (laws on Sundays and holidays of the Länder)."""
_ALL = ("01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26")
COMMON = {f"2026-{day}" for day in _ALL}


def holidays_of(**changes: object) -> set[str]:
    found = calendar(**changes)
    days = (date(2026, 1, 1) + timedelta(days=offset) for offset in range(365))
    return {day.isoformat() for day in days if found.holiday(day)}


@pytest.mark.parametrize("land", sorted(HOLIDAYS))
def test_each_land_keeps_its_holidays(land: str) -> None:
    assert holidays_of(land=land) == COMMON | HOLIDAYS[land]


def test_a_catholic_municipality_of_bavaria_keeps_assumption_day() -> None:
    assert holidays_of(catholic=True) - holidays_of() == {"2026-08-15"}


def test_catholic_municipalities_of_saxony_and_thuringia_keep_corpus_christi() -> None:
    assert holidays_of(land="SN", catholic=True) - holidays_of(land="SN") == {"2026-06-04"}
    assert holidays_of(land="TH", catholic=True) - holidays_of(land="TH") == {"2026-06-04"}


def test_augsburg_keeps_its_peace_festival_too() -> None:
    assert holidays_of(land="Augsburg") - holidays_of(catholic=True) == {"2026-08-08"}


def test_a_holiday_is_named_in_the_caller_s_language() -> None:
    status = calendar().status(at("2026-01-06 10:00"))
    assert (status.answer, status.reason) == ("holiday", "Heilige Drei Könige")
    assert calendar().status(at("2026-01-06 10:00"), "en").reason == "Epiphany"


def test_christmas_eve_and_new_years_eve_have_hours_of_their_own() -> None:
    special = calendar(eves={(12, 24): (), (12, 31): ((time(8), time(10)),)})
    assert special.status(at("2026-12-24 09:00")).answer == "holiday"
    assert special.status(at("2026-12-24 09:00")).reason == "Heiligabend"
    assert special.status(at("2026-12-31 09:00")).answer == "open"
    assert special.status(at("2026-12-31 10:00")).answer == "closed"
    assert calendar(eves={(12, 24): None}).status(at("2026-12-24 09:00")).answer == "open"


def test_a_day_between_holiday_and_weekend_can_be_closed() -> None:
    friday_after_ascension = at("2026-05-15 09:00")
    assert calendar().status(friday_after_ascension).answer == "open"
    closed = calendar(bridge_days=()).status(friday_after_ascension)
    assert (closed.answer, closed.reason) == ("holiday", "Brückentag")


def test_a_monday_before_a_holiday_is_a_bridge_day_too() -> None:
    assert calendar(bridge_days=(), land="BY").status(at("2026-01-05 09:00")).reason == "Brückentag"
    assert calendar(bridge_days=(), land="SN").status(at("2026-01-05 09:00")).answer == "open"


CLOSURE = Closure(
    date(2026, 8, 3), date(2026, 8, 14), "Urlaub", Deputy("Praxis Doktor Winter", "+49821987650")
)


@pytest.mark.parametrize(
    ("moment", "answer"),
    [
        ("2026-07-31 09:00", "open"),
        ("2026-08-03 00:00", "closure"),
        ("2026-08-14 23:59", "closure"),
        ("2026-08-17 09:00", "open"),
    ],
)
def test_a_closure_includes_its_first_and_last_day(moment: str, answer: str) -> None:
    assert calendar(closures=(CLOSURE,)).status(at(moment)).answer == answer


def test_a_closure_names_its_deputy_and_when_we_are_back() -> None:
    facts = dict(told(calendar(closures=(CLOSURE,)), at("2026-08-05 10:00")).values)
    assert facts["hours.deputy"] == "Praxis Doktor Winter"
    assert facts["hours.deputy_phone"] == "+49821987650"
    assert facts["hours.next"] == "am Montag, dem 17. August, um 8:00 Uhr"
    assert facts["hours.reason"] == "Urlaub"


def test_deputies_take_turns() -> None:
    turns = Rotation(date(2026, 12, 21), (Deputy("A"), Deputy("B")))
    days = ("2026-12-20", "2026-12-21", "2026-12-27", "2026-12-28", "2027-01-04")
    found = [turns.on(date.fromisoformat(day)) for day in days]
    assert [deputy.name if deputy else "" for deputy in found] == ["", "A", "A", "B", "A"]


def test_an_exception_goes_before_everything_else() -> None:
    special = calendar(closures=(CLOSURE,), exceptions={date(2026, 8, 5): ((time(10), time(11)),)})
    assert special.status(at("2026-08-05 10:30")).answer == "open"
    assert special.status(at("2026-08-05 11:30")).answer == "closed"


@pytest.mark.parametrize(
    ("moment", "runs"),
    [
        ("2026-11-23 17:59", False),
        ("2026-11-23 18:00", True),
        ("2026-11-24 07:59", True),
        ("2026-11-24 08:00", False),
        ("2026-11-28 12:00", True),
        ("2026-11-30 07:59", True),
        ("2026-12-24 12:00", True),
        ("2026-12-25 07:59", True),
    ],
)
def test_116117_is_named_only_while_that_service_runs(moment: str, runs: bool) -> None:  # noqa: FBT001
    assert calendar().status(at(moment)).on_call is runs


def test_the_night_of_the_lost_hour_is_an_hour_shorter() -> None:
    night = calendar(week=(((time(1), time(4)),),) * 7)
    start = at("2026-03-29 01:00")
    assert night.status(start).until == datetime(2026, 3, 29, 2, tzinfo=UTC)
    assert night.later(start, timedelta(hours=2)) == datetime(2026, 3, 29, 2, tzinfo=UTC)


def test_the_night_of_the_won_hour_is_an_hour_longer() -> None:
    night = calendar(week=(((time(1), time(4)),),) * 7)
    start = at("2026-10-25 01:00")
    assert night.status(start).until == datetime(2026, 10, 25, 3, tzinfo=UTC)
    assert night.later(start, timedelta(hours=4)) == datetime(2026, 10, 25, 3, tzinfo=UTC)


@pytest.mark.parametrize("utc", ["2026-10-25 00:30", "2026-10-25 01:30"])
def test_both_half_past_twos_of_the_won_hour_are_in_the_night_service(utc: str) -> None:
    assert calendar().status(datetime.fromisoformat(utc).replace(tzinfo=UTC)).on_call


def test_an_answer_within_eight_opening_hours_skips_evening_and_weekend() -> None:
    assert calendar().later(at("2026-11-27 11:00"), timedelta(hours=8)) == at("2026-11-30 17:00")


def test_a_practice_that_never_opens_has_no_next_opening_and_plain_deadlines() -> None:
    never = calendar(week=((),) * 7)
    assert never.status(at("2026-11-23 10:00")).next_open is None
    assert never.later(at("2026-11-23 10:00"), timedelta(hours=8)) == at("2026-11-23 18:00")


MOMENTS = st.datetimes(
    datetime(2025, 1, 1),  # noqa: DTZ001 - Hypothesis wants bare bounds and adds the zone
    datetime(2030, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


@given(MOMENTS, st.sampled_from(["praxis", "einzelpraxis", "kinderpraxis"]))
def test_at_every_moment_the_next_opening_is_open_and_nothing_opens_before(
    moment: datetime, name: str
) -> None:
    found = calendars(name)["praxis"]
    status = found.status(moment)
    assert status.next_open is not None
    assert status.next_open > moment
    assert found.status(status.next_open).answer == "open"
    assert found.status(status.next_open - timedelta(seconds=1)).answer != "open"
    if status.answer == "open":
        assert status.until is not None
        assert found.status(status.until - timedelta(seconds=1)).answer == "open"
        assert found.status(status.until).answer != "open"
    else:
        assert status.until is None


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(hours=30)))
def test_a_deadline_is_met_while_open_and_never_before_its_time(moment: datetime, span: timedelta) -> None:
    found = calendars()["praxis"]
    deadline = found.later(moment, span)
    assert deadline >= moment + span
    assert span == timedelta(0) or found.status(deadline - timedelta(microseconds=1)).answer == "open"


def test_the_calendar_is_printed_a_line_a_day() -> None:
    printed = table(calendar(closures=(CLOSURE,)), date(2026, 8, 14), date(2026, 8, 17))
    assert printed.splitlines() == [
        f"Fr 2026-08-14  {'Urlaub':<26} Urlaub | Praxis Doktor Winter 0821 987650 | 116117 18:00-08:00",
        "Sa 2026-08-15  geschlossen                116117 08:00-08:00",
        "So 2026-08-16  geschlossen                116117 08:00-08:00",
        "Mo 2026-08-17  08:00-12:00, 14:00-17:00   116117 18:00-08:00",
    ]


@pytest.mark.parametrize(
    ("moment", "german", "english"),
    [
        ("2026-11-23 09:00", "heute um 14:00 Uhr", "today at 2:00 p.m."),
        ("2026-11-23 20:00", "morgen um 8:00 Uhr", "tomorrow at 8:00 a.m."),
        ("2026-11-27 20:00", "am Montag um 8:00 Uhr", "on Monday at 8:00 a.m."),
    ],
)
def test_the_next_opening_is_said_as_people_say_it(moment: str, german: str, english: str) -> None:
    assert dict(told(calendar(), at(moment)).values)["hours.next"] == german
    assert dict(told(calendar(), at(moment), "en").values)["hours.next"] == english

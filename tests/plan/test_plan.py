"""The number plan: homes, migrations, and what is wrong with a plan."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from callflow.plan import Plan, lot
from callflow.plan.moving import Window
from callflow.plan_check import check
from sip.numbers import Arriving, Ringing, comes_back, dial_string, spellings, table

NUMBER = "+4935112345600"
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 9:00 in Berlin
TEAMS = {
    "kind": "teams",
    "fqdn": "sbc.praxis.example",
    "certificate": "c.pem",
    "key": "k.pem",
    "listen": "192.0.2.2:5061",
}
MOVE = {"to": "teams", "start": "2026-11-20", "share": 50}


def plan(number: dict[str, object] | None = None, **changes: object) -> Plan:
    values: dict[str, object] = {
        "lines": {"anlage": {"kind": "asterisk"}},
        "trunks": {"pbx": {"kind": "pbx", "host": "192.0.2.1"}, "teams": TEAMS},
        "destinations": {
            "empfang": {"number": "100", "via": "pbx", "teams": "empfang_teams"},
            "empfang_teams": {"kind": "teams", "number": "+4935112345699", "via": "teams"},
        },
        "numbers": {NUMBER: {"flow": "praxis", "destination": "empfang", **(number or {})}},
    }
    return Plan.model_validate(values | changes)


def codes(wanted: Plan) -> set[str]:
    return {fault.code for fault in check(wanted)}


def test_half_of_two_hundred_calls_moves_and_each_falls_back_to_the_old_home() -> None:
    moving = plan({"migration": MOVE})
    rung = [moving.attempts(NUMBER, "empfang", MONDAY, lot(f"call-{n}")) for n in range(200)]
    moved = rung.count(("empfang_teams", "empfang"))
    assert moved + rung.count(("empfang",)) == 200
    assert 80 <= moved <= 120  # four standard deviations would be 72 to 128


def test_a_call_keeps_its_lot() -> None:
    assert lot("call-1") == lot("call-1")
    assert 0 <= lot("call-1") < 1


def test_before_its_first_day_nothing_moves() -> None:
    late = plan({"migration": {**MOVE, "start": "2026-11-24", "share": 100}})
    assert late.attempts(NUMBER, "empfang", MONDAY, 0.0) == ("empfang",)


@pytest.mark.parametrize(("hour", "rung"), [(8, "empfang_teams"), (12, "empfang")])
def test_windows_are_german_local_time(hour: int, rung: str) -> None:
    window = {"days": "mo-fr", "since": "09:00", "until": "12:00"}
    moving = plan({"migration": {**MOVE, "share": 100, "windows": [window]}})
    at = MONDAY.replace(hour=hour)
    assert moving.attempts(NUMBER, "empfang", at, 0.0)[0] == rung


def test_a_number_at_home_in_teams_rings_the_counterpart_alone() -> None:
    assert plan({"home": "teams"}).attempts(NUMBER, "empfang", MONDAY, 0.5) == ("empfang_teams",)


def test_a_single_number_takes_every_call_and_several_take_only_their_own() -> None:
    entry = {"flow": "praxis", "destination": "empfang"}
    several = plan(numbers={NUMBER: {**entry, "aliases": ["praxis"]}, "+4935112345601": entry})
    assert (plan().did("anything"), several.did("praxis"), several.did("anything")) == (NUMBER, NUMBER, "")


def test_the_good_plan_has_no_fault() -> None:
    assert codes(plan({"migration": MOVE})) == set()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"numbers": {"0351123456": {"flow": "praxis", "destination": "empfang"}}}, "not_e164"),
        ({"numbers": {NUMBER: {"flow": "praxis", "destination": "nobody"}}}, "unknown_destination"),
        ({"destinations": {"empfang": {"number": "112", "via": "pbx"}}}, "emergency"),
        ({"destinations": {"empfang": {"kind": "external", "number": NUMBER, "via": "pbx"}}}, "loop"),
        ({"destinations": {"empfang": {"number": "100"}}}, "no_trunk"),
        ({"destinations": {"empfang": {"number": "100", "via": "none"}}}, "unknown_trunk"),
        ({"destinations": {"empfang": {"number": "100", "via": "teams"}}}, "wrong_trunk"),
        ({"destinations": {"empfang": {}}}, "no_target"),
        ({"trunks": {"pbx": {"kind": "pbx", "host": "192.0.2.1"}}}, "unknown_trunk"),
        ({"trunks": {"teams": {**TEAMS, "fqdn": "192.0.2.9"}}}, "no_fqdn"),
        ({"lines": {"a": {"kind": "asterisk", "host": "192.0.2.3"}}}, "plain_manager"),
    ],
)
def test_the_check_finds(changes: dict[str, object], code: str) -> None:
    assert code in codes(plan(**changes))


@pytest.mark.parametrize(
    ("trunk", "found"),
    [
        ({"listen": "0.0.0.0:5061"}, True),
        ({"listen": "0.0.0.0:5061", "media_address": "::"}, True),
        ({"listen": "0.0.0.0:5061", "media_address": "sbc.praxis.example"}, True),
        ({"listen": "0.0.0.0:5061", "front": "kamailio"}, True),
        ({"listen": "0.0.0.0:5061", "media_address": "192.0.2.2"}, False),
        ({"listen": "0.0.0.0:5061", "front": "asterisk"}, False),
    ],
)
def test_rtpengine_is_never_left_without_an_address_that_teams_can_reach(
    trunk: dict[str, object], *, found: bool
) -> None:
    pbx = {"kind": "pbx", "host": "192.0.2.1"}
    assert ("no_media_address" in codes(plan(trunks={"pbx": pbx, "teams": TEAMS | trunk}))) is found


EMBEDDED, ASTERISK, TWILIO = {"kind": "embedded"}, {"kind": "asterisk"}, {"kind": "twilio"}


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        ([], []),
        ([ASTERISK], []),
        ([TWILIO], []),
        ([EMBEDDED, ASTERISK], []),
        ([EMBEDDED], ["empfang", "empfang_teams"]),
        ([EMBEDDED | {"trunks": ["pbx"]}], ["empfang_teams"]),
        ([{"kind": "pyvoip", "trunk": "pbx"}], ["empfang_teams"]),
    ],
)
def test_a_destination_that_no_line_can_dial_is_found(
    lines: list[dict[str, object]], places: list[str]
) -> None:
    named = {f"line{number}": line for number, line in enumerate(lines)}
    found = [fault.place for fault in check(plan(lines=named)) if fault.code == "unreachable"]
    assert found == [("destinations", place, "via") for place in places]


def test_the_check_finds_bridges_that_a_pyvoip_line_cannot_build() -> None:
    bridged = {"empfang": {"number": "100", "via": "pbx", "method": "bridge"}}
    only = plan(lines={"p": {"kind": "pyvoip"}}, destinations=bridged)
    mixed = plan(lines={"p": {"kind": "pyvoip"}, "e": {"kind": "embedded"}}, destinations=bridged)
    found = [
        (fault.place, fault.severity)
        for each in (only, mixed)
        for fault in check(each)
        if fault.code == "pyvoip_bridge"
    ]
    place = ("destinations", "empfang", "method")
    assert found == [(place, "error"), (place, "warning")]
    referred = {"empfang": {"number": "100", "via": "pbx", "method": "refer"}}
    assert "pyvoip_bridge" not in codes(plan(lines={"p": {"kind": "pyvoip"}}, destinations=referred))


@pytest.mark.parametrize(
    ("trunk", "found"),
    [
        ({}, []),
        ({"srtp": "offered"}, []),
        ({"transport": "tcp"}, ["transport"]),
        ({"srtp": "required"}, ["srtp"]),
    ],
)
def test_a_trunk_that_pyvoip_cannot_carry_is_refused(trunk: dict[str, str], found: list[str]) -> None:
    pbx = {"kind": "pbx", "host": "192.0.2.1"} | trunk
    faults = check(plan(lines={"p": {"kind": "pyvoip", "trunk": "pbx"}}, trunks={"pbx": pbx}))
    assert [(fault.place[-1], fault.severity) for fault in faults if fault.code == "pyvoip_udp"] == [
        (place, "error") for place in found
    ]


def test_the_check_finds_one_number_written_twice() -> None:
    entry = {"flow": "praxis", "destination": "empfang"}
    assert "duplicate" in codes(plan(numbers={NUMBER: entry, "+49 351 12345600": entry}))
    named = entry | {"aliases": ["praxis"]}
    assert "duplicate" in codes(plan(numbers={NUMBER: named, "+4935112345601": named}))


def test_the_check_finds_a_teams_number_without_teams_destination_or_trunk() -> None:
    bare = plan(
        {"home": "teams"},
        trunks={"pbx": {"kind": "pbx", "host": "192.0.2.1"}},
        destinations={"empfang": {"number": "100", "via": "pbx"}},
    )
    assert {"no_teams_target", "no_teams_trunk"} <= codes(bare)


def test_the_check_refuses_refer_towards_teams() -> None:
    empfang = {"kind": "teams", "number": "+4935112345699", "via": "teams", "method": "refer"}
    assert "teams_refer" in codes(plan({"home": "teams"}, destinations={"empfang": empfang}))


def test_the_table_shows_the_plan_of_a_day() -> None:
    (row,) = table(plan({"migration": MOVE}), MONDAY)
    assert (row.number, row.home, row.destination) == (NUMBER, "teams / pbx", "empfang_teams / empfang")
    assert row.moving == "läuft: zu teams ab 20.11.2026, 50 %, jederzeit, mit Rückfall"
    (row,) = table(plan({"migration": MOVE}), MONDAY, "en")
    assert row.moving == "moving: to teams from 20.11.2026, 50 %, always, falls back"


MORNINGS = {"windows": [{"days": "mo-fr", "since": "09:00", "until": "12:00"}], "share": 100}


@pytest.mark.parametrize(
    ("move", "at", "home", "state"),
    [
        (MORNINGS, date(2026, 11, 19), "pbx", "wartet"),
        (MORNINGS, date(2026, 11, 23), "teams / pbx", "läuft"),
        (MORNINGS, date(2026, 11, 22), "pbx", "ruht"),
        (MORNINGS, MONDAY, "teams", "läuft"),
        (MORNINGS, MONDAY.replace(hour=12), "pbx", "ruht"),
        ({"share": 100}, date(2026, 11, 22), "teams", "läuft"),
        ({"share": 50}, date(2026, 11, 22), "teams / pbx", "läuft"),
        ({"share": 0}, date(2026, 11, 22), "pbx", "läuft"),
    ],
)
def test_the_table_of_a_day_shows_every_home_that_its_calls_get(
    move: dict[str, object], at: date, home: str, state: str
) -> None:
    """A day is not its midnight: what moves from nine to twelve moves that day."""
    (row,) = table(plan({"migration": {**MOVE, **move}}), at)
    assert (row.home, row.moving.partition(":")[0]) == (home, state)


@pytest.mark.parametrize(
    ("days", "meant"),
    [
        ("mo-fr", "mo-fr"),
        ("Mo - Fr", "mo-fr"),
        ("fr-mo", "fr-mo"),
        ("sa", "sa"),
        ("mo, mi", "mo+mi"),
        (["Mo", "di"], "mo+di"),
        (["mo-mi", "fr"], "mo+di+mi+fr"),
    ],
)
def test_days_are_written_as_people_do(days: object, meant: str) -> None:
    window = Window.model_validate({"days": days, "since": "8:00", "until": "24:00"})
    assert str(window) == f"{meant} 08:00-24:00"


def test_a_window_until_midnight_holds_to_the_days_end() -> None:
    window = Window.model_validate({"days": "mo", "since": "22:00", "until": "24:00"})
    night = MONDAY.replace(hour=22, minute=59, second=59)  # 23:59:59 in Berlin
    assert (window.holds(night), window.holds(night + timedelta(seconds=1))) == (True, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": "Mon-Fri"},
        {"days": ""},
        {"days": []},
        {"days": 1},
        {"since": 8},
        {"since": "8 Uhr"},
        {"until": "24:01"},
    ],
)
def test_what_is_no_day_and_no_time_is_refused_with_an_example(wrong: dict[str, object]) -> None:
    right = {"days": "mo", "since": "08:00", "until": "12:00"}
    with pytest.raises(ValidationError, match=r"such as|a span like mo-fr"):
        Window.model_validate(right | wrong)


@pytest.mark.parametrize("start", ["01.12.2026", "2026-13-01", "20261201", 20261201, "", None])
def test_a_move_begins_on_a_day_written_year_first(start: object) -> None:
    """A number would be seconds since 1970."""
    with pytest.raises(ValidationError, match="a day such as 2026-12-01"):
        plan({"migration": MOVE | {"start": start}})


def test_numbers_are_recognised_as_trunks_write_them() -> None:
    assert spellings(NUMBER) == (NUMBER, "004935112345600", "035112345600", "4935112345600")


def test_destinations_become_dial_strings() -> None:
    entries = plan(destinations={"a": {"uri": "sip:100@127.0.0.1:5070"}, "b": {"number": "7", "via": "pbx"}})
    strings = [dial_string(entry) for entry in entries.destinations.values()]
    assert strings == ["PJSIP/direct/sip:100@127.0.0.1:5070", "PJSIP/7@pbx"]


CALLER, OUTSIDE = "+491711234567", "+4917155555555"
FORWARDING = plan(destinations={"handy": {"kind": "external", "number": OUTSIDE, "via": "pbx"}})


@pytest.mark.parametrize(
    ("arriving", "legs", "cut"),
    [
        (Arriving(CALLER, OUTSIDE), 1, True),
        (Arriving("01711234567", "0171 55555555"), 1, True),
        (Arriving("", OUTSIDE), 1, True),
        (Arriving(OUTSIDE, OUTSIDE), 1, True),
        (Arriving("+4930111", OUTSIDE), 1, False),
        (Arriving(CALLER, "+4930111"), 1, False),
        (Arriving(CALLER), 1, False),  # two people of one company may show one number
        (Arriving(CALLER), 2, True),
        (Arriving(CALLER, OUTSIDE), 0, False),
    ],
)
def test_a_call_that_an_outside_number_forwards_back_is_recognised(
    arriving: Arriving, legs: int, *, cut: bool
) -> None:
    assert comes_back(FORWARDING, arriving, [Ringing(CALLER, OUTSIDE)] * legs) is cut


@pytest.mark.parametrize(("trunk", "cut"), [("teams", True), ("pbx", False)])
def test_who_rings_in_teams_cannot_call_from_teams_meanwhile(trunk: str, *, cut: bool) -> None:
    ringing = [Ringing("01711234567", "+4935112345699")]
    assert comes_back(plan(), Arriving(CALLER, trunk=trunk), ringing) is cut
    assert not comes_back(plan(), Arriving("+4930111", trunk=trunk), ringing)

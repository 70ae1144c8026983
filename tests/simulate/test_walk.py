"""A simulated call goes the way of the engine, and what it writes down is a golden call."""

from datetime import datetime
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from callflow.bootstrap import places, rehearsal
from callflow.effects import Gather, LineEffect
from callflow.events import DigitsPressed, Event, HungUp, PromptFinished, Told
from callflow.golden import Case, read_case, rehearse, written
from callflow.prompts.wording import Wording
from callflow.simulate import suite
from callflow.simulate.replay import replay
from callflow.simulate.screen import Screen
from callflow.simulate.script import Deed, Press, Quit, Ring, Talk, Wait, read
from callflow.simulate.walk import Beat, Setting, Walk
from tests.support.flows import PROMPTS, ROOT, calendars, flow_of

MORNING = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - local time, as written in golden calls
FACTS = {"": {"practice.name": "Hausarztpraxis am Lindenplatz", "practice.phone": "", "practice.address": ""}}
PRACTICES = [
    ("praxis", "praxis"),
    ("einzelpraxis", "sommer"),
    ("kinderpraxis", "kinder"),
    ("mvz", "orthopaedie"),
]


class Nobody:
    """Watches and says nothing."""

    def beat(self, beat: Beat) -> None:
        del beat

    def deed(self, done: Deed) -> None:
        del done


def walked(script: str, *, number: str = "0171 2345678", at: datetime = MORNING) -> Case:
    flow = flow_of("praxis", "praxis")
    return Walk(flow, calendars("praxis"), Setting(at, number), Nobody(), read(script)).run()


def shown() -> tuple[Screen, StringIO]:
    paper = StringIO()
    return Screen(Console(file=paper, width=160), Wording(PROMPTS, FACTS)), paper


def test_a_script_walks_to_the_link() -> None:
    case = walked("1 1")
    assert case.expects.outcome == "deflected"
    assert [(link.to, link.concern) for link in case.expects.sms] == [("+491712345678", "rezept")]


def test_a_busy_reception_is_scripted() -> None:
    case = walked("0 besetzt 1 -", number="0351 4567890")
    assert [scene.connects for scene in case.story if scene.connects] == ["empfang"]
    assert [(card.card, card.number) for card in case.expects.cards] == [("callback", "+493514567890")]


def test_hanging_up_ends_the_walk_with_a_missed_call() -> None:
    assert walked("3 x", number="withheld").expects.outcome == "missed"


def test_a_key_may_be_pressed_into_the_announcement() -> None:
    case = walked("!9 -")
    assert (case.story[1].presses, case.expects.cards[0].urgency) == ("9", "urgent")


def test_after_the_script_a_silent_caller_still_gets_somewhere() -> None:
    assert walked("").expects.outcome == "callback"


def test_the_keyboard_is_asked_once_the_script_is_over() -> None:
    asked: list[str] = []

    def keyboard(effect: LineEffect) -> Deed:
        asked.append(effect.kind)
        return Press("1") if isinstance(effect, Gather) else Wait()

    walk = Walk(
        flow_of("praxis", "praxis"), calendars("praxis"), Setting(MORNING), Nobody(), read("1"), keyboard
    )
    assert (walk.run().expects.outcome, asked) == ("deflected", ["gather"])


DEEDS = st.one_of(
    st.from_regex(r"[0-9*]{1,14}", fullmatch=True).map(Press),
    st.sampled_from("0123456789").map(lambda key: Press(key, early=True)),
    st.just(Wait()),
    st.just(Quit()),
    st.integers(0, 60).map(Talk),
    st.sampled_from(["answered", "busy", "no_answer", "refused", "failed"]).map(Ring),
)
QUEUE = st.lists(st.sampled_from([{"answer": "busy", "position": "2"}, {"answer": "free"}]), max_size=3)
NUMBERS = st.sampled_from(["0171 2345678", "0351 4567890", "+43 664 1234567", "withheld"])
MOMENTS = st.datetimes(datetime(2026, 11, 1), datetime(2027, 1, 31))  # noqa: DTZ001 - as above


SETTINGS = st.builds(
    Setting,
    at=MOMENTS.map(lambda at: at.replace(second=0, microsecond=0)),
    number=NUMBERS,
    queue=QUEUE.map(tuple),
)


@pytest.mark.parametrize(("practice", "name"), PRACTICES)
@given(deeds=st.lists(DEEDS, max_size=12), setting=SETTINGS)
def test_every_walk_is_a_golden_call_that_goes_as_written(
    practice: str, name: str, deeds: list[Deed], setting: Setting
) -> None:
    flow = flow_of(practice, name)
    case = Walk(flow, calendars(practice), setting, Nobody(), deeds).run()
    assert rehearse(flow, calendars(practice), case).faults == []


def test_a_walk_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "besetzt.yaml"
    path.write_text(written(walked("0 besetzt 1 -")), encoding="utf-8")
    assert rehearse(flow_of("praxis", "praxis"), calendars("praxis"), read_case(path)).faults == []


def test_the_screen_tells_what_is_heard_where_and_what_is_sent() -> None:
    screen, paper = shown()
    Walk(flow_of("praxis", "praxis"), calendars("praxis"), Setting(MORNING), screen, read("1 1")).run()
    told = paper.getvalue()
    for part in (
        "hier ist Hausarztpraxis am Lindenplatz",
        "hauptmenue → 1",
        "▸ drückt 1",
        "✉ SMS an 0171 2345678: Link „rezept“ (de)",
        "» Auf Wiederhören",
    ):
        assert part in told


def test_every_golden_call_in_config_passes_and_no_way_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = places.settings(places.Options(Path(), ROOT / "config", PROMPTS))
    count = len(list((ROOT / "config").rglob("calls/*.yaml")))
    assert rehearsal.simulate_all(settings, None, Console()) == 0
    told = capsys.readouterr().out
    assert f"{count} von {count} wie geschrieben" in told
    assert "Wege geht keiner" not in told


def test_the_suite_names_the_ways_that_no_golden_call_takes(tmp_path: Path) -> None:
    (tmp_path / "rezept.yaml").write_text(written(walked("1 1")), encoding="utf-8")
    flows, out = partial(flow_of, "praxis"), StringIO()
    verdicts = suite.run(tmp_path, flows, calendars("praxis"))
    missing = suite.missed(verdicts, flows)
    assert ("verbinden: answered" in missing, "anliegen: then" in missing) == (True, False)
    assert suite.show(verdicts, missing, Console(file=out)) == 0
    assert f"{len(missing)} Wege geht keiner" in out.getvalue()


def test_a_deviation_and_a_broken_file_fail_the_suite(tmp_path: Path) -> None:
    good = written(walked("1 1"))
    (tmp_path / "anders.yaml").write_text(good.replace("rezept", "termin"), encoding="utf-8")
    (tmp_path / "kaputt.yaml").write_text("call: [", encoding="utf-8")
    verdicts = suite.run(tmp_path, lambda name: flow_of("praxis", name), calendars("praxis"))
    assert [bool(each.faults) for each in verdicts] == [True, True]
    assert "kaputt.yaml:" in verdicts[1].faults[0]
    assert suite.show(verdicts, [], Console(file=StringIO())) == 1
    assert suite.show([], [], Console(file=StringIO())) == 1


def test_a_recorded_call_is_told_again_and_goes_the_same_way() -> None:
    flow = flow_of("praxis", "praxis")
    start = walked("3 x", number="withheld").started()
    events: list[Event] = [start, PromptFinished(), Told("open"), DigitsPressed("3"), HungUp()]
    screen, paper = shown()
    passed = replay(flow, "call", events, screen, Console(file=paper, width=160))
    assert passed == [
        ("begruessung", "then"),
        ("sprechzeit", "open"),
        ("hauptmenue", "3"),
        ("anliegen", "hung_up"),
    ]
    assert "Karte: missed termin" in paper.getvalue()


def test_the_queue_is_told_with_place_and_minutes() -> None:
    told = rehearsal.setting("2026-11-23 09:00", "withheld", "busy:2:4 busy:1 free").queue
    assert told == (
        {"answer": "busy", "position": "2", "minutes": "4"},
        {"answer": "busy", "position": "1"},
        {"answer": "free"},
    )

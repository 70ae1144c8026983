"""Each lint finds its fault, at its place, and lets the sound flow pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from callflow.language import FlowErrors, FolderPrompts, Surroundings, look
from callflow.language.messages import MESSAGES
from callflow.language.problems import Problem
from callflow.language.report import check_files, exit_status, flow_files, report
from callflow.language.source import read
from tests.support.flows import ROOT, practice_folder, surroundings

PATH = practice_folder("praxis") / "flows/test.yaml"

SOUND = """\
flow: test
start: gruss
everywhere: {"0": mensch}
variables:
  ort: {type: choice, of: [nord, sued]}
nodes:
  gruss:
    say:
      text: Im Notfall wählen Sie 112. Guten Tag.
      then: menue
  menue:
    menu:
      text: Für ein Rezept die 1.
      choices:
        "1": {to: mensch, concern: rezept}
      no_input: mensch
      no_match: mensch
  mensch:
    transfer:
      destination: empfang
      otherwise: ende
  ende:
    hangup: {prompt: goodbye}
"""


def problems_of(text: str, **files: str) -> tuple[Problem, ...]:
    around = surroundings().with_files({name: content.encode() for name, content in files.items()})
    return look(PATH, around, text.encode())[1]


def found(text: str, **files: str) -> list[tuple[str, int, int]]:
    return [(p.code, p.line, p.column) for p in problems_of(text, **files)]


def test_a_sound_flow_has_no_problem() -> None:
    assert found(SOUND) == []


CHANGES = {
    "key-twice": ("      then: menue\n", "      then: menue\n      then: mensch\n", (11, 7)),
    "key-unquoted": ('        "1": {to', "        1: {to", (15, 9)),
    "unquoted": ("      destination: empfang", "      destination: 0171", (20, 20)),
    "field-unknown": ("      otherwise: ende", "      otherwise: ende\n      ansonsten: ende", (22, 7)),
    "field-missing": ("      otherwise: ende\n", "", (19, 5)),
    "menu-unhandled": ("      no_input: mensch\n", "", (12, 5)),
    "value-wrong": ("      no_input: mensch", "      tries: 9\n      no_input: mensch", (16, 14)),
    "head-missing": ("flow: test\n", "", (1, 1)),
    "name-wrong": ("  ende:\n", "  Ende 1:\n", (22, 3)),
    "node-shape": ("    hangup: {prompt: goodbye}", "    {}", (22, 3)),
    "kind-unknown": ("    hangup:", "    auflegen:", (23, 5)),
    "words-twice": ("      text: Für ein", "      prompt: main_menu\n      text: Für ein", (14, 13)),
    "words-missing": ("      text: Für ein Rezept die 1.\n", "", (11, 3)),
    "goto-half": ("    hangup: {prompt: goodbye}", "    goto: {to: mensch, variable: ort}", (23, 34)),
    "goto-case-to": (
        "    hangup: {prompt: goodbye}",
        "    goto: {to: mensch, variable: ort, cases: {to: mensch}}",
        (23, 51),
    ),
    "node-unknown": ("      otherwise: ende", "      otherwise: end", (21, 18)),
    "prompt-unknown": ("{prompt: goodbye}", "{prompt: goodbey}", (23, 22)),
    "destination-unknown": ("destination: empfang", "destination: empfan", (20, 20)),
    "concern-unknown": ("concern: rezept", "concern: rezepte", (15, 36)),
    "calendar-unknown": (
        "    hangup: {prompt: goodbye}",
        "    hours: {calendar: nacht, open: mensch, closed: mensch}",
        (23, 23),
    ),
    "variable-unknown": (
        "    hangup: {prompt: goodbye}",
        "    goto: {to: mensch, variable: otr, cases: {x: mensch}}",
        (23, 34),
    ),
    "variable-value": (
        "    hangup: {prompt: goodbye}",
        "    goto: {to: mensch, variable: ort, cases: {west: mensch}}",
        (23, 53),
    ),
    "language-unknown": ("flow: test\n", "flow: test\nlanguage: fr\n", (2, 11)),
    "return-outside": ("      otherwise: ende", "      otherwise: return", (21, 18)),
    "node-unreachable": ("      otherwise: ende", "      otherwise: menue", (22, 3)),
    "loop-endless": ("    hangup: {prompt: goodbye}", "    goto: {to: ende}", (22, 3)),
    "first-112": ("wählen Sie 112. Guten Tag.", "bitte auflegen. Die 112 hilft.", (7, 3)),
    "first-silent": ("start: gruss", "start: mensch", (18, 3)),
    "placeholder-unknown": ("Guten Tag.", "Guten Tag, {{ wetter }}.", (9, 13)),
    "text-template": ("Guten Tag.", "Guten Tag {% if x %}.", (9, 13)),
    "file-unreadable": ("flow: test\n", "flow: test\ninclude: [fehlt]\n", (2, 11)),
    "limits-odd": (
        "    hangup: {prompt: goodbye}",
        "    collect: {text: Zahl?, into: ort, least: 5, most: 3, then: mensch, no_input: mensch}",
        (23, 46),
    ),
}
"""Code -> what to change in the sound flow, and where the problem must be told."""


@pytest.mark.parametrize("code", sorted(CHANGES))
def test_the_fault_is_found_at_its_place(code: str) -> None:
    old, new, place = CHANGES[code]
    assert SOUND.count(old) == 1
    assert (code, *place) in found(SOUND.replace(old, new))


def test_from_every_node_a_call_can_end() -> None:
    caught = SOUND.replace(
        "      no_input: mensch\n      no_match: mensch", "      no_input: menue\n      no_match: menue"
    )
    caught = caught.replace("{to: mensch, concern: rezept}", "{to: kreis}").replace(
        'everywhere: {"0": mensch}\n', ""
    )
    caught += "  kreis: {say: {text: Moment., then: menue}}\n"
    codes = {code for code, _, _ in found(caught)}
    assert {"dead-end", "no-human", "node-unreachable"} <= codes


def test_without_a_way_to_a_human_while_open_every_node_is_told() -> None:
    alone = SOUND.replace(
        "    transfer:\n      destination: empfang\n      otherwise: ende", "    goto: {to: ende}"
    )
    assert ("no-human", 7, 3) in found(alone)


def test_a_human_after_closing_time_only_is_no_human_while_open() -> None:
    shut = SOUND.replace("no_match: mensch", "no_match: tag").replace('everywhere: {"0": mensch}\n', "")
    shut = shut.replace("{to: mensch, concern: rezept}", "tag").replace("no_input: mensch", "no_input: tag")
    shut += "  tag: {hours: {open: ende, closed: mensch}}\n"
    assert "no-human" in {code for code, _, _ in found(shut)}


WARNINGS = {
    "menu-long": (
        '        "1": {to: mensch, concern: rezept}',
        "\n".join(f'        "{key}": ende' for key in range(1, 7)),
    ),
    "prompt-long": ("Für ein Rezept die 1.", "Für ein Rezept drücken Sie bitte die Taste 1. " * 5),
    "zero-not-human": ('everywhere: {"0": mensch}', 'everywhere: {"9": mensch}'),
    "key-hidden": ('everywhere: {"0": mensch}', 'everywhere: {"0": mensch, "1": ende}'),
    "unconfirmed": (
        "    hangup: {prompt: goodbye}",
        "    collect: {text: Nr?, into: ort, sort: phone, confirm: false, then: mensch, no_input: mensch}",
    ),
}


@pytest.mark.parametrize("code", sorted(WARNINGS))
def test_what_is_only_unwise_is_a_warning(code: str) -> None:
    old, new = WARNINGS[code]
    problems = problems_of(SOUND.replace(old, new))
    assert [p.severity for p in problems if p.code == code] == ["warning"]


def test_an_announcement_nobody_can_bear_is_an_error() -> None:
    assert found(SOUND.replace("Für ein Rezept die 1.", "Bitte warten Sie. " * 55)) == [
        ("prompt-overlong", 13, 13)
    ]


SUBFLOW = "subflow: teil\nstart: a\nnodes: {a: {goto: {to: return.fort}}}\n"


def with_subflow(fields: str) -> str:
    return SOUND.replace("    hangup: {prompt: goodbye}", f"    subflow: {fields}")


def test_a_subflow_s_way_back_must_be_named() -> None:
    text = with_subflow("{flow: teil, then: mensch}")
    assert ("return-unknown", 23, 21) in found(text, teil=SUBFLOW)


def test_a_subflow_whose_ways_back_are_named_is_sound() -> None:
    text = with_subflow("{flow: teil, then: mensch, exits: {fort: mensch}}").replace(
        "      no_match: mensch", "      no_match: schluss"
    )
    assert found(text + "  schluss: {hangup: {}}\n", teil=SUBFLOW) == []


def test_a_subflow_that_calls_itself_is_refused() -> None:
    own = "subflow: teil\nstart: a\nnodes: {a: {subflow: {flow: teil, then: return}}}\n"
    assert "flow-cycle" in {
        code for code, _, _ in found(with_subflow("{flow: teil, then: mensch}"), teil=own)
    }


def test_a_fragment_where_a_subflow_is_wanted_is_refused() -> None:
    other = "fragment: teil\nnodes: {a: {hangup: {}}}\n"
    text = with_subflow("{flow: teil, then: mensch}")
    assert "head-other" in {code for code, _, _ in found(text, teil=other)}


def test_two_nodes_of_one_name_are_refused_even_from_two_files() -> None:
    text = SOUND.replace("flow: test\n", "flow: test\ninclude: [haus]\n")
    assert "node-twice" in {
        code for code, _, _ in found(text, haus="fragment: haus\nnodes: {ende: {hangup: {}}}\n")
    }


def test_problems_in_shared_files_name_the_shared_file() -> None:
    text = SOUND.replace("flow: test\n", "flow: test\ninclude: [haus]\n")
    (problem,) = problems_of(text, haus="fragment: haus\nnodes:\n  x: {hangup: {prompt: nie}}\n")
    assert (Path(problem.file).name, problem.line, problem.code) == ("haus.yaml", 3, "prompt-unknown")


def test_a_broken_prompt_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de/goodbye.j2").write_text("Auf {{ Wiederhören", encoding="utf-8")
    (tmp_path / "de/apology.j2").write_text("Entschuldigung.", encoding="utf-8")
    (tmp_path / "de/menu_again.j2").write_text("Noch einmal.", encoding="utf-8")
    around = replace(surroundings(), prompts=FolderPrompts(tmp_path))
    assert [p.code for p in look(PATH, around, SOUND.encode())[1]] == ["template-broken"]


def test_every_language_needs_the_apology_of_last_resort(tmp_path: Path) -> None:
    around = replace(surroundings(), prompts=FolderPrompts(tmp_path))
    text = SOUND.replace("{prompt: goodbye}", "{}").replace(
        "      no_input", '      again: ""\n      no_input'
    )
    assert [p.message("en") for p in look(PATH, around, text.encode())[1]] == [
        "There is no text `apology` in language de."
    ]


def test_a_shared_file_is_checked_with_the_flows_beside_it() -> None:
    shared = practice_folder("mvz") / "flows/haus.yaml"
    assert [path.stem for path in flow_files(shared)] == [
        "gynaekologie", "innere", "labor", "orthopaedie", "zentrale",
    ]  # fmt: skip
    assert check_files(shared, surroundings("mvz")) == ()


TOLD_ELSEWHERE = {
    "plan-fault": "tests/plan/test_faults.py",
    "plan-warning": "tests/bootstrap/test_checking.py",
    "form-odd": "tests of config/forms",
    "flow-name": "tests/language/test_versions.py",
    "version-unknown": "tests/bootstrap/test_checking.py",
    "flow-unknown": "tests/bootstrap/test_faults.py",
    "sms-account": "tests/bootstrap/test_checking.py",
    "secret-missing": "tests/bootstrap/test_checking.py",
    "secrets-open": "tests/bootstrap/test_checking.py",
    "form-unknown": "tests/bootstrap/test_settings.py",
    "secret-wrong": "tests/bootstrap/test_settings.py",
    "restart-needed": "tests/bootstrap/test_in_force.py",
    "render-control": "tests/bootstrap/test_rendering_faults.py",
    "render-meaning": "tests/bootstrap/test_rendering_faults.py",
    "render-teams": "tests/bootstrap/test_rendering_faults.py",
    "render-version": "tests/bootstrap/test_rendering_faults.py",
    "render-front": "tests/bootstrap/test_rendering_faults.py",
    "render-authorities": "tests/bootstrap/test_rendering_faults.py",
    "render-asterisk": "tests/bootstrap/test_rendering_faults.py",
    "render-manager": "tests/bootstrap/test_rendering_faults.py",
    "dead-end": "above",
    "no-human": "above",
    "return-unknown": "above",
    "flow-cycle": "above",
    "head-other": "above",
    "node-twice": "above",
    "template-broken": "above",
    "prompt-overlong": "above",
}
HOSTILE = {
    "file-large", "file-values", "file-deep", "file-encoding", "file-shape", "yaml-syntax", "yaml-tab",
    "yaml-character", "yaml-documents", "yaml-alias", "yaml-tag", "key-odd", "text-long",
}  # fmt: skip


def test_every_problem_of_the_catalogue_is_provoked_by_a_test() -> None:
    provoked = {*CHANGES, *WARNINGS, *TOLD_ELSEWHERE, *HOSTILE}
    assert sorted(MESSAGES.keys() - provoked) == []


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    bad = (
        SOUND.replace("destination: empfang", "destination: nirgends")
        .replace("goodbye", "nie")
        .replace("rezept}", "x}")
    )
    assert [p.code for p in problems_of(bad)] == ["concern-unknown", "destination-unknown", "prompt-unknown"]


def test_an_unquoted_key_does_not_hide_the_other_faults_and_a_broken_node_is_not_called_missing() -> None:
    bad = SOUND.replace('"1": {to', "1: {to").replace("destination: empfang", "destination: nirgends")
    bad = bad.replace("hangup: {prompt: goodbye}", "hangup: {promt: goodbye}")
    assert sorted(p.code for p in problems_of(bad)) == [
        "destination-unknown",
        "field-unknown",
        "key-unquoted",
    ]


def test_a_near_miss_is_guessed() -> None:
    (problem,) = problems_of(SOUND.replace("otherwise: ende", "otherwise: ened"))
    assert problem.hint("de") == "→ „ende“?"


def test_the_report_speaks_to_people_in_german_or_english() -> None:
    problems = problems_of(SOUND.replace("otherwise: ende", "otherwise: nie"))
    german, english = report(problems), report(problems, language="en")
    assert german.startswith(
        f"{PATH}:21:18: Fehler: Den Knoten „nie“ gibt es nicht. [node-unknown]\n    Warum: "
    )
    assert english.startswith(f"{PATH}:21:18: error: There is no node `nie`. [node-unknown]\n    why: ")


def test_the_report_speaks_json_to_programs() -> None:
    problems = problems_of(SOUND.replace("otherwise: ende", "otherwise: nie"))
    (fields,) = json.loads(report(problems, "json"))
    assert (fields["line"], fields["column"], fields["code"], fields["severity"]) == (
        21,
        18,
        "node-unknown",
        "error",
    )


def test_the_report_speaks_to_github_in_workflow_commands() -> None:
    problem = Problem("a,b:c.yaml", 3, 4, "yaml-alias", (), "error")
    (line,) = report([problem], "github", "en").splitlines()
    assert line.startswith("::error file=a%2Cb%3Ac.yaml,line=3,col=4,title=yaml-alias::YAML anchors")


def test_the_exit_status_fails_on_errors_and_not_on_warnings() -> None:
    warned = problems_of(SOUND.replace(*WARNINGS["zero-not-human"]))
    assert exit_status(warned) == 0
    assert exit_status(problems_of(SOUND.replace("otherwise: ende", "otherwise: nie"))) == 1


@pytest.mark.parametrize("practice", ["praxis", "einzelpraxis", "mvz", "kinderpraxis"])
def test_the_example_practices_are_without_any_problem(practice: str) -> None:
    assert check_files(practice_folder(practice) / "flows", surroundings(practice)) == ()


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FlowErrors) as refusal:
        read(tmp_path / "fehlt.yaml")
    assert [p.code for p in refusal.value.problems] == ["file-unreadable"]


def test_the_checker_needs_no_file_of_the_house() -> None:
    bare = Surroundings(surroundings().prompts, (), (), ())
    _, problems = look(ROOT / "config/flows/praxis.yaml", bare)
    assert {p.code for p in problems} == {"destination-unknown", "concern-unknown", "calendar-unknown"}

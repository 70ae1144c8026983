"""`rufweiche numbers check`: every fault of a number plan is told where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from callflow.language.source import read
from callflow.plan import Plan
from callflow.plan_check import Code, check
from tests.support.plans import LINES, run


@dataclass(frozen=True)
class Case:
    """A plan made wrong at one place.

    Args:
        code: the fault's word.
        right: text of the plan.
        wrong: what stands there instead.
        place: ":line:column" of the fault.
        told: words of what is said.
        others: faults that follow from the same change.
    """

    code: Code
    right: str
    wrong: str
    place: str
    told: str
    others: frozenset[Code] = frozenset()


BESIDE = "{kind: asterisk}\n  b: {kind: embedded, port: 6, trunks: [pbx]}"
LABOR = '  labor: {number: "101", via: pbx}\nnumbers:\n'
CASES = (
    Case("unknown_trunk", "via: pbx, teams", "via: nope, teams", ":8:50", "there is no trunk 'nope'"),
    Case(
        "unknown_destination",
        "empfang\n    migration",
        "nobody\n    migration",
        ":13:18",
        "there is no destination 'nobody'",
        frozenset({"not_rung"}),
    ),
    Case("not_e164", '"+4935112345600":', '"035112345600":', ":11:3", 'did you mean "+4935112345600"?'),
    Case(
        "not_e164",
        "username: amt}, ",
        "username: amt}, caller_id: amt, ",
        ":5:81",
        'an example: "+4935112345600"',
    ),
    Case("loop", '"+4935112345699"', '"+4935112345600"', ":9:40", "the call would come back to us"),
    Case(
        "loop",
        '699", via: teams}',
        '699", via: teams, teams: empfang}',
        ":8:62",
        "itself points on: one step is allowed",
    ),
    Case(
        "no_teams_trunk",
        "  teams: {kind: teams",
        "  drop: {kind: provider, host: x} #",
        ":11:3",
        "a Teams number without a Teams trunk",
        frozenset({"unknown_trunk"}),
    ),
    Case(
        "no_teams_target",
        ", teams: empfang_teams",
        "",
        ":13:18",
        "needs a Teams counterpart",
        frozenset({"not_rung"}),
    ),
    Case(
        "duplicate",
        "numbers:\n",
        'numbers:\n  "+49 351 12345600": {flow: praxis, destination: empfang}\n',
        ":12:3",
        "stands twice in the plan",
        frozenset({"not_e164"}),
    ),
    Case("emergency", 'number: "100"', 'number: "112"', ":8:38", "is announced and never dialled"),
    Case("not_rung", "numbers:\n", LABOR, ":10:3", "no number leads here"),
    Case("no_move", "migration: {to: teams", "migration: {to: pbx", ":14:21", "is at home in pbx already"),
    Case(
        "no_pbx_target",
        "destination: empfang\n",
        "destination: empfang_teams\n",
        ":13:18",
        "needs a counterpart at the PBX",
        frozenset({"not_rung"}),
    ),
    Case(
        "teams_refer",
        '699", via: teams}',
        '699", via: teams, method: refer}',
        ":9:78",
        "never REFER towards Teams",
    ),
    Case(
        "no_fqdn",
        "fqdn: sbc.praxis.example",
        "fqdn: 192.0.2.1",
        ":6:30",
        "fully qualified name, not an address",
    ),
    Case(
        "no_fqdn",
        "fqdn: sbc.praxis.example",
        "fqdn: praxis.onmicrosoft.com",
        ":6:30",
        "out of a domain of your own, not onmicrosoft.com",
    ),
    Case(
        "no_media_address",
        "listen: 192.0.2.2:5061",
        "listen: 192.168.1.2:5061",
        ":6:3",
        "192.168.1.2 cannot be reached from outside",
    ),
    Case(
        "no_media_address",
        "key: /c/key, listen: 192.0.2.2:5061}",
        "key: /c/key}",
        ":6:3",
        "Teams must be told one address for sound, or nobody hears anything",
    ),
    Case(
        "no_address",
        "listen: 192.0.2.2:5061",
        "listen: sbc.praxis.example",
        ":6:96",
        "is no address with a port",
    ),
    Case("no_account", "account: {username: amt}, ", "", ":5:55", "registers needs an account"),
    Case(
        "no_target",
        'number: "100", via: pbx',
        "via: pbx",
        ":8:3",
        "give exactly one: uri, or number with via",
    ),
    Case("no_trunk", ", via: pbx, teams", ", teams", ":8:3", "over which trunk?"),
    Case(
        "wrong_trunk",
        '699", via: teams}',
        '699", via: amt}',
        ":9:63",
        "Teams destinations need a Teams trunk",
    ),
    Case("plain_manager", "{kind: asterisk}", "{kind: asterisk, host: 192.0.2.9}", ":2:3", "unencrypted"),
    Case(
        "no_certificate",
        "{kind: asterisk}",
        "{kind: embedded, tls_port: 5061}",
        ":2:38",
        "needs certificate and key",
        frozenset({"unreachable"}),
    ),
    Case(
        "no_address",
        "{kind: asterisk}",
        "{kind: embedded, public_address: x}",
        ":2:44",
        "is no IP address",
        frozenset({"unreachable"}),
    ),
    Case(
        "unreachable",
        "{kind: asterisk}",
        "{kind: embedded, trunks: [pbx]}",
        ":9:63",
        "no line reaches teams: Teams needs a line of kind: asterisk",
    ),
    Case(
        "unreachable",
        "{kind: asterisk}",
        "{kind: embedded, trunks: [amt]}",
        ":8:50",
        "no line reaches pbx: name it under trunks of one",
    ),
    Case(
        "pyvoip_bridge",
        "{kind: asterisk}",
        "{kind: pyvoip, trunk: pbx}",
        ":8:3",
        "cannot call out, it passes callers on by REFER only",
        frozenset({"unreachable"}),
    ),
    Case(
        "pyvoip_udp",
        "{kind: asterisk}\ntrunks:\n  pbx: {kind: pbx, host: 192.0.2.10}",
        "{kind: pyvoip, trunk: pbx}\ntrunks:\n  pbx: {kind: pbx, host: 192.0.2.10, transport: tls}",
        ":4:49",
        "knows nothing but UDP without SRTP: give the line kind: embedded",
        frozenset({"unreachable", "pyvoip_bridge"}),
    ),
    Case(
        "same_port",
        "{kind: asterisk}",
        "{kind: embedded}\n  zweite: {kind: embedded, port: 5060}",
        ":3:34",
        "somebody else of this plan listens on 127.0.0.1:5060: each needs ports of its own",
        frozenset({"unreachable"}),
    ),
    Case(
        "same_port",
        "{kind: asterisk}",
        "{kind: asterisk}\n  zweite: {kind: embedded}",
        ":3:3",
        "somebody else of this plan listens on 127.0.0.1:5060: each needs ports of its own",
    ),
    Case(
        "same_port",
        "account: {username: amt}, ",
        "account: {username: amt}, transport: tls, ",
        ":6:96",
        "somebody else of this plan listens on 192.0.2.2:5061: each needs ports of its own",
    ),
    Case(
        "registered_twice",
        "{kind: asterisk}",
        "{kind: embedded, trunks: [amt]}\n  zweite: {kind: embedded, port: 5062, trunks: [amt]}",
        ":3:3",
        "amt is registered by another line already: every call would ring at both",
        frozenset({"unreachable"}),
    ),
    Case("unknown_trunk", "via: pbx, teams", "via: pbs, teams", ":8:50", "did you mean 'pbx'?"),
    Case(
        "loop",
        'number: "100"',
        'number: "0351 12345600"',
        ":8:38",
        "is our own number: the call would come back to us",
        frozenset({"bad_number"}),
    ),
    Case(
        "loop",
        'number: "100", via: pbx',
        "number: amt, via: amt",
        ":8:38",
        "amt is our own number: the call would come back to us",
    ),
    Case(
        "loop",
        'number: "100", via: pbx',
        'uri: "sip:+4935112345600@pbx.example"',
        ":8:35",
        "is our own number: the call would come back to us",
    ),
    Case(
        "emergency",
        'number: "100", via: pbx',
        'uri: "sip:112@192.0.2.10"',
        ":8:35",
        "112 is announced and never dialled",
    ),
    Case(
        "bad_host",
        "host: 192.0.2.10",
        '"host": "192.0.2.10:5070"',
        ":4:28",
        "is no host's name or address",
    ),
    Case(
        "bad_host",
        "host: sip.example",
        'host: "sip:sip.example"',
        ":5:31",
        "is no host's name or address",
    ),
    Case("no_address", "{kind: asterisk}", "{kind: asterisk, bind: 10.0.0.300}", ":2:34", "is no IP address"),
    Case(
        "bad_host",
        "host: sip.example",
        'host: sip.example, proxy: "sip:edge.example"',
        ":5:51",
        "is no host's name or address",
    ),
    Case(
        "bad_network",
        "host: 192.0.2.10",
        "host: 192.0.2.10, accept: [192.0.2.10-20]",
        ":4:46",
        "is neither an address nor a network",
    ),
    Case(
        "bad_number",
        'number: "100"',
        "number: „100“",
        ":8:38",
        "cannot be dialled: digits, + * # or the name of an extension",
    ),
    Case(
        "bad_uri",
        'number: "100", via: pbx',
        'uri: "100@192.0.2.10"',
        ":8:35",
        "is no SIP address, such as sip:100@192.168.178.1:5060",
    ),
    Case(
        "bad_ports",
        "{kind: asterisk}",
        "{kind: asterisk, rtp_ports: [20000, 10000]}",
        ":2:39",
        "the first port (20000) lies above the last (10000)",
    ),
    Case("bad_name", "  anlage: {", '  "../anlage": {', ":2:3", "at most 40 letters, digits, - and _"),
    Case(
        "no_network",
        "{kind: asterisk}\ntrunks:\n  pbx: {kind: pbx, host: 192.0.2.10}",
        f"{BESIDE}\ntrunks:\n  pbx: {{kind: pbx, host: x.example}}",
        ":5:3",
        "nobody takes calls from x.example: without registration the address counts",
    ),
    Case("no_line", "  anlage: {kind: asterisk}\n", "  {}\n", ":1:1", "there is no line: no call reaches us"),
    Case(
        "no_number",
        LINES.partition("numbers:\n")[2],
        "  {}\n",
        ":10:1",
        "there is no number: every call would be refused",
        frozenset({"not_rung"}),
    ),
    Case(
        "never_moves",
        "share: 50}",
        'windows: [{days: mo-fr, since: "22:00", until: "06:00"}]}',
        ":14:56",
        "the window mo-fr 22:00-06:00 never holds",
    ),
    Case(
        "overlapping",
        "share: 50}",
        'windows: [{days: fr, since: "8:00", until: "12:00"}, {days: fr, since: "11:00", until: "13:00"}]}',
        ":14:56",
        "the windows fr 08:00-12:00 and fr 11:00-13:00 overlap",
    ),
)


def told(said: str) -> list[tuple[str, str]]:
    """Return each place in the output with each sentence below it that begins like a case's."""
    found = re.findall(r"lines\.yaml(:\d+:\d+)[^\n]*\n((?:(?!.*lines\.yaml:).*\n)*)", said)
    return [
        (place, case.told) for place, text in found for case in CASES if case.told in " ".join(text.split())
    ]


def test_every_fault_has_a_case_here() -> None:
    assert {case.code for case in CASES} == set(get_args(Code))


def test_the_plan_without_a_change_has_no_fault(config: Path) -> None:
    assert run("numbers", "check", "--config", str(config))[0] == 0
    assert check(Plan.model_validate(read(config / "lines.yaml").data)) == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_check_names_line_and_column_of_a_fault(case: Case, config: Path) -> None:
    assert LINES.count(case.right) == 1
    (config / "lines.yaml").write_text(LINES.replace(case.right, case.wrong))
    code, said = run("numbers", "check", "--config", str(config))
    faults = check(Plan.model_validate(read(config / "lines.yaml").data))
    assert {fault.code for fault in faults} == {case.code, *case.others}
    assert code == any(fault.severity == "error" for fault in faults)
    assert (case.place, case.told) in told(said)

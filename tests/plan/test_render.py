"""`rufweiche render` and `rufweiche numbers`: what a practice's administrator sees and gets."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from callflow.language.source import parse
from callflow.plan import Plan
from sip.render.asterisk import AsteriskSecrets, Site, render
from sip.render.files import RenderError
from sip.render.kamailio import front_site
from tests.support.plans import LINES, ROOT, run

SECRETS = {"RUFWEICHE_AMI_SECRET": "manager", "RUFWEICHE_SIP_PASSWORDS": '{"amt": "provider"}'}


def test_render_writes_every_file_that_asterisk_reads(config: Path, tmp_path: Path) -> None:
    where = ("--config", str(config), "--out", str(tmp_path / "out"))
    code, told = run("render", "asterisk", *where, COLUMNS="40", **SECRETS)  # a path is never broken
    written = {path.name: path for path in (tmp_path / "out").iterdir()}
    templates = {path.name.removesuffix(".j2") for path in (ROOT / "docker/asterisk").glob("*.j2")}
    assert (code, templates - set(written), len(told.split())) == (0, set(), len(written))
    assert {path.stat().st_mode & 0o007 for path in written.values()} == {0}
    assert "secret = manager" in written["manager.conf"].read_text()


def test_rendering_again_closes_what_stood_open_and_gives_the_folders_group(
    config: Path, tmp_path: Path
) -> None:
    """Debian's folder belongs to Asterisk's group; who renders is another user."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "manager.conf").write_text("[general]\n" * 99)
    (out / "manager.conf").chmod(0o666)
    where = ("--config", str(config), "--out", str(out))
    assert [run("render", "asterisk", *where, **SECRETS)[0] for _ in range(2)] == [0, 0]
    written = [path.stat() for path in out.iterdir()]
    assert {(each.st_mode & 0o777, each.st_gid) for each in written} == {(0o640, out.stat().st_gid)}
    assert (out / "manager.conf").read_text().count("[general]") == 1


def test_what_holds_no_secret_is_readable_for_kamailio_and_rtpengine(config: Path, tmp_path: Path) -> None:
    """They run as users of their own, which share no group with each other."""
    assert run("render", "kamailio", "--config", str(config), "--out", str(tmp_path / "out"))[0] == 0
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o644}


@pytest.mark.parametrize(
    ("line", "asterisk"),
    [
        ("{kind: asterisk}", "127.0.0.1:5060"),
        ("{kind: asterisk, sip_port: 5072}", "127.0.0.1:5072"),
        ("{kind: asterisk, bind: 192.0.2.3}", "192.0.2.3:5060"),
    ],
)
def test_the_front_finds_asterisk_where_the_plan_has_it(line: str, asterisk: str) -> None:
    plan = Plan.model_validate(parse(LINES.replace("{kind: asterisk}", line).encode(), "lines.yaml").data)
    assert front_site(plan).asterisk == asterisk


def test_render_writes_every_file_that_kamailio_and_rtpengine_read(config: Path, tmp_path: Path) -> None:
    code, _ = run("render", "kamailio", "--config", str(config), "--out", str(tmp_path / "out"))
    templates = {path.name.removesuffix(".j2") for path in (ROOT / "docker/kamailio").glob("*.j2")}
    assert (code, {path.name for path in (tmp_path / "out").iterdir()}) == (0, templates)
    networks = (tmp_path / "out" / "address.list").read_text().splitlines()[2:]
    assert networks == ["1 52.112.0.0 14", "1 52.122.0.0 15"]
    centres = (tmp_path / "out" / "dispatcher.list").read_text().splitlines()[2:]
    assert centres == [
        "1 sip:sip.pstnhub.microsoft.com:5061;transport=tls 0 30",
        "1 sip:sip2.pstnhub.microsoft.com:5061;transport=tls 0 20",
        "1 sip:sip3.pstnhub.microsoft.com:5061;transport=tls 0 10",
    ]
    asked = re.findall(r'"ds_ping_(interval|reply_codes)", (.+)\)', kamailio(tmp_path))
    assert asked == [("interval", "60"), ("reply_codes", '"class=2"')]
    # over UDP copies of an INVITE could reach rtpengine side by side
    assert "listen=udp" not in kamailio(tmp_path)


def kamailio(folder: Path) -> str:
    return (folder / "out" / "kamailio.cfg").read_text()


def test_asterisk_alone_asks_each_data_centre_once_a_minute_and_takes_no_refusal_for_an_answer() -> None:
    lines = LINES.replace("kind: teams, fqdn", "kind: teams, front: asterisk, fqdn")
    plan = Plan.model_validate(parse(lines.encode(), "lines.yaml").data)
    secrets = AsteriskSecrets("secret", {"amt": "geheim"})
    text = render(plan, Site(version=(22, 11)), secrets, ROOT / "docker" / "asterisk")["pjsip.conf"]
    places = ("teams", "teams-2", "teams-3")
    told = [
        tuple(
            _section(text, place, "aor")[key] for key in ("contact", "qualify_frequency", "qualify_2xx_only")
        )
        for place in places
    ]
    assert told == [
        (f"sip:sip{number}.pstnhub.microsoft.com:5061\\;transport=tls", "60", "yes") for number in ("", 2, 3)
    ]


@pytest.mark.parametrize(
    ("what", "env", "told"),
    [
        ("asterisk", {}, "RUFWEICHE_AMI_SECRET fehlt."),
        ("asterisk", {"RUFWEICHE_AMI_SECRET": "x"}, "Für „amt“ fehlt das Passwort."),
    ],
)
def test_render_says_what_is_missing_and_writes_nothing(
    what: str, env: dict[str, str], told: str, config: Path, tmp_path: Path
) -> None:
    code, said = run("render", what, "--config", str(config), "--out", str(tmp_path / "out"), **env)
    assert (code, told in said, (tmp_path / "out").exists()) == (1, True, False)


@pytest.mark.parametrize(
    ("what", "told"),
    [("asterisk", "hat keine Leitung der Art `asterisk`"), ("kamailio", "hat 0 Anschlüsse der Art `teams`")],
)
def test_the_example_practice_needs_no_rendering_and_is_told_so(what: str, told: str, tmp_path: Path) -> None:
    code, said = run("render", what, "--config", str(ROOT / "config"), "--out", str(tmp_path / "out"))
    assert (code, told in said) == (1, True)


DAYS = ("2026-11-30", "2026-12-01")


@pytest.mark.parametrize(("at", "home"), [(DAYS[0], "pbx"), (DAYS[1], "teams / pbx")])
def test_the_table_shows_the_plan_of_a_day(at: str, home: str, config: Path) -> None:
    code, shown = run("numbers", "--at", at, "--config", str(config))
    assert (code, "+4935112345600" in shown, f" {home} " in shown) == (0, True, True)


@pytest.mark.parametrize("elsewhere", ["Asia/Tokyo", "America/Los_Angeles"])
def test_a_day_begins_with_the_practices_midnight_wherever_the_machine_stands(
    elsewhere: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with monkeypatch.context() as away:
            away.setenv("TZ", elsewhere)
            time.tzset()
            shown = [run("numbers", "--at", day, "--config", str(config))[1] for day in DAYS]
    finally:
        time.tzset()
    assert [" teams / pbx " in each for each in shown] == [False, True]


def _section(text: str, name: str, kind: str) -> dict[str, str]:
    """Return the options of one section of pjsip.conf; an endpoint's type stands in its template."""
    for part in text.split("\n[")[1:]:
        head, *lines = part.splitlines()
        found = dict(line.split(" = ", 1) for line in lines if " = " in line)
        if head.startswith(f"{name}]") and found.get("type", "endpoint") == kind:
            return found
    raise AssertionError(name)


def _trunk(**more: object) -> str:
    """Return the pjsip.conf of a plan with one trunk that registers."""
    trunk = {"kind": "provider", "host": "sip.example", "account": {"username": "0351"}, "registers": True}
    plan = Plan.model_validate({"lines": {"anlage": {"kind": "asterisk"}}, "trunks": {"amt": trunk | more}})
    secrets = AsteriskSecrets("secret", {"amt": "geheim"})
    return render(plan, Site(), secrets, ROOT / "docker" / "asterisk")["pjsip.conf"]


@pytest.mark.parametrize(
    ("more", "server", "proxy"),
    [
        ({}, "sip:sip.example", None),
        ({"port": 5070}, "sip:sip.example:5070", None),
        ({"transport": "tcp"}, "sip:sip.example\\;transport=tcp", None),
        ({"transport": "tls", "port": 5061}, "sip:sip.example\\;transport=tls", None),
        ({"transport": "tcp", "port": 5061}, "sip:sip.example:5061\\;transport=tcp", None),
        ({"proxy": "edge.example"}, "sip:sip.example", "sip:edge.example\\;lr"),
        (
            {"proxy": "edge.example:5070", "transport": "tls"},
            "sip:sip.example\\;transport=tls",
            "sip:edge.example:5070\\;transport=tls\\;lr",
        ),
    ],
)
def test_registration_questions_and_calls_take_the_trunks_proxy_and_transport(
    more: dict[str, object], server: str, proxy: str | None
) -> None:
    """Without a port of its own a name is left to DNS; the address that is registered names no transport."""
    text = _trunk(**more)
    registration, aor, endpoint = (
        _section(text, "amt", kind) for kind in ("registration", "aor", "endpoint")
    )
    assert (registration["server_uri"], aor["contact"]) == (server, server)
    assert [part.get("outbound_proxy") for part in (registration, aor, endpoint)] == [proxy] * 3
    assert registration["client_uri"] == "sip:0351@sip.example"


@pytest.mark.parametrize(
    ("more", "neighbour"),
    [
        ({}, "sip.example"),
        ({"proxy": "edge.example:5070"}, "edge.example"),
        ({"proxy": "192.0.2.9"}, "192.0.2.9"),
        ({"proxy": "edge.example", "registers": False}, "edge.example"),
        ({"proxy": "edge.example", "accept": ["192.0.2.0/24"]}, "192.0.2.0/24"),
        ({"proxy": "edge.example"}, None),
    ],
)
def test_a_trunks_calls_are_told_by_its_neighbour_unless_only_dns_knows_that(
    more: dict[str, object], neighbour: str | None
) -> None:
    """Asterisk logs an error for a name without an address, and would look it up once only."""
    text = _trunk(**more)
    matches = [line.removeprefix("match = ") for line in text.splitlines() if line.startswith("match")]
    assert matches == ([neighbour] if neighbour else [])


@pytest.mark.parametrize(("login", "shown"), [("", "0351"), ("551122", "551122")])
def test_the_password_belongs_to_the_login_where_that_is_not_the_number(login: str, shown: str) -> None:
    text = _trunk(account={"username": "0351", "auth_user": login})
    told = (_section(text, "amt", "auth")["username"], _section(text, "amt", "endpoint")["from_user"])
    assert told == (shown, "0351")


@pytest.mark.parametrize(
    ("ca_file", "shown"),
    [
        ("", "/etc/ssl/certs/ca-certificates.crt"),
        ("ca.pem", "/etc/asterisk/ca.pem"),
        ("/c/a.pem", "/c/a.pem"),
    ],
)
def test_who_answers_over_tls_is_checked_by_the_trunks_authorities(ca_file: str, shown: str) -> None:
    text = _trunk(transport="tls", ca_file=ca_file)
    assert _section(text, "classic-tls", "transport")["ca_list_file"] == shown


def test_two_authorities_for_tls_trunks_are_refused() -> None:
    trunk = {"kind": "pbx", "host": "192.0.2.10", "transport": "tls"}
    trunks = {"pbx": trunk, "amt": trunk | {"host": "192.0.2.11", "ca_file": "ca.pem"}}
    plan = Plan.model_validate({"lines": {"anlage": {"kind": "asterisk"}}, "trunks": trunks})
    with pytest.raises(RenderError, match="render-authorities"):
        render(plan, Site(), AsteriskSecrets("secret"), ROOT / "docker" / "asterisk")


def test_a_manager_for_a_reception_on_another_machine_is_open_to_it_over_tls_alone() -> None:
    line = {"kind": "asterisk", "host": "10.0.0.2", "tls": True, "reception": ["10.0.0.3"]}
    numbers = {"+4935112345600": {"flow": "praxis", "destination": "empfang"}}
    plan = Plan.model_validate({"lines": {"anlage": line}, "numbers": numbers})
    files = render(plan, Site(), AsteriskSecrets("secret"), ROOT / "docker" / "asterisk")
    told = [
        line
        for line in files["manager.conf"].splitlines()
        if line.startswith(("bind", "port", "tls", "permit"))
    ]
    assert told == [
        "bindaddr = 127.0.0.1",
        "port = 0",
        "tlsenable = yes",
        "tlsbindaddr = 0.0.0.0:5038",
        "tlscertfile = /etc/asterisk/manager.pem",
        "tlsprivatekey = /etc/asterisk/manager.key",
        "tlsdisablev1 = yes",
        "tlsdisablev11 = yes",
        "permit = 127.0.0.1/32",
        "permit = 10.0.0.3/32",
    ]

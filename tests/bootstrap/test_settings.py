"""The practice's files are read with every mistake named by place, or not at all."""

import shutil
from pathlib import Path

import pytest

from callflow.bootstrap.practice import link_rules
from callflow.language.problems import FlowErrors
from callflow.settings import Address, AddressError, Settings, address, load

SHIPPED = Path(__file__).parents[2] / "config"


def _load(config: Path, **changes: Address) -> Settings:
    addresses = {"sip": None, "http": Address(host="127.0.0.1", port=8080)} | changes
    return load(data=config / "data", config=config, prompts=config, **addresses)  # type: ignore[arg-type]


def _practice(folder: Path, *, old: str, new: str, file: str = "practice.yaml") -> Path:
    for name in ("practice.yaml", "lines.yaml"):
        text = (SHIPPED / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(old, new, 1) if name == file else text, encoding="utf-8")
    return folder


def _problems(folder: Path) -> list[tuple[str, int, int, str]]:
    with pytest.raises(FlowErrors) as refused:
        _load(folder)
    return [(Path(found.file).name, found.line, found.column, found.code) for found in refused.value.problems]


def test_the_shipped_example_is_read() -> None:
    settings = _load(SHIPPED)
    assert (list(settings.plan.numbers), str(settings.sip)) == (["+4935112345600"], "127.0.0.1:5060")


def test_an_address_from_the_command_line_goes_before_the_file() -> None:
    assert str(_load(SHIPPED, sip=Address(host="127.0.0.1", port=15060)).sip) == "127.0.0.1:15060"


def test_without_a_public_address_links_point_to_the_web_address() -> None:
    assert _load(SHIPPED).public_url == "http://127.0.0.1:8080"


def test_links_point_to_the_short_domain_of_their_own_where_there_is_one(tmp_path: Path) -> None:
    assert _load(SHIPPED).link_url == "http://127.0.0.1:8080"
    named = _load(_practice(tmp_path, old='link_url: ""', new="link_url: https://rz.example/"))
    assert (named.link_url, link_rules(named).url("t")) == ("https://rz.example", "https://rz.example/f/t")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('link_url: ""', "link_url: rz.example", ("practice.yaml", 60, 13, "value-wrong")),
        ('public_url: ""', "public_url: rz.example", ("practice.yaml", 59, 15, "value-wrong")),
        ("valid_hours: 72", "valid_hours: bald", ("practice.yaml", 48, 16, "value-wrong")),
        ("  name: Hausarzt", "  nam: Hausarzt", ("practice.yaml", 3, 1, "field-missing")),
        ("language: de  ", "language: fr  ", ("practice.yaml", 9, 11, "value-wrong")),
        ("countries: [DE]", "countries: &a [DE]", ("practice.yaml", 43, 14, "yaml-alias")),
        ("per_day: 400", "per_day: 0400", ("practice.yaml", 45, 12, "unquoted")),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(
    tmp_path: Path, old: str, new: str, found: tuple[str, int, int, str]
) -> None:
    assert _problems(_practice(tmp_path, old=old, new=new))[0] == found


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert _problems(tmp_path) == [("practice.yaml", 1, 1, "file-unreadable")]


def test_a_destination_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    folder = _practice(tmp_path, old="destination: empfang", new="destination: keller", file="lines.yaml")
    assert _problems(folder) == [
        ("lines.yaml", 10, 3, "plan-warning"),  # nobody rings the reception any more
        ("lines.yaml", 20, 18, "plan-fault"),
    ]


def test_passwords_that_are_not_saved_as_utf_8_are_told_as_such(tmp_path: Path) -> None:
    folder = _practice(tmp_path, old="", new="")
    (folder / ".env").write_bytes("RUFWEICHE_AMI_SECRET=süß\n".encode("latin-1"))
    assert _problems(folder) == [(".env", 1, 1, "file-encoding")]


def test_secrets_come_from_the_env_file_and_never_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUFWEICHE_TWILIO_AUTH_TOKEN", raising=False)
    folder = _practice(tmp_path, old="", new="")
    (folder / ".env").write_text("RUFWEICHE_TWILIO_AUTH_TOKEN=streng-geheim\n", encoding="utf-8")
    settings = _load(folder)
    assert settings.secrets.twilio_auth_token.get_secret_value() == "streng-geheim"
    assert "streng-geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:5060", "127.0.0.1", 5060), ("8080", "127.0.0.1", 8080), ("[::1]:80", "::1", 80)],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    assert address(text) == Address(host=host, port=port)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3.4:", "1.2.3.4:99999", "1.2.3.4:sip"])
def test_no_address_is_told_with_an_example(text: str) -> None:
    with pytest.raises(AddressError, match=r"127\.0\.0\.1:5060"):
        address(text)


@pytest.mark.parametrize(
    ("folder", "old", "found"),
    [
        ("forms", "form: rezept", ("practice.yaml", 16, 11, "form-unknown")),
        ("flows", "flow: praxis", ("lines.yaml", 18, 11, "flow-unknown")),
    ],
)
def test_a_form_or_flow_that_is_not_there_is_named_where_it_is_wanted(
    tmp_path: Path, folder: str, old: str, found: tuple[str, int, int, str]
) -> None:
    shutil.copytree(SHIPPED / folder, tmp_path / folder)
    assert _problems(_practice(tmp_path, old=old, new=f"{old}x", file=found[0])) == [found]


def test_an_unknown_key_deep_in_a_file_is_told_with_those_that_may_stand_there(tmp_path: Path) -> None:
    config = _practice(tmp_path, file="lines.yaml", old="    port: 5060", new="    prot: 5060")
    with pytest.raises(FlowErrors) as refused:
        _load(config)
    (problem,) = refused.value.problems
    assert (problem.line, problem.column, problem.hint("de")) == (7, 5, "→ „port“?")


@pytest.mark.parametrize(
    "secret", ["RUFWEICHE_SIP_PASSWORDS=anlage: geheim123", "RUFWEICHE_SMS_REPORT_SECRET=geheim123"]
)
def test_a_secret_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path, secret: str) -> None:
    config = _practice(tmp_path, old="", new="")
    (config / ".env").write_text(secret + "\n", encoding="utf-8")
    with pytest.raises(FlowErrors) as refused:
        _load(config)
    (problem,) = refused.value.problems
    told = problem.message("de") + problem.hint("de")
    assert (secret.partition("=")[0] in told, "geheim123" in told) == (True, False)

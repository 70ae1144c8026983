"""The number plan reaches the line process whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from callflow.bootstrap.faults import MENDABLE, words
from callflow.bootstrap.line import Announcements, PasswordMissingError, line_config
from callflow.bootstrap.places import Options, settings
from callflow.plan import Account as PlanAccount
from callflow.plan import EmbeddedLine, Plan
from callflow.settings import Address, Settings
from sip.line_config import LineConfig
from sip.signalling.phone_settings import Account, Peer

ACCOUNT = {"username": "620"}


def _house(tmp_path: Path, *trunks: str) -> Settings:
    plan = {
        "lines": {"telefon": {"kind": "embedded", "trunks": trunks}},
        "trunks": {
            "box": {"kind": "pbx", "host": "fritz.box", "registers": True, "account": ACCOUNT},
            "anlage": {"kind": "pbx", "host": "127.0.0.2", "port": 5070, "accept": ["127.0.0.0/29"]},
        },
        "destinations": {"empfang": {"number": "100", "via": "anlage"}},
        "numbers": {"+4935112345600": {"flow": "praxis", "destination": "empfang", "aliases": ["praxis"]}},
    }
    made = settings(Options(tmp_path))
    secrets = made.secrets.model_copy(update={"sip_passwords": {"box": SecretStr("geheim")}})
    return made.model_copy(update={"plan": Plan.model_validate(plan), "secrets": secrets})


def _config(house: Settings) -> LineConfig:
    line = house.plan.lines["telefon"]
    assert isinstance(line, EmbeddedLine)
    return line_config(house, "telefon", line, Announcements("a", "b"))


def test_a_registering_trunk_becomes_an_account_whose_server_dns_finds(tmp_path: Path) -> None:
    phone = _config(_house(tmp_path, "box")).phone
    assert phone.accounts == (
        Account(
            name="box", user="620", domain="fritz.box", password="geheim", registrar="fritz.box", channels=30
        ),
    )
    assert phone.peers == ()


def test_a_login_that_is_not_the_number_proves_the_password_at_accounts_and_peers(tmp_path: Path) -> None:
    made = _house(tmp_path, "box", "anlage")
    account = PlanAccount(username="620", auth_user="Empfang-1")
    trunks = {name: trunk.model_copy(update={"account": account}) for name, trunk in made.plan.trunks.items()}
    secrets = made.secrets.model_copy(update={"sip_passwords": dict.fromkeys(trunks, SecretStr("geheim"))})
    plan = made.plan.model_copy(update={"trunks": trunks})
    phone = _config(made.model_copy(update={"plan": plan, "secrets": secrets})).phone
    assert [(one.user, one.auth_user) for one in phone.accounts] == [("620", "Empfang-1")]
    assert [one.user for one in phone.peers] == ["Empfang-1"]


def test_a_missing_password_is_told_by_the_trunks_name_and_the_line_to_write(tmp_path: Path) -> None:
    house = _house(tmp_path, "box")
    without = house.secrets.model_copy(update={"sip_passwords": {}})
    with pytest.raises(PasswordMissingError) as fault:
        _config(house.model_copy(update={"secrets": without}))
    assert isinstance(fault.value, MENDABLE)
    assert words(fault.value).count('RUFWEICHE_SIP_PASSWORDS={"box": "..."}') == 2


def test_a_trunk_by_address_becomes_a_peer_with_its_own_port(tmp_path: Path) -> None:
    assert _config(_house(tmp_path, "anlage")).phone.peers == (
        Peer(name="anlage", networks=("127.0.0.0/29",), host="127.0.0.2:5070", channels=30),
    )


def test_without_trunks_this_machine_may_call(tmp_path: Path) -> None:
    assert [peer.name for peer in _config(_house(tmp_path)).phone.peers] == ["loopback"]


def test_a_number_is_known_however_a_trunk_writes_it(tmp_path: Path) -> None:
    config = _config(_house(tmp_path))
    written = ("+4935112345600", "4935112345600", "004935112345600", "035112345600", "praxis")
    known = [config.did(each) for each in written]
    assert [did.number if did else "" for did in known] == ["+4935112345600"] * 5


def test_a_destination_behind_a_trunk_keeps_its_trunk(tmp_path: Path) -> None:
    empfang = _config(_house(tmp_path)).destinations["empfang"]
    assert (empfang.uri, empfang.line, empfang.method) == ("100", "anlage", "bridge")


def test_each_line_of_our_own_is_a_process_with_an_address_and_trunks_of_its_own(tmp_path: Path) -> None:
    house = _house(tmp_path, "box")
    second = EmbeddedLine(host="127.0.0.2", port=5062, trunks=("anlage",))
    plan = house.plan.model_copy(update={"lines": {**house.plan.lines, "zweite": second}})
    house = house.model_copy(update={"plan": plan, "sip": Address(host="127.0.0.1", port=15060)})
    first, other = (
        line_config(house, name, plan.lines[name], Announcements("a", "b")) for name in plan.lines
    )
    listens = [
        (each.name, each.rtp_host, {(at.host, at.port) for at in each.phone.listen})
        for each in (first, other)
    ]
    assert listens == [
        ("telefon", "127.0.0.1", {("127.0.0.1", 15060)}),
        ("zweite", "127.0.0.2", {("127.0.0.2", 5062)}),
    ]
    assert [account.name for account in first.phone.accounts] == ["box"]
    assert [peer.name for peer in other.phone.peers] == ["anlage"]
    assert first.dids == other.dids


@pytest.mark.parametrize(
    ("host", "network", "domain"),
    [("fd00::1", "fd00::1/128", "[fd00::1]"), ("fe80::1%eth0", "fe80::1/128", "[fe80::1]")],
)
def test_a_trunk_at_an_ipv6_address_is_known_by_it_and_reached_there(
    tmp_path: Path, host: str, network: str, domain: str
) -> None:
    house = _house(tmp_path, "box", "anlage")
    at = {"host": host, "accept": (), "port": 5070}
    trunks = {name: trunk.model_copy(update=at) for name, trunk in house.plan.trunks.items()}
    plan = house.plan.model_copy(update={"trunks": trunks})
    phone = _config(house.model_copy(update={"plan": plan})).phone
    assert phone.peers == (Peer(name="anlage", networks=(network,), host=f"[{host}]:5070", channels=30),)
    assert [(one.domain, one.registrar) for one in phone.accounts] == [(domain, f"[{host}]:5070")]

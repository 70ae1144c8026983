"""Who may log in at the manager that we render, what they may do there, and what they are answered."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from structlog.typing import EventDict

from callflow.store import Store
from sip.ami import Access, Manager, ManagerRefusedError, Message
from sip.asterisk import AsteriskLine
from sip.asterisk_expectations import Expectations
from sip.signalling.certificates import client_context
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, connected, desk, running, sessions
from tests.support.asterisk_pbx import calm
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.simple_phone import Phone


async def test_a_wrong_secret_is_refused_and_never_shown(switch: Asterisk, ports: practice.Ports) -> None:
    wrong = Access("127.0.0.1", ports.manager, "rufweiche", "wrong-secret")
    down, up, shown = await refused(wrong)
    assert (down["error"], up) == ("ManagerRefusedError", False)
    assert "wrong-secret" not in f"{shown} {wrong}"
    assert switch.daemon.process.poll() is None


async def refused(access: Access) -> tuple[EventDict, bool, list[EventDict]]:
    """Try to log in; return how it failed, whether we count as logged in, and all that was logged."""
    with structlog.testing.capture_logs() as logged:
        manager = Manager(access, lambda _: None, chance=lambda: 1.0)
        async with running(manager):
            return await said(logged, "ami.down"), manager.up.is_set(), logged


async def test_the_managers_class_allows_no_console_command(switch: Asterisk, ports: practice.Ports) -> None:
    async with connected(ports.manager) as manager:
        for action, keys in (
            ("Command", {"Command": "core show version"}),
            ("GetConfig", {"Filename": "manager.conf"}),
        ):
            with pytest.raises(ManagerRefusedError, match="Permission denied"):
                await manager.action(action, keys)
    assert switch.daemon.process.poll() is None


OWN = """[general]
enabled = yes
bindaddr = 127.0.0.1
port = {port}
[rufweiche]
secret = {secret}
read = call,agi,dtmf
write = call,agi
"""


async def test_a_manager_conf_of_the_houses_own_is_told_what_it_lacks(
    ports: practice.Ports, store: Store, patient: Phone
) -> None:
    own = practice.Ports(provider=ports.provider)
    text = OWN.format(port=own.manager, secret=practice.SECRET)
    asterisk = await asyncio.to_thread(practice.switch, practice.plan(own), {"manager.conf": text})
    coder = Coder()
    shared = desk(asterisk, practice.plan(own), sessions(store, coder), coder, {})
    try:
        with structlog.testing.capture_logs() as logged:
            async with running(AsteriskLine("anlage", practice.access(own), shared)):
                rights = await said(logged, "manager.conf lacks rights")
                talk = await patient.call(practice.NUMBER, practice.OURS, own.sip)
                wanted = await said(logged, "manager.conf lacks a line")
                talk.hang_up()
    finally:
        await asyncio.to_thread(asterisk.stop)
    assert (rights["write"], wanted["line"]) == ("originate,reporting", "channelvars = RTPAUDIOQOS")


DEAF = """[general]
enabled = yes
bindaddr = 127.0.0.1
port = {port}
channelvars = RTPAUDIOQOS
[all]
secret = {secret}
read = call,agi,dtmf
write = call,agi,originate,reporting
[keys](all)
read = dtmf
[calls](all)
read = call
[agi](all)
read = agi
[nothing](all)
read =
[silent](all)
read = call
write = call,agi,reporting
"""


async def test_a_manager_conf_of_the_houses_own_is_told_what_it_cannot_hear() -> None:
    """Who may not call finds nothing out; that right is missed by name."""
    own = practice.Ports()
    text = DEAF.format(port=own.manager, secret=practice.SECRET).replace("read =\n", "read = none\n")
    asterisk = await asyncio.to_thread(practice.switch, practice.plan(own), {"manager.conf": text})
    users = ("all", "keys", "calls", "agi", "nothing", "silent")
    try:
        with structlog.testing.capture_logs() as logged:
            found = await asyncio.gather(
                *(lacking(replace(practice.access(own), username=user)) for user in users)
            )
    finally:
        await asyncio.to_thread(asterisk.stop)
    wanted = [(), ("agi", "call"), ("agi", "dtmf"), ("call", "dtmf"), ("agi", "call", "dtmf"), ()]
    assert dict(zip(users, found, strict=True)) == dict(zip(users, wanted, strict=True))
    told = [entry["read"] for entry in logged if entry["event"] == "manager.conf lacks rights"]
    assert sorted(told) == sorted(",".join(rights) for rights in wanted if rights)


async def lacking(access: Access) -> tuple[str, ...]:
    """Log in, and return which rights to hear of something are missed."""
    expected = Expectations()
    manager = Manager(access, expected.heard)
    async with running(manager), asyncio.timeout(60):
        await manager.up.wait()
        return await expected.listen(manager)


async def said(logged: list[EventDict], event: str) -> EventDict:
    """Wait until something is logged; nobody tells when."""
    async with asyncio.timeout(30):
        while not (found := [entry for entry in logged if entry["event"] == event]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found[0]


async def test_the_manager_conf_that_we_render_lacks_nothing(
    switch: Asterisk, ports: practice.Ports, patient: Phone
) -> None:
    expected, seen = Expectations(), asyncio.Event()

    def heard(event: Message) -> None:
        expected.heard(event)
        if event.event == "Newchannel":
            seen.set()

    with structlog.testing.capture_logs() as logged:
        async with connected(ports.manager, heard) as manager, asyncio.timeout(30):
            await expected.look(manager)
            assert await expected.listen(manager) == ()
            talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip)
            await seen.wait()
            talk.hang_up()
    assert [entry["event"] for entry in logged] == ["ami.up"]
    assert switch.daemon.process.poll() is None


async def test_the_manager_speaks_tls_with_a_checked_certificate(tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.pair("localhost", "127.0.0.1")
    ports = practice.Ports(manager=free_port())
    plan = practice.plan(ports)
    line = plan.lines["anlage"].model_copy(update={"tls": True})
    plan = plan.model_copy(update={"lines": {"anlage": line}})
    asterisk = practice.switch(plan, {"manager.pem": pair.certificate, "manager.key": pair.key})
    try:
        (tmp_path / "ca.pem").write_text(authority.certificate)
        tls = client_context(str(tmp_path / "ca.pem"))
        known = Access("127.0.0.1", ports.manager, "rufweiche", practice.SECRET, tls)
        manager = Manager(known, lambda _: None)
        async with running(manager):
            await asyncio.wait_for(manager.up.wait(), 30)
            values = {f"V{n}": str(n) * 400 for n in range(20)}
            await asyncio.gather(
                *(manager.action("Setvar", {"Variable": k, "Value": v}) for k, v in values.items())
            )
            got = await asyncio.gather(*(manager.action("Getvar", {"Variable": k}) for k in values))
            assert [answer.get("Value") for answer in got] == list(values.values())
        down, up, _ = await refused(replace(known, tls=ssl.create_default_context()))
        assert (down["error"], up) == ("SSLCertVerificationError", False)
    finally:
        asterisk.stop()


async def test_a_listing_gives_its_events_and_nothing_else(switch: Asterisk, ports: practice.Ports) -> None:
    await calm()
    switch.cli("database put list a 1")
    switch.cli("database put list b 2")
    async with connected(ports.manager) as manager:
        rows = await manager.listing("DBGetTree", {"Family": "list"})
        assert [(row.get("Key"), row.get("Val")) for row in rows] == [("/list/a", "1"), ("/list/b", "2")]
        assert await manager.listing("CoreShowChannels") == ()
        assert await manager.listing("DBGetTree", {"Family": "none-such"}) == ()
        with pytest.raises(ManagerRefusedError):
            await manager.listing("PJSIPShowContacts")
    assert switch.daemon.process.poll() is None

"""Who may log in at the manager that we render, what they may do there, and what they are answered."""

from __future__ import annotations

import asyncio
import ssl
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
from tests.support.asterisk_house import Coder, connected, desk, sessions
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.simple_phone import Phone


async def test_a_wrong_secret_is_refused_and_never_shown(switch: Asterisk, ports: practice.Ports) -> None:
    wrong = Access("127.0.0.1", ports.manager, "rufweiche", "wrong-secret")
    with structlog.testing.capture_logs() as logged:
        manager = Manager(wrong, lambda _: None, chance=lambda: 1.0)
        running = asyncio.create_task(manager.run())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(manager.up.wait(), 1.5)  # Asterisk answers a wrong secret after a second
        running.cancel()
    assert {entry["error"] for entry in logged} == {"ManagerRefusedError"}
    assert "wrong-secret" not in f"{logged} {wrong}"
    assert switch.daemon.process.poll() is None


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
            line = AsteriskLine("anlage", practice.access(own), shared)
            running = asyncio.create_task(line.run())
            rights = await said(logged, "manager.conf lacks rights")
            talk = await patient.call(practice.NUMBER, practice.OURS, own.sip)
            wanted = await said(logged, "manager.conf lacks a line")
            talk.hang_up()
            running.cancel()
            await asyncio.wait([running])
    finally:
        await asyncio.to_thread(asterisk.stop)
    assert (rights["write"], wanted["line"]) == ("originate,reporting", "channelvars = RTPAUDIOQOS")


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
        if event.event == "Newchannel":
            expected.heard(event)
            seen.set()

    with structlog.testing.capture_logs() as logged:
        async with connected(ports.manager, heard) as manager, asyncio.timeout(30):
            await expected.look(manager)
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
        manager = Manager(
            Access("127.0.0.1", ports.manager, "rufweiche", practice.SECRET, tls), lambda _: None
        )
        running = asyncio.create_task(manager.run())
        await asyncio.wait_for(manager.up.wait(), 5)
        values = {f"V{n}": str(n) * 400 for n in range(20)}
        await asyncio.gather(
            *(manager.action("Setvar", {"Variable": k, "Value": v}) for k, v in values.items())
        )
        got = await asyncio.gather(*(manager.action("Getvar", {"Variable": k}) for k in values))
        assert [answer.get("Value") for answer in got] == list(values.values())
        running.cancel()
        stranger = Access(
            "127.0.0.1", ports.manager, "rufweiche", practice.SECRET, ssl.create_default_context()
        )
        distrustful = Manager(stranger, lambda _: None)
        running = asyncio.create_task(distrustful.run())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(distrustful.up.wait(), 0.5)
        running.cancel()
    finally:
        asterisk.stop()


async def test_a_listing_gives_its_events_and_nothing_else(switch: Asterisk, ports: practice.Ports) -> None:
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

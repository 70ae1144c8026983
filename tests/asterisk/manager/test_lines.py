"""No text can forge a line of the protocol: each fault on the bare package, then its absence with ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from asterisk.ami import AMIClient, SimpleAction
from hypothesis import given
from hypothesis import strategies as st

from sip.ami import Message, UnsafeValueError, parse, safe
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import connected
from tests.support.scripted_manager import BARE, Bare, Scripted, wait_until

INJECTED = "x\r\n\r\nAction: Setvar\r\nVariable: FORGED\r\nValue: 1"


@BARE
def test_a_value_with_line_breaks_runs_a_second_action_through_the_bare_package(
    switch: Asterisk, ports: practice.Ports, bare: Bare
) -> None:
    client = bare(ports.manager)
    client.send_action(SimpleAction("Setvar", Variable="PLAIN", Value=INJECTED))
    assert wait_until(lambda: "FORGED=1" in switch.cli("dialplan show globals"))
    switch.cli("dialplan set global FORGED 0")


async def test_ours_refuses_a_value_with_line_breaks_and_sends_nothing(
    switch: Asterisk, ports: practice.Ports
) -> None:
    async with connected(ports.manager) as manager:
        for text in (INJECTED, "a\nb", "a\rb", "a\u2028b", "a\x85b", "a\0b"):
            with pytest.raises(UnsafeValueError):
                await manager.action("Setvar", {"Variable": "PLAIN", "Value": text})
            with pytest.raises(UnsafeValueError):
                await manager.action("Originate", {}, {"NAME": text})
        with pytest.raises(UnsafeValueError):
            await manager.action("DBPut", {"Family: x\r\nKey": "k"})
        await manager.action("Ping")
    assert "FORGED=1" not in switch.cli("dialplan show globals")


async def test_a_comma_cannot_bring_a_second_variable(scripted: Scripted) -> None:
    async with connected(scripted.port) as manager:
        with pytest.raises(UnsafeValueError):
            await manager.action("Originate", {}, {"NAME": "a,EVIL=b"})
    assert b"EVIL" not in scripted.heard


FORGED = "\u2028CallerIDNum: 112\u2028"


@contextlib.contextmanager
def inviting(ports: practice.Ports, name: str) -> Iterator[None]:
    """Send one INVITE whose display name is `name`, and give up on it in the end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((practice.PROVIDER, 0))
        own = f"{practice.PROVIDER}:{peer.getsockname()[1]}"
        head = (
            f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{time.monotonic_ns()};rport\r\n"
            f'From: "{name}" <sip:+4917112@{own}>;tag=1\r\n'
            f"To: <sip:{practice.NUMBER}@127.0.0.1>\r\nCall-ID: forge{time.monotonic_ns()}\r\n"
            f"Contact: <sip:{own}>\r\nMax-Forwards: 9\r\n"
        )
        sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\n"
        sdp += "m=audio 9000 RTP/AVP 8\r\n"
        start = f"{practice.NUMBER}@127.0.0.1:{ports.sip} SIP/2.0\r\n{head}"
        peer.sendto(
            f"INVITE sip:{start}CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(sdp)}\r\n\r\n{sdp}".encode(),
            ("127.0.0.1", ports.sip),
        )
        yield
        peer.sendto(f"CANCEL sip:{start}CSeq: 1 CANCEL\r\n\r\n".encode(), ("127.0.0.1", ports.sip))


@BARE
def test_a_display_name_forges_a_key_through_the_bare_package(
    switch: Asterisk, ports: practice.Ports, bare: Bare
) -> None:
    client = bare(ports.manager)
    seen: list[str] = []
    client.add_event_listener(
        lambda event, **_: seen.append(event.keys["CallerIDNum"]), white_list="Newchannel"
    )
    with inviting(ports, FORGED):
        assert wait_until(lambda: "112" in seen), switch.log()


async def test_a_display_name_stays_a_name_with_ours(switch: Asterisk, ports: practice.Ports) -> None:
    seen: asyncio.Queue[Message] = asyncio.Queue()
    async with connected(ports.manager, lambda e: seen.put_nowait(e) if e.event == "AsyncAGIStart" else None):
        with inviting(ports, FORGED):
            event = await asyncio.wait_for(seen.get(), 20)
    assert event.all("CallerIDNum") == ("+4917112",)
    assert "\u2028" in event.get("CallerIDName")
    assert switch.daemon.process.poll() is None


@BARE
def test_of_repeated_keys_the_bare_package_keeps_the_last(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port)
    seen: list[dict[str, str]] = []
    client.add_event_listener(lambda event, **_: seen.append(event.keys))
    scripted.say("Event: Any\r\nKey: first\r\nKey: second\r\n\r\n")
    assert wait_until(lambda: bool(seen))
    assert seen == [{"Key": "second"}]


async def test_of_repeated_keys_ours_keeps_all_and_trusts_the_first(scripted: Scripted) -> None:
    seen: asyncio.Queue[Message] = asyncio.Queue()
    async with connected(scripted.port, seen.put_nowait):
        scripted.say("Event: Any\r\nKey: first\r\nKey: second\r\n\r\n")
        event = await asyncio.wait_for(seen.get(), 20)
    assert (event.get("Key"), event.all("Key")) == ("first", ("first", "second"))


class HalfSocket:
    """A socket whose kernel takes ten bytes at a time, as a full send buffer does."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real

    def send(self, data: bytes) -> int:
        return self._real.send(bytes(data[:10]))

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@BARE
def test_the_bare_package_sends_half_an_action_when_the_buffer_is_full(
    scripted: Scripted, bare: Bare
) -> None:
    client = bare(scripted.port, 0.3)
    client._socket = HalfSocket(client._socket)  # noqa: SLF001
    before = len(scripted.heard)
    assert client.send_action(SimpleAction("Ping")).response is None
    assert bytes(scripted.heard[before:]) == b"Action: Pi"


class TwoAtOnce:
    """A socket that stays inside of a send until a second thread is inside too, or a while has gone by."""

    def __init__(self, real: socket.socket, seconds: float) -> None:
        self._real = real
        self._seconds = seconds
        self._both = threading.Barrier(2)
        self.met = False

    def send(self, data: bytes) -> int:
        with contextlib.suppress(threading.BrokenBarrierError):
            self._both.wait(self._seconds)
            self.met = True
        return self._real.send(data)

    def sendall(self, data: bytes) -> None:
        self.send(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def both_send(client: AMIClient) -> None:
    """Send an action from each of two threads."""
    senders = [threading.Thread(target=client.send, args=(SimpleAction("Ping"),)) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)


@BARE
def test_two_threads_may_send_at_once_through_the_bare_package(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port)
    client._socket = gate = TwoAtOnce(client._socket, 20)  # noqa: SLF001
    both_send(client)
    assert gate.met


async def test_only_one_thread_at_a_time_sends_through_ours(scripted: Scripted) -> None:
    async with connected(scripted.port) as manager:
        wire = manager._wire  # noqa: SLF001  # nobody but a second thread could show it
        assert wire is not None
        wire._socket = gate = TwoAtOnce(wire._socket, 0.2)  # noqa: SLF001
        await asyncio.to_thread(both_send, wire)
        assert not gate.met


async def test_ours_sends_whole_actions_from_many_tasks_at_once(scripted: Scripted) -> None:
    async with connected(scripted.port) as manager:
        values = [str(n) * 20_000 for n in range(10)]
        await asyncio.gather(*(manager.action("DBPut", {"Val": value}) for value in values))
    packets = [parse(packet.decode()) for packet in bytes(scripted.heard).split(b"\r\n\r\n")]
    assert [p.get("Val") for p in packets if p.get("Action") == "DBPut"] == values


@given(st.text())
def test_a_packet_of_any_text_is_read_without_fault(text: str) -> None:
    assert all(key and "\r\n" not in value for key, value in parse(text).pairs)


@given(st.text())
def test_what_passes_as_safe_stays_one_line_everywhere(text: str) -> None:
    try:
        assert len((safe(text) + "x").splitlines()) == 1
    except UnsafeValueError:
        assert any(sign < " " or sign in "\x7f\x85\u2028\u2029" for sign in text)

"""The hardened manager client: each fault is shown on the bare package, then its absence with ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import structlog
from asterisk.ami import AMIClient, AutoReconnect, SimpleAction
from hypothesis import given
from hypothesis import strategies as st

from sip.ami import (
    Access,
    Manager,
    ManagerDownError,
    ManagerRefusedError,
    Message,
    UnsafeValueError,
    parse,
    safe,
)
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk, free_port
from tests.support.asterisk_house import connected
from tests.support.certificates import Authority

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BARE = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)


class Scripted:
    """A manager that says what a test tells it to, for packets a real Asterisk sends only now and then."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.heard = bytearray()
        self.peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._server.accept()
                self.peers.append(peer)
                peer.sendall(GREETING)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := peer.recv(65_536):
                self.heard += data
                *packets, rest = (rest + data).split(b"\r\n\r\n")
                for packet in packets:
                    self._answer(peer, parse(packet.decode()))

    def _answer(self, peer: socket.socket, action: Message) -> None:
        number = action.get("ActionID")
        peer.sendall(f"Response: Success\r\nActionID: {number}\r\nMessage: ok\r\n\r\n".encode())

    def say(self, text: str) -> None:
        self.peers[-1].sendall(text.encode())

    def drop(self) -> None:
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        self.peers.clear()

    def close(self) -> None:
        self._server.close()
        self.drop()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    peer = Scripted()
    yield peer
    peer.close()


Bare = Callable[..., AMIClient]


@pytest.fixture
def bare() -> Iterator[Bare]:
    """Log the bare package in and, in the end, close what it leaves open."""
    clients: list[AMIClient] = []

    def login(port: int, **options: object) -> AMIClient:
        client = AMIClient(address="127.0.0.1", port=port, **options)
        clients.append(client)
        assert client.login(username="rufweiche", secret=practice.SECRET).response is not None
        return client

    yield login
    for client in clients:
        client.finished.set()
        with contextlib.suppress(OSError):
            client._socket.shutdown(socket.SHUT_RDWR)  # noqa: SLF001  # the package offers no way to end its thread
        client._thread.join(2)  # noqa: SLF001
        client._socket.close()  # noqa: SLF001


def wait_until(true: Callable[[], bool], seconds: float = 5) -> bool:
    """Poll what another thread changes; gives no event to wait for."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@BARE
def test_the_bare_package_dies_of_a_quiet_connection(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port, timeout=0.2)
    client._thread.join(2)  # noqa: SLF001  # the fault is the thread's death
    assert not client._thread.is_alive()  # noqa: SLF001
    assert not client.finished.is_set()  # and it does not even know


async def test_ours_lives_through_a_quiet_connection(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sip.ami.ANSWER_SECONDS", 0.2)
    heard = asyncio.Event()
    async with connected(scripted.port, lambda _: heard.set()) as manager:
        await asyncio.sleep(0.5)  # the quiet itself is what is tested
        assert manager.up.is_set()
        scripted.say("Event: Ping\r\n\r\n")
        await asyncio.wait_for(heard.wait(), 2)
        assert len(scripted.peers) == 1


@BARE
def test_a_fault_in_a_listener_ends_the_bare_package(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port, timeout=None)
    client.add_event_listener(lambda **_: 1 / 0)
    scripted.say("Event: Any\r\n\r\n")
    client._thread.join(2)  # noqa: SLF001
    assert not client._thread.is_alive()  # noqa: SLF001


async def test_a_fault_in_a_listener_leaves_ours_running(scripted: Scripted) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listener(event: Message) -> None:
        heard.put_nowait(event.event)
        raise ZeroDivisionError

    async with connected(scripted.port, listener) as manager:
        scripted.say("Event: One\r\n\r\nEvent: Two\r\n\r\n")
        assert [await heard.get(), await heard.get()] == ["One", "Two"]
        assert (await manager.action("Ping")).get("Response") == "Success"


@BARE
def test_waiting_for_an_answer_in_a_listener_deadlocks_the_bare_package(
    scripted: Scripted, bare: Bare
) -> None:
    client = bare(scripted.port, timeout=1)
    answers: list[object] = []
    client.add_event_listener(lambda **_: answers.append(client.send_action(SimpleAction("Ping")).response))
    scripted.say("Event: Any\r\n\r\n")
    assert wait_until(lambda: bool(answers))
    assert answers == [None]  # the reader waited for itself until the timeout


async def test_ours_may_ask_from_a_listener(scripted: Scripted) -> None:
    answers: asyncio.Queue[str] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []

    async with connected(scripted.port, lambda _: tasks.append(asyncio.create_task(ask()))) as manager:

        async def ask() -> None:
            answers.put_nowait((await manager.action("Ping")).get("Response"))

        scripted.say("Event: Any\r\n\r\n")
        assert await asyncio.wait_for(answers.get(), 2) == "Success"


INJECTED = "x\r\n\r\nAction: Setvar\r\nVariable: FORGED\r\nValue: 1"


@BARE
def test_a_value_with_line_breaks_runs_a_second_action_through_the_bare_package(
    switch: Asterisk, ports: practice.Ports, bare: Bare
) -> None:
    client = bare(ports.manager, timeout=None)
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
    client = bare(ports.manager, timeout=None)
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
            event = await asyncio.wait_for(seen.get(), 5)
    assert event.all("CallerIDNum") == ("+4917112",)
    assert "\u2028" in event.get("CallerIDName")
    assert switch.daemon.process.poll() is None


@BARE
def test_of_repeated_keys_the_bare_package_keeps_the_last(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port, timeout=None)
    seen: list[dict[str, str]] = []
    client.add_event_listener(lambda event, **_: seen.append(event.keys))
    scripted.say("Event: Any\r\nKey: first\r\nKey: second\r\n\r\n")
    assert wait_until(lambda: bool(seen))
    assert seen == [{"Key": "second"}]


async def test_of_repeated_keys_ours_keeps_all_and_trusts_the_first(scripted: Scripted) -> None:
    seen: asyncio.Queue[Message] = asyncio.Queue()
    async with connected(scripted.port, seen.put_nowait):
        scripted.say("Event: Any\r\nKey: first\r\nKey: second\r\n\r\n")
        event = await asyncio.wait_for(seen.get(), 2)
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
    client = bare(scripted.port, timeout=0.3)
    client._socket = HalfSocket(client._socket)  # noqa: SLF001
    before = len(scripted.heard)
    assert client.send_action(SimpleAction("Ping")).response is None
    assert bytes(scripted.heard[before:]) == b"Action: Pi"


async def test_ours_sends_whole_actions_from_many_tasks_at_once(scripted: Scripted) -> None:
    async with connected(scripted.port) as manager:
        values = [str(n) * 20_000 for n in range(10)]
        await asyncio.gather(*(manager.action("DBPut", {"Val": value}) for value in values))
    packets = [parse(packet.decode()) for packet in bytes(scripted.heard).split(b"\r\n\r\n")]
    assert [p.get("Val") for p in packets if p.get("Action") == "DBPut"] == values


@BARE
def test_the_bare_packages_reconnect_stays_down_after_a_fault(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port, timeout=0.3)
    again = AutoReconnect(client, delay=0.05)
    assert client.login(username="u", secret="s").response is not None
    client.add_event_listener(lambda **_: 1 / 0)
    scripted.say("Event: Any\r\n\r\n")
    client._thread.join(2)  # noqa: SLF001
    assert not wait_until(lambda: len(scripted.peers) > 1, 1.0)  # it never opens a second connection
    again.finished.set()
    again.join(2)


async def test_ours_comes_back_after_a_broken_connection_and_says_so(scripted: Scripted) -> None:
    ups: asyncio.Queue[str] = asyncio.Queue()

    async def up() -> None:
        ups.put_nowait("up")

    async with connected(
        scripted.port, on_up=up, on_down=lambda: ups.put_nowait("down"), chance=lambda: 0.0
    ) as manager:
        assert await ups.get() == "up"
        for _ in range(3):
            waiting = asyncio.create_task(manager.action("Ping"))
            scripted.drop()
            with contextlib.suppress(ManagerDownError):
                await waiting
            assert [await asyncio.wait_for(ups.get(), 5) for _ in range(2)] == ["down", "up"]


async def test_ours_comes_back_after_asterisk_was_killed() -> None:
    ports = practice.Ports()
    asterisk = practice.switch(practice.plan(ports))
    try:
        async with connected(ports.manager, chance=lambda: 0.0) as manager:
            await asyncio.to_thread(asterisk.restart)
            while True:
                await asyncio.wait_for(manager.up.wait(), 10)
                with contextlib.suppress(ManagerDownError):
                    assert (await manager.action("Ping")).get("Ping") == "Pong"
                    break
    finally:
        asterisk.stop()


async def test_a_lost_answer_ends_in_time(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(scripted.port) as manager:
        monkeypatch.setattr(scripted, "_answer", lambda *_: None)
        with pytest.raises(ManagerDownError, match="no answer"):
            await manager.action("Ping", seconds=0.1)


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


async def test_the_manager_speaks_tls_with_a_checked_certificate() -> None:
    authority = Authority()
    pair = authority.pair("localhost", "127.0.0.1")
    ports = practice.Ports(manager=free_port(kind=socket.SOCK_STREAM))
    plan = practice.plan(ports)
    line = plan.lines["anlage"].model_copy(update={"tls": True})
    plan = plan.model_copy(update={"lines": {"anlage": line}})
    asterisk = practice.switch(plan, {"manager.pem": pair.certificate, "manager.key": pair.key})
    try:
        tls = ssl.create_default_context(cadata=authority.certificate)
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


@given(st.text())
def test_a_packet_of_any_text_is_read_without_fault(text: str) -> None:
    assert all(key and "\r\n" not in value for key, value in parse(text).pairs)


@given(st.text())
def test_what_passes_as_safe_stays_one_line_everywhere(text: str) -> None:
    try:
        assert len((safe(text) + "x").splitlines()) == 1
    except UnsafeValueError:
        assert any(sign < " " or sign in "\x7f\x85\u2028\u2029" for sign in text)

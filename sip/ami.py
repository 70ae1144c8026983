"""Asterisk's manager interface over asterisk-ami 0.1.7, hardened and usable from asyncio.

The package gives the actions' text form, the reader thread and the framing; `_Wire` replaces what cannot be
left to it (each point has a test that shows the bare package's fault):

* its `timeout` is also the receive timeout, so a quiet connection dies: ours waits without limit for data,
  pings, and limits the wait for each answer;
* an exception in a listener ends the reader thread, and waiting for an answer inside one deadlocks: nothing
  of ours runs in that thread, every packet is handed to the event loop;
* `send` may send half an action and has no lock: ours sends all of it under one;
* values are not checked for line breaks, so a value can carry a second action: ours refuses them;
* lines are split wherever Unicode breaks one, so a display name can forge keys: ours splits at CR LF only;
* of repeated keys the last wins: ours keeps all, and `get` gives the first;
* after a fault the automatic reconnect may stay down: `Manager.run` reconnects until it is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog
from asterisk.ami import Action, AMIClient

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 5.0
PING_SECONDS = 5.0
SEND_SECONDS = 2  # an Asterisk that takes nothing for so long is gone; the event loop waits meanwhile
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class ManagerError(Exception):
    """Something that was asked of Asterisk did not happen."""


class ManagerDownError(ManagerError):
    """There is no connection, or it broke before the answer came."""


class ManagerRefusedError(ManagerError):
    """Asterisk answered with an error."""


class UnsafeValueError(ValueError):
    """A key or value holds a character that would end its line."""


@dataclass(frozen=True, slots=True)
class Message:
    """A packet: a response or an event; `pairs` keeps order and repetition of its lines."""

    pairs: tuple[tuple[str, str], ...]

    @property
    def event(self) -> str:
        """The event's name, "" for a response."""
        return self.get("Event")

    def get(self, key: str, default: str = "") -> str:
        """Return the first value of `key`."""
        return next((value for name, value in self.pairs if name == key), default)

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of `key`, in order."""
        return tuple(value for name, value in self.pairs if name == key)


def parse(packet: str) -> Message:
    """Read a packet; only CR LF ends a line, and a line without a key is dropped."""
    pairs = []
    for line in packet.split("\r\n"):
        key, colon, value = line.partition(":")
        if colon and _KEY.fullmatch(key):
            pairs.append((key, value.removeprefix(" ")))
    return Message(tuple(pairs))


def safe(text: str) -> str:
    """Return `text` if it fits on one line of the protocol.

    Raises:
        UnsafeValueError: it holds a control character or a line break of any alphabet.
    """
    if _BREAKS.search(text):
        raise UnsafeValueError("a manager value holds a line break or control character")
    return text


@dataclass(frozen=True, slots=True)
class Access:
    """How to log in.

    Args:
        host: name or address of the manager interface.
        port: its TCP port.
        username: manager user of the rendered manager.conf.
        secret: its password; never shown or logged.
        tls: client context, None for a plain connection on this machine.
    """

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None


class _TlsSocket:
    """A TLS socket that one thread reads while another writes.

    OpenSSL allows one thread at a time in a connection, so a reader must not wait inside it: every call is
    non-blocking under one lock, and waiting happens outside.
    """

    def __init__(self, plain: ssl.SSLSocket) -> None:
        plain.settimeout(0.0)
        self._tls = plain
        self._inside = threading.Lock()

    def recv(self, size: int) -> bytes:
        """Return what has arrived, waiting for it."""
        while True:
            try:
                with self._inside:
                    return self._tls.recv(size)
            except ssl.SSLWantReadError:
                select.select([self._tls], [], [])
            except ssl.SSLWantWriteError:
                select.select([], [self._tls], [], SEND_SECONDS)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            TimeoutError: the peer takes nothing.
        """
        rest = memoryview(data)
        while rest:
            try:
                with self._inside:
                    rest = rest[self._tls.send(rest) :]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if not select.select([], [self._tls], [], SEND_SECONDS)[1]:
                    raise TimeoutError("the manager takes no more") from None

    def shutdown(self, how: int) -> None:
        """Wake the reader for good."""
        self._tls.shutdown(how)

    def close(self) -> None:
        """Close the connection."""
        self._tls.close()


class _Wire(AMIClient):  # type: ignore[misc]  # the package ships no types
    """One connection: the package's reader thread, everything it reads handed to the event loop."""

    def __init__(self, access: Access, heard: Callable[[Message], None], closed: Callable[[], None]) -> None:
        super().__init__(address=access.host, port=access.port, timeout=None, buffer_size=65_536)
        self._access = access
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._closed = closed
        self._sending = threading.Lock()

    def connect(self) -> None:
        """Open the connection (IPv4, IPv6 or TLS) and start reading.

        Raises:
            OSError: nobody listens, or TLS fails.
        """
        plain = socket.create_connection((self._access.host, self._access.port), ANSWER_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._ready(plain)
        except OSError:
            plain.close()
            raise
        self.finished = threading.Event()
        self._thread = threading.Thread(target=self.listen, name="ami", daemon=True)
        self._thread.start()

    def _ready(self, plain: socket.socket) -> socket.socket | _TlsSocket:
        if self._access.tls is not None:
            return _TlsSocket(self._access.tls.wrap_socket(plain, server_hostname=self._access.host))
        plain.settimeout(None)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        return plain

    def listen(self) -> None:
        """Read until the connection ends, however it ends, and tell the loop so."""
        with contextlib.suppress(Exception):
            super().listen()
        self.finished.set()
        with contextlib.suppress(OSError):
            self._socket.close()
        self._tell(self._closed)

    def fire_recv_pack(self, pack: str) -> None:
        """Hand a packet to the loop; nothing else happens in this thread."""
        self._tell(self._heard, parse(pack))

    def send(self, pack: Action) -> None:
        """Send the whole action while no other thread sends."""
        with self._sending:
            self._socket.sendall((str(pack) + "\r\n").encode())

    def hang_up(self) -> None:
        """Close from our side; the reader ends by itself."""
        self.finished.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _tell(self, what: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
            self._loop.call_soon_threadsafe(what, *args)


def backoff(tries: int, chance: float) -> float:
    """Return seconds before try `tries` (0 first): 0.1 doubling to 10, spread by `chance` (0..1)."""
    return min(10.0, 0.1 * 2.0 ** min(tries, 10)) * (0.75 + chance / 2)


class Manager:
    """A connection to Asterisk's manager interface that stays.

    Args:
        access: where and as whom to log in.
        on_event: called in the event loop for every event; its faults are logged and harm nothing.
        on_up: awaited after each login.
        on_down: called when a connection that was up is lost.
        chance: gives numbers in 0..1 that spread reconnects.
    """

    def __init__(
        self,
        access: Access,
        on_event: Callable[[Message], None],
        *,
        on_up: Callable[[], Awaitable[None]] | None = None,
        on_down: Callable[[], None] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._access = access
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._chance = chance
        self._wire: _Wire | None = None
        self._lost = asyncio.Event()
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._lists: dict[str, list[Message]] = {}
        self._aside: set[asyncio.Future[None]] = set()
        self.up = asyncio.Event()

    async def run(self) -> None:
        """Connect, log in, keep alive and connect again, until cancelled."""
        tries = 0
        while True:
            try:
                await self._open()
                tries = 0
                await self._keep()
            except (OSError, ManagerError) as error:
                log.warning("ami.down", error=type(error).__name__, tries=tries)
            finally:
                self._close()
            await asyncio.sleep(backoff(tries, self._chance()))
            tries += 1

    async def _open(self) -> None:
        self._lost.clear()
        wire = _Wire(self._access, self._hear, self._lost.set)
        await asyncio.to_thread(wire.connect)
        self._wire = wire
        await self._ask("Login", {"Username": self._access.username, "Secret": self._access.secret})
        self.up.set()
        log.info("ami.up")
        if self._on_up is not None:
            self._spawn(self._on_up())

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._aside.add(task)
        task.add_done_callback(self._aside_done)

    def _aside_done(self, task: asyncio.Future[None]) -> None:
        self._aside.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("ami.handler", error=type(task.exception()).__name__)

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), PING_SECONDS)
                raise ManagerDownError("the connection broke")
            await self._ask("Ping", {})

    def _close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.hang_up()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ManagerDownError("the connection broke"))
        self._answers.clear()
        self._lists.clear()
        if self.up.is_set():
            self.up.clear()
            if self._on_down is not None:
                self._on_down()

    async def action(
        self,
        name: str,
        keys: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Message:
        """Send an action and return its response.

        Args:
            name: the action.
            keys: its keys.
            variables: sent as repeated `Variable` keys; a comma would begin another variable and is refused.
            seconds: longest wait for the response.

        Raises:
            UnsafeValueError: a key or value cannot stand on one line; nothing was sent.
            ManagerDownError: no connection, or no answer in time.
            ManagerRefusedError: Asterisk answered with an error.
        """
        if not self.up.is_set():
            raise ManagerDownError("not connected")
        return await self._ask(name, keys or {}, variables, seconds=seconds)

    async def listing(self, name: str, keys: Mapping[str, str] | None = None) -> tuple[Message, ...]:
        """Send an action that answers with a list of events and return them.

        Raises:
            UnsafeValueError, ManagerDownError, ManagerRefusedError: as `action`.
        """
        number = str(next(self._ids))
        events = self._lists[number] = []
        try:
            await self._ask(name, {**(keys or {}), "ActionID": number})
            done = self._answers[f"list {number}"] = asyncio.get_running_loop().create_future()
            if any(_ends_list(event) for event in events):
                return tuple(events[:-1])
            await self._answered(done, ANSWER_SECONDS)
            return tuple(events[:-1])
        finally:
            self._lists.pop(number, None)
            self._answers.pop(f"list {number}", None)

    async def _ask(
        self,
        name: str,
        keys: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Message:
        wire = self._wire
        if wire is None:
            raise ManagerDownError("not connected")
        number = keys.get("ActionID") or str(next(self._ids))
        action = _action(name, {**keys, "ActionID": number}, variables or {})
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            wire.send(action)
            response = await self._answered(answer, seconds)
        except OSError as error:
            raise ManagerDownError("the connection broke") from error
        finally:
            self._answers.pop(number, None)
        if response.get("Response") == "Error":
            raise ManagerRefusedError(response.get("Message"))
        return response

    async def _answered(self, answer: asyncio.Future[Message], seconds: float) -> Message:
        try:
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError:
            raise ManagerDownError("no answer in time") from None

    def _hear(self, message: Message) -> None:
        number = message.get("ActionID")
        if not message.event:
            self._resolve(number, message)
        elif number in self._lists:
            self._lists[number].append(message)
            if _ends_list(message):
                self._resolve(f"list {number}", message)
        else:
            self._give(message)

    def _resolve(self, key: str, message: Message) -> None:
        answer = self._answers.get(key)
        if answer is not None and not answer.done():
            answer.set_result(message)

    def _give(self, event: Message) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("ami.handler", event_name=event.event)


def _ends_list(event: Message) -> bool:
    return event.get("EventList") == "Complete"


def _action(name: str, keys: Mapping[str, str], variables: Mapping[str, str]) -> Action:
    for key, value in _pairs(name, keys, variables):
        if not _KEY.fullmatch(key):
            raise UnsafeValueError("a manager key is no word")
        safe(value)
    if any("," in value or '"' in value for value in variables.values()):
        raise UnsafeValueError("a variable's value holds a comma or quote")
    return Action(name, dict(keys), dict(variables))


def _pairs(name: str, keys: Mapping[str, str], variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "Action", name
    yield from keys.items()
    for variable, value in variables.items():
        yield "Variable", f"{variable}={value}"

"""When datagrams came, however late they are read."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from sip.media import arrival

HOST = "127.0.0.1"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux' kernel tells when datagrams came")


@pytest.fixture
def waiting() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield a socket, and another that sends to it."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind((HOST, 0))
        ear.settimeout(20)
        mouth.bind((HOST, 0))
        mouth.connect(ear.getsockname())
        yield ear, mouth


@ON_LINUX
def test_a_datagram_that_is_read_late_came_when_it_came(
    waiting: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel begins to stamp a moment after it was asked, and delivers late when it is busy."""
    arrival.stamp(waiting[0])
    for _ in range(1000):
        earliest, came, latest = read_late(*waiting, monkeypatch)
        if came <= latest:
            break
        time.sleep(0.005)
    assert earliest <= came <= latest


def read_late(
    ear: socket.socket, mouth: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> tuple[float, float, float]:
    """Read a datagram 0.25 s late, at 1000.0; return its arrival between the earliest and latest possible."""
    before = time.time()
    mouth.send(b"sound")
    after = time.time()
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: after + 0.25)
        data, source, came = arrival.receive(ear, 1000.0)
    assert (data, source) == (b"sound", mouth.getsockname())
    return 1000 - 0.25 - (after - before) - 1e-6, came, 1000 - 0.25 + 1e-6


def test_a_datagram_that_nobody_stamped_came_when_it_is_read(
    waiting: tuple[socket.socket, socket.socket],
) -> None:
    ear, mouth = waiting
    mouth.send(b"sound")
    assert arrival.receive(ear, 1234.5) == (b"sound", mouth.getsockname(), 1234.5)


@ON_LINUX
@pytest.mark.parametrize("set_by_s", [-3600, 3600])
def test_a_clock_that_was_set_meanwhile_makes_no_datagram_early_or_late(
    waiting: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, set_by_s: int
) -> None:
    ear, mouth = waiting
    arrival.stamp(ear)
    mouth.send(b"sound")
    wall = time.time() + set_by_s
    monkeypatch.setattr(time, "time", lambda: wall)
    assert arrival.receive(ear, 1234.5)[2] == 1234.5


def test_nothing_there_is_an_error_and_not_a_datagram(waiting: tuple[socket.socket, socket.socket]) -> None:
    ear, _ = waiting
    ear.settimeout(0)
    with pytest.raises(BlockingIOError):
        arrival.receive(ear, 0.0)

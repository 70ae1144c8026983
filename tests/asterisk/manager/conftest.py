"""Who the tests of the manager client speak with beside a real Asterisk."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from asterisk.ami import AMIClient

from tests.support import asterisk_site as practice
from tests.support.scripted_manager import Bare, Scripted


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    peer = Scripted()
    yield peer
    peer.close()


@pytest.fixture
def bare() -> Iterator[Bare]:
    """Log the bare package in and, in the end, close what it leaves open.

    The login may take its time; only afterwards the package's own limit of `seconds` holds.
    """
    clients: list[AMIClient] = []

    def login(port: int, seconds: float | None = None) -> AMIClient:
        client = AMIClient(address="127.0.0.1", port=port, timeout=None)
        clients.append(client)
        assert client.login(username="rufweiche", secret=practice.SECRET).response is not None
        client._timeout = seconds  # noqa: SLF001
        return client

    yield login
    for client in clients:
        client.finished.set()
        with contextlib.suppress(OSError):
            client._socket.shutdown(socket.SHUT_RDWR)  # noqa: SLF001  # the package offers no way to end its thread
        client._thread.join(20)  # noqa: SLF001
        client._socket.close()  # noqa: SLF001

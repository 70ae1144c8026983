"""A port number that a test is given stays free until somebody binds it."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.support import ports
from tests.support.ports import BLOCK, free_port, free_ports

MANY = BLOCK + 1
ASKS = f"from tests.support.ports import free_port\nprint(*(free_port() for _ in range({MANY})))"


def test_no_number_is_given_twice_nor_to_a_worker_beside() -> None:
    ours = [free_port() for _ in range(MANY)]
    beside = subprocess.run([sys.executable, "-c", ASKS], capture_output=True, text=True, check=True)
    assert len({*ours, *map(int, beside.stdout.split())}) == 2 * MANY


def test_neighbours_are_not_among_the_numbers_given_singly() -> None:
    singly = {free_port() for _ in range(BLOCK)}
    neighbours = free_ports(10)
    assert (len(neighbours), singly & set(neighbours)) == (10, set())


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_a_port_held_by_either_protocol_on_any_address_is_passed_over(
    kind: socket.SocketKind, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        held, free = free_ports(2)
        holder.bind((host, held))
        monkeypatch.setattr(ports, "_supply", lambda *_: iter([range(held, held + 1), range(free, free + 1)]))
        assert free_port() == free

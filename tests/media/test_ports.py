"""Ports for calls: taken, run out of, given back."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

import pytest

from sip.media.engine import MediaEngine, NoPortFreeError
from tests.media.peers import HOST, Peer, voice
from tests.support.ports import free_ports


async def test_a_stream_whose_port_cannot_be_opened_anew_can_still_be_closed(
    engine: MediaEngine, peers: Callable[[], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, before, after = engine.open(), peers(), peers()
    stream.connect(HOST, before.port)
    before.send(stream, voice(0))
    while stream.stats.received < 1:
        await before.receive()

    def taken(_port: int) -> socket.socket:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    monkeypatch.setattr(engine.ports, "bind", taken)
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        stream.connect(HOST, after.port)
    free = len(engine.ports)
    stream.close()
    assert (len(engine), len(engine.ports)) == (0, free + 1)


async def test_ports_are_even_run_out_and_come_back() -> None:
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    base = (free_ports(8)[0] + 5) & ~1
    taken.bind((HOST, base))
    engine = MediaEngine(HOST, (base - 4, base + 1))
    engine.start()
    first, second = engine.open(), engine.open()
    assert sorted((first.port, second.port)) == [base - 4, base - 2]
    with pytest.raises(NoPortFreeError):
        engine.open()
    first.close()
    first.close()
    assert engine.open().port == first.port
    engine.stop()
    taken.close()
    assert len(engine) == 0


def first_sockets(many: int) -> Callable[..., socket.socket]:
    """Return what opens that many sockets and then finds the process out of files."""
    left = iter(range(many))

    def opened(*how: int) -> socket.socket:
        if next(left, None) is None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(*how)

    return opened


@pytest.mark.parametrize("many", [0, 1])
async def test_a_process_out_of_files_refuses_the_call_and_loses_no_port(
    engine: MediaEngine, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    free = len(engine.ports)
    with monkeypatch.context() as patch:
        # A limit on the files of this process would meet whatever else lives in it.
        patch.setattr("sip.media.ports.open_socket", first_sockets(many))
        with pytest.raises(NoPortFreeError, match="file descriptor"):
            engine.open()
    assert len(engine.ports) == free
    engine.open().close()
    assert len(engine.ports) == free

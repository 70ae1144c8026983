"""A manager interface that says what a test tells it to, and the bare package beside ours."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest
from asterisk.ami import AMIClient

from sip.ami import Message, parse

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BARE = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)
Bare = Callable[..., AMIClient]


class Scripted:
    """A manager that says what a test tells it to, for packets a real Asterisk sends only now and then."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.heard = bytearray()
        self.peers: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._server.accept()
                self.peers.append(peer)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            peer.sendall(GREETING)
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
        """Close the connections that are there; meanwhile another thread may add one."""
        while self.peers:
            peer = self.peers.pop(0)
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # wakes who accepts; closing does not
        self._accepting.join(20)
        self._server.close()
        self.drop()


def wait_until(true: Callable[[], bool], seconds: float = 30) -> bool:
    """Poll what another thread changes; gives no event to wait for."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()

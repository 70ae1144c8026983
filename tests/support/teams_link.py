"""One TLS connection between Teams' stand-in and an SBC: messages in and out, whoever opened it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable

from tests.support.simple_phone import Sip

UPPER = {"from": "FROM", "to": "TO", "call-id": "CALL-ID", "cseq": "CSEQ", "via": "VIA"}
AGENT = "Microsoft.PSTNHub.SIPProxy v.2020.5.13.3 i.EUNO.7"
ALLOW = "ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY\r\n"


async def read_message(reader: asyncio.StreamReader) -> Sip:
    """Read one message off a stream (RFC 3261 18.3); keep-alives between messages are skipped."""
    head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
    while not head:
        head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
    length = int(Sip.read(head).get("content-length") or 0)
    return Sip.read(head + await reader.readexactly(length))


class Link:
    """A connection.

    Args:
        writer: its sending half.
        contact: what our side writes into Contact.
        requested: told of every request that arrives.
    """

    def __init__(
        self, writer: asyncio.StreamWriter, contact: str, requested: Callable[[Link, Sip], None]
    ) -> None:
        self._writer = writer
        self._contact = contact
        self._requested = requested
        self._asked: dict[tuple[str, str], asyncio.Queue[Sip]] = {}
        shown = writer.get_extra_info("peercert") or {}
        self.certified = frozenset(value for kind, value in shown.get("subjectAltName", ()) if kind == "DNS")

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Serve until the connection ends."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                self._received(await read_message(reader))

    def _received(self, message: Sip) -> None:
        if not message.status:
            self._requested(self, message)
        elif waiting := self._asked.get(_transaction(message)):
            waiting.put_nowait(message)

    def send(self, text: str) -> None:
        self._writer.write(text.encode())

    def ask(self, text: str) -> asyncio.Queue[Sip]:
        """Send a request; its responses arrive in the queue."""
        answers = self._asked[_transaction(Sip.read(text.encode()))] = asyncio.Queue()
        self.send(text)
        return answers

    def answer(  # noqa: PLR0913  # a SIP answer has this many parts
        self, request: Sip, status: int, reason: str, *, tag: str = "", sdp: str = "", extra: str = ""
    ) -> None:
        """Answer as Teams writes: header names in capitals."""
        copied = ""
        for name, value in request.headers:
            if name == "record-route":
                copied += f"RECORD-ROUTE: {value}\r\n"
            elif name in UPPER:
                value = f"{value};tag={tag}" if name == "to" and tag and "tag=" not in value else value  # noqa: PLW2901
                copied += f"{UPPER[name]}: {value}\r\n"
        kind = "CONTENT-TYPE: application/sdp\r\n" if sdp else ""
        self.send(
            f"SIP/2.0 {status} {reason}\r\n{copied}CONTACT: {self._contact}\r\n{extra}{ALLOW}"
            f"SERVER: {AGENT}\r\n{kind}CONTENT-LENGTH: {len(sdp)}\r\n\r\n{sdp}"
        )

    def close(self) -> None:
        self._writer.transport.abort()


def _transaction(message: Sip) -> tuple[str, str]:
    branch = re.search(r"branch=([^;,\s]+)", message.get("via"))
    return (branch[1] if branch else "", message.get("cseq").rpartition(" ")[2])

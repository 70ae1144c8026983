"""A small registrar for tests: keeps contacts, challenges, and refuses as it is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sip.signalling.digest import Gate
from sip.signalling.message import Request, parse
from sip.signalling.transport import Address
from tests.sip.peer import Peer, answer_to

Script = Callable[[Request], tuple[int, str] | None]


def willing(_: Request) -> None:
    """Refuse nothing."""


def too_brief(asked: Request) -> tuple[int, str] | None:
    """Register for ten minutes at least."""
    return (423, "Min-Expires: 600") if 0 < int(asked.headers.get("Expires")) < 600 else None


def proxy(asked: Request) -> tuple[int, str] | None:
    """Challenge as a proxy before the registrar does, and look at nothing but whether it is answered."""
    if asked.headers.get("Proxy-Authorization"):
        return None
    return 407, 'Proxy-Authenticate: Digest realm="proxy", nonce="n", qop="auth"'


@asynccontextmanager
async def registrar(**more: object) -> AsyncIterator[Registrar]:
    """Open a registrar on a port of its own."""
    made = Registrar(**more)  # type: ignore[arg-type]
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
    try:
        yield made
    finally:
        made.close()


@dataclass(eq=False)
class Registrar(Peer):
    """Answers REGISTER on a UDP socket of its own, one that is said again as before (RFC 3261 17.2.2).

    Args:
        users: passwords by user; empty challenges nobody.
        script: status and extra fields to answer a proven REGISTER with; None lets it succeed.
        expires_s: what is granted.
        algorithm: the only challenge made, "" for all.
        shown: address that requests seem to come from, as address translation would have it.
        deaf_to: how many REGISTERs it loses before it hears one.
    """

    users: dict[str, str] = field(default_factory=dict)
    script: Script = willing
    expires_s: int = 60
    algorithm: str = ""
    shown: Callable[[], Address] | None = None
    deaf_to: int = 0
    seen: list[Request] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._gate = Gate("praxis", b"k" * 32)
        self._answers: dict[str, bytes] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        super().datagram_received(data, addr)
        if not data.startswith(b"REGISTER"):
            return
        if self.deaf_to:
            self.deaf_to -= 1
            return
        asked = parse(data)
        assert isinstance(asked, Request)
        if asked.via.branch not in self._answers:
            self._answers[asked.via.branch] = self._answer(asked)
        self.send(self._answers[asked.via.branch])

    def _answer(self, asked: Request) -> bytes:
        self.seen.append(asked)
        answer = self._outcome(asked)
        if self.shown:
            host, port = self.shown()
            answer = answer.replace(b";rport\r\n", f";received={host};rport={port}\r\n".encode())
        return answer

    def _outcome(self, asked: Request) -> bytes:
        refusal = self._challenge(asked)
        if refusal:
            return answer_to(asked, 401, "reg", extra=refusal)
        refused = self.script(asked)
        if refused:
            return answer_to(asked, refused[0], "reg", extra=refused[1])
        contact = asked.headers.get("Contact")
        self.contacts.append(contact)
        granted = 0 if asked.headers.get("Expires") == "0" else self.expires_s
        return answer_to(asked, 200, "reg", extra=f"Contact: {contact};expires={granted}")

    def _challenge(self, asked: Request) -> str:
        if not self.users:
            return ""
        verdict, _ = self._gate.check(asked.headers, "REGISTER", self.users, time.time())
        if verdict == "ok":
            return ""
        fields = self._gate.challenge(time.time(), stale=verdict == "stale")
        return "\n".join(f"{name}: {value}" for name, value in fields if self.algorithm in value)

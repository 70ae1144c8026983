"""A small registrar for tests: keeps contacts, challenges, and refuses as it is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sip.signalling.digest import Gate
from sip.signalling.message import Request, parse
from sip.signalling.transport import Address
from tests.sip.peer import Peer, answer_to

Script = Callable[[Request], tuple[int, str] | None]


def willing(_: Request) -> None:
    """Refuse nothing."""


@dataclass(eq=False)
class Registrar(Peer):
    """Answers REGISTER on a UDP socket of its own.

    Args:
        users: passwords by user; empty challenges nobody.
        script: status and extra fields to answer a proven REGISTER with; None lets it succeed.
        expires_s: what is granted.
        algorithm: the only challenge made, "" for all.
        shown: address that requests seem to come from, as address translation would have it.
    """

    users: dict[str, str] = field(default_factory=dict)
    script: Script = willing
    expires_s: int = 60
    algorithm: str = ""
    shown: Callable[[], Address] | None = None
    seen: list[Request] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._gate = Gate("praxis", b"k" * 32)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        super().datagram_received(data, addr)
        if not data.startswith(b"REGISTER"):
            return
        asked = parse(data)
        assert isinstance(asked, Request)
        self.seen.append(asked)
        answer = self._answer(asked)
        if self.shown:
            host, port = self.shown()
            answer = answer.replace(b";rport\r\n", f";received={host};rport={port}\r\n".encode())
        self.send(answer)

    def _answer(self, asked: Request) -> bytes:
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

"""A call of Teams' stand-in, either way: its dialog, its sound, and what happens inside of it."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from tests.support.simple_phone import Sip
from tests.support.teams_link import AGENT, ALLOW, Link
from tests.support.teams_rules import judge_answer, judge_renewed
from tests.support.teams_sound import SecureSound, offer

REFRESH = "SUPPORTED: timer\r\nSESSION-EXPIRES: 3600;refresher=uac\r\nMIN-SE: 300\r\n"


class Centre(Protocol):
    """What a call needs of its data centre."""

    host: str
    name: str
    contact: str
    timer: str
    refused: list[tuple[int, str]]

    async def reach(self, name: str) -> Link:
        """Return a connection to the SBC of that name."""


@dataclass
class TeamsCall:
    """A call with an SBC.

    Args:
        centre: the data centre that handles it.
        invite: the INVITE, from or to the SBC.
        sound: its SRTP.
        local: our From header, with tag.
        remote: the SBC's To header, with tag.
        target: the SBC's Contact address.
        routes: route set, nearest first.
    """

    centre: Centre
    invite: Sip
    sound: SecureSound
    local: str = ""
    remote: str = ""
    target: str = ""
    routes: list[str] = field(default_factory=list)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    statuses: list[int] = field(default_factory=list)
    renewed: list[Sip] = field(default_factory=list)
    heard_of: asyncio.Event = field(default_factory=asyncio.Event)  # the SBC has renewed the call
    final: Sip | None = None
    cseq: int = 1

    @property
    def id(self) -> str:
        return self.invite.get("call-id")

    # --- as the one who called -------------------------------------------------------------------------

    async def ring(self, link: Link) -> Sip:
        """Send the INVITE and see it through to its final answer, which is judged as Teams would."""
        answers = link.ask(_text(self.invite))
        async with asyncio.timeout(30):
            while (final := await answers.get()).status < 200:
                self.statuses.append(final.status)
        self.final = final
        self.statuses.append(final.status)
        self.remote = final.get("to")
        ours = f"sip:{self.centre.name}:"
        self.routes = [route for route in final.all("record-route")[::-1] if ours not in route]
        found = re.search(r"<([^>]+)>", final.get("contact"))
        self.target = found[1] if found else ""
        await self._acknowledge(final, link)
        if final.status == 200:
            verdict = judge_answer(final, link.certified)
            if verdict[0] != 200:
                self.centre.refused.append(verdict)
                await self.hang_up()
                return final
            self.sound.agree(final.body)
        return final

    async def _acknowledge(self, final: Sip, link: Link) -> None:
        number = final.get("cseq").split()[0]
        if final.status == 200:
            (await self._way()).send(self._request("ACK", int(number)))
            return
        start, via = self.invite.start.split()[1], self.invite.get("via")
        link.send(
            f"ACK {start} SIP/2.0\r\nVIA: {via}\r\nFROM: {self.local}\r\nTO: {self.remote}\r\n"
            f"CALL-ID: {self.id}\r\nCSEQ: {number} ACK\r\nMAX-FORWARDS: 70\r\nCONTENT-LENGTH: 0\r\n\r\n"
        )

    # --- inside the call -------------------------------------------------------------------------------

    async def _way(self) -> Link:
        """Return the connection for a request: Teams goes by the name in the topmost route."""
        nearest = self.routes[0] if self.routes else self.target
        found = re.search(r"sips?:(?:[^@>]*@)?([^:;>]+)", nearest)
        assert found is not None
        return await self.centre.reach(found[1])

    def _request(self, method: str, cseq: int, sdp: str = "", extra: str = "") -> str:
        via = f"SIP/2.0/TLS {self.centre.host}:5061;branch=z9hG4bK{secrets.token_hex(8)}"
        routes = "".join(f"ROUTE: {route}\r\n" for route in self.routes)
        kind = "CONTENT-TYPE: application/sdp\r\n" if sdp else ""
        return (
            f"{method} {self.target} SIP/2.0\r\nFROM: {self.local}\r\nTO: {self.remote}\r\n"
            f"CSEQ: {cseq} {method}\r\nCALL-ID: {self.id}\r\nMAX-FORWARDS: 70\r\nVIA: {via}\r\n{routes}"
            f"CONTACT: {self.centre.contact}\r\n{extra}{ALLOW}USER-AGENT: {AGENT}\r\n"
            f"{kind}CONTENT-LENGTH: {len(sdp)}\r\n\r\n{sdp}"
        )

    async def renew(self, direction: str = "sendrecv") -> Sip:
        """Send a re-INVITE: hold ("inactive"), resume, or the refresh of the session timer."""
        self.cseq += 1
        link = await self._way()
        answers = link.ask(self._request("INVITE", self.cseq, offer(self.sound, direction), REFRESH))
        async with asyncio.timeout(20):
            while (final := await answers.get()).status < 200:
                pass
        link.send(self._request("ACK", self.cseq))
        if final.status == 200 and direction == "sendrecv":
            self.sound.agree(final.body)
        elif direction == "inactive":
            self.sound.silent()
        return final

    async def hang_up(self) -> Sip:
        """Send BYE."""
        self.cseq += 1
        answers = (await self._way()).ask(self._request("BYE", self.cseq))
        self.over()
        async with asyncio.timeout(20):
            return await answers.get()

    def requested(self, link: Link, request: Sip, answer: str) -> None:
        """Take a request of the SBC inside the call; `answer` is our SDP for a re-INVITE."""
        if request.method == "ACK":
            self.acknowledged.set()
            return
        if request.method in ("INVITE", "UPDATE"):
            self.renewed.append(request)
            status, reason = judge_renewed(request, link.certified)
            if status != 200:
                self.centre.refused.append((status, reason))
            fine = status == 200
            sdp, timer = (answer if request.body else "", self.centre.timer) if fine else ("", "")
            link.answer(request, status, reason, sdp=sdp, extra=timer)
            self.heard_of.set()
            return
        link.answer(request, 200, "OK", tag="c")
        if request.method == "CANCEL":
            link.answer(self.invite, 487, "Request Terminated", tag="c")
        if request.method in ("BYE", "CANCEL"):
            self.over()

    def over(self) -> None:
        self.ended.set()
        self.sound.close()


def _text(message: Sip) -> str:
    headers = "".join(f"{name.upper()}: {value}\r\n" for name, value in message.headers)
    return f"{message.start}\r\n{headers}\r\n{message.body}"

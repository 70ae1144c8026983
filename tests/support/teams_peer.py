"""A strict stand-in for Microsoft Teams Direct Routing: TLS and SRTP, refusing what Teams refuses.

Its rules stand in `teams_rules`; how it writes follows Microsoft's documentation and public captures.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Coroutine

from tests.support.simple_phone import Sip
from tests.support.teams_call import REFRESH, TeamsCall
from tests.support.teams_link import AGENT, ALLOW, Link
from tests.support.teams_rules import judge
from tests.support.teams_sound import EARLY, SecureSound, answer, offer

HISTORY = (
    "HISTORY-INFO: <sip:{}@sip.pstnhub.microsoft.com;user=phone?Reason=SIP;cause=302;"
    'text="Move Temporarily">;index=1\r\n'
)


class TeamsPeer:
    """One data centre.

    Args:
        host: its address.
        name: its name, e.g. sip.pstnhub.microsoft.com.
    """

    def __init__(self, host: str, name: str) -> None:
        self.host, self.name = host, name
        self.status = 200  # what calls that it accepts are answered with; 0: silence
        self.speaks = True
        self.mki = True  # its answers name a key index, and its packets carry it
        self.early = False  # a 183 with sound of its own first; the 200 waits for `pick_up`
        self.timer = ""  # headers with which its answers agree on a session timer
        self.forwards = ""  # the user's own forwarding: the number that a call goes on to, over the same SBC
        self.says_who_forwarded = True
        self.offers = offer  # writes the SDP of its calls
        self.pick_up = asyncio.Event()
        self.calls: asyncio.Queue[TeamsCall] = asyncio.Queue()
        self.requests: list[Sip] = []
        self.refused: list[tuple[int, str]] = []
        self.seen = asyncio.Event()
        self.sbcs: dict[str, tuple[str, int]] = {}  # where an SBC's name leads
        self._open: dict[str, TeamsCall] = {}
        self._links: set[Link] = set()
        self._reached: dict[str, Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def contact(self) -> str:
        return f"<sip:{self.name}:{self.port};transport=tls>"

    async def listen(self, port: int, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        """Listen with the one context, call SBCs with the other."""
        self.port, self.client, self._tls = port, client, server
        server.sslobject_class = _watched(self)
        await self.back()

    async def back(self) -> None:
        """Listen again after `close`."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self._tls)

    @contextlib.asynccontextmanager
    async def wearing(self, server: ssl.SSLContext) -> AsyncIterator[None]:
        """Show the certificate of another context for the length of a block."""
        usual = self._tls
        for worn in (server, usual):
            worn.sslobject_class = _watched(self)
            self._tls = worn
            await self.close()
            await self.back()
            if worn is server:
                yield

    def turned_away(self, reason: str) -> None:
        """A handshake has failed."""
        self.refused.append((0, reason))
        self.seen.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer, self.contact, self._requested)
        self._links.add(link)
        await link.read(reader)
        link.close()
        self._links.discard(link)

    async def reach(self, name: str) -> Link:
        """Return a connection to an SBC by name; its certificate must bear the name."""
        if name not in self._reached:
            host, port = self.sbcs[name]
            reader, writer = await asyncio.open_connection(
                host, port, ssl=self.client, server_hostname=name, local_addr=(self.host, 0)
            )
            link = self._reached[name] = Link(writer, self.contact, self._requested)
            self._links.add(link)
            self._spawn(link.read(reader))
        return self._reached[name]

    def forget(self) -> None:
        """Begin anew: what was asked and refused so far counts no more."""
        self.status, self.speaks, self.early, self.timer, self.forwards = 200, True, False, "", ""
        self.offers = offer
        self.pick_up.clear()
        self.requests.clear()
        self.refused.clear()
        self.calls = asyncio.Queue()

    async def probed(self, times: int = 3) -> None:
        """Wait for that many OPTIONS; after a third one the SBC has taken our first answers into account."""
        async with asyncio.timeout(30):
            while sum(request.method == "OPTIONS" for request in self.requests) < times:
                await self.news()

    async def news(self) -> None:
        """Wait for the next request."""
        self.seen.clear()
        await self.seen.wait()

    async def close(self) -> None:
        self._server.close()  # waiting for it would wait for the SBC's connections from Python 3.12 on
        for call in self._open.values():
            if not call.ended.is_set():
                call.over()
        for link in tuple(self._links):
            link.close()
        for task in tuple(self._tasks):
            task.cancel()
        self._links.clear()
        self._reached.clear()

    # --- towards the SBC -------------------------------------------------------------------------------

    async def options(self, name: str) -> Sip:
        """Ask an SBC whether it is there."""
        link = await self.reach(name)
        async with asyncio.timeout(20):
            return await link.ask(self.asking(name)).get()

    def asking(self, name: str) -> str:
        """Return OPTIONS for the SBC of that name."""
        tag = secrets.token_hex(8)
        return (
            f"OPTIONS sip:{name}:5061;transport=tls SIP/2.0\r\nFROM: <sip:{self.name}:5061>;tag={tag}\r\n"
            f"TO: <sip:{name}>\r\nCSEQ: 1 OPTIONS\r\nCALL-ID: {secrets.token_hex(16)}\r\nMAX-FORWARDS: 70\r\n"
            f"VIA: {self._via()}\r\nCONTACT: <sip:{self.name}:5061>\r\nCONTENT-LENGTH: 0\r\n"
            f"USER-AGENT: {AGENT}\r\n{ALLOW}\r\n"
        )

    async def call(  # noqa: PLR0913  # each is one fact of the call
        self,
        name: str,
        number: str,
        caller: str,
        *,
        extra: str = "",
        timer: str = REFRESH,
        short: bool = True,
    ) -> TeamsCall:
        """Call a number behind an SBC; return when it was answered or refused.

        Args:
            name: the SBC's name.
            number: E.164, "" for an address without a user.
            caller: E.164 of the Teams user.
            extra: more headers.
            timer: headers that ask for a session timer.
            short: offer the suite of the short tag first, as captures show; else the documented one alone.
        """
        link, port = await self.reach(name), self.sbcs[name][1]
        sound = await SecureSound.open(self.host)
        sound.short = short
        sdp = self.offers(sound)
        local = f"John Doe<sip:{caller}@{self.name}:5061;user=phone>;tag={secrets.token_hex(16)}"
        called = f"sip:{number}@{name}:{port}" if number else f"sip:{name}:{port}"
        text = (
            f"INVITE {called};user=phone;transport=tls SIP/2.0\r\nFROM: {local}\r\n"
            f"TO: <{called};user=phone>\r\nCSEQ: 1 INVITE\r\n"
            f"CALL-ID: {secrets.token_hex(16)}\r\nMAX-FORWARDS: 70\r\nVIA: {self._via()}\r\n"
            f"RECORD-ROUTE: <sip:{self.name}:{self.port};transport=tls;lr>\r\n"
            f"CONTACT: {self.contact[:-1]};x-i=109abb90-581d;x-c=64ce308b/d/8>\r\n"
            f"{timer}{extra}USER-AGENT: {AGENT}\r\n"
            f"CONTENT-TYPE: application/sdp\r\n{ALLOW}CONTENT-LENGTH: {len(sdp)}\r\n\r\n{sdp}"
        )
        call = TeamsCall(self, Sip.read(text.encode()), sound, local)
        self._open[call.id] = call
        await call.ring(link)
        return call

    def _via(self) -> str:
        return f"SIP/2.0/TLS {self.host}:5061;branch=z9hG4bK{secrets.token_hex(8)}"

    # --- from the SBC ----------------------------------------------------------------------------------

    def _requested(self, link: Link, message: Sip) -> None:
        self.requests.append(message)
        self.seen.set()
        call = self._open.get(message.get("call-id"))
        if call is not None:
            call.requested(link, message, answer(call.sound, message.body) if message.body else "")
        elif message.method in ("OPTIONS", "INVITE"):
            self._judged(link, message)
        elif message.method != "ACK":
            link.answer(message, 481, "Call Leg Does Not Exist")

    def _judged(self, link: Link, message: Sip) -> None:
        status, reason = judge(message, link.certified)
        if status != 200:
            self.refused.append((status, reason))
            link.answer(message, status, reason, tag="r")
        elif message.method == "OPTIONS":
            link.answer(message, 200, "OK")  # without a To-tag, as Teams does
        else:
            self._spawn(self._invited(link, message))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _invited(self, link: Link, invite: Sip) -> None:
        status = self.status
        if status == 0:
            return
        link.answer(invite, 100, "Trying")
        if status != 200:
            extra = "RETRY-AFTER: 10\r\n" if status == 503 else ""
            link.answer(invite, status, "No", tag="x", extra=extra)
            return
        if self.forwards:
            await self._forward(link, invite)
            return
        call = self._open[invite.get("call-id")] = await self._callee(invite)
        link.answer(invite, 180, "Ringing", tag="a")
        link.answer(invite, 180, "Ringing", tag="b")
        if self.early:
            await self._early(link, invite, call)
        if call.ended.is_set():
            return
        sdp = answer(call.sound, invite.body)
        if not self.early:
            link.answer(invite, 183, "Session Progress", tag="b", sdp=sdp)
        link.answer(invite, 200, "OK", tag="c", sdp=sdp, extra=self.timer)
        if self.speaks:
            call.sound.agree(invite.body)
        self.calls.put_nowait(call)

    async def _forward(self, link: Link, invite: Sip) -> None:
        """Call where the user forwards to, and give up."""
        user, caller = (invite.start.split()[1], invite.get("from").split("<")[1])
        history = HISTORY.format(user.split(":")[1].split("@")[0]) if self.says_who_forwarded else ""
        (name,) = self.sbcs
        onward = await self.call(name, self.forwards, caller.split(":")[1].split("@")[0], extra=history)
        assert onward.final is not None
        self.calls.put_nowait(onward)
        link.answer(invite, 480, "Temporarily Unavailable", tag="f")

    async def _early(self, link: Link, invite: Sip, call: TeamsCall) -> None:
        """Sound before the answer, from another place and with another key than afterwards."""
        sound = await SecureSound.open(self.host)
        link.answer(invite, 183, "Session Progress", tag="b", sdp=answer(sound, invite.body))
        sound.agree(invite.body, speech=EARLY)
        self.calls.put_nowait(call)
        async with asyncio.timeout(30):
            await self.pick_up.wait()
        sound.close()

    async def _callee(self, invite: Sip) -> TeamsCall:
        found = re.search(r"<([^>]+)>", invite.get("contact"))
        sound = await SecureSound.open(self.host)
        sound.mki = self.mki
        return TeamsCall(
            self,
            invite,
            sound,
            local=f"{invite.get('to')};tag=c",
            remote=invite.get("from"),
            target=found[1] if found else "",
            routes=invite.all("record-route"),
        )


def _watched(peer: TeamsPeer) -> type[ssl.SSLObject]:
    """Return a TLS endpoint that tells the peer why a handshake failed; asyncio keeps it to itself."""

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                peer.turned_away(error.reason)
                raise

    return Watched

"""A PBX made of one UDP socket: registers whoever asks, sends what a test says, keeps what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sip.signalling.message import Request, Response, parse

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Inbox:
    """Messages in the order in which they came."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()

    async def next(
        self, fits: Callable[[Request | Response], bool], limit_s: float
    ) -> Request | Response | None:
        """Return the next message that fits, None when none comes within `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    message = parse(await self.inbox.get())
                    if fits(message):
                        return message
        except TimeoutError:
            return None

    async def answer(self, method: str, limit_s: float = 20.0) -> Response | None:
        """Return the next final answer to a `method`."""
        found = await self.next(
            lambda one: isinstance(one, Response) and one.cseq.method == method and one.status >= 200, limit_s
        )
        assert found is None or isinstance(found, Response)
        return found

    async def request(self, method: str, limit_s: float = 20.0) -> Request | None:
        """Return the next request of a `method`."""
        found = await self.next(lambda one: isinstance(one, Request) and one.method == method, limit_s)
        assert found is None or isinstance(found, Request)
        return found


class Pbx(Inbox, asyncio.DatagramProtocol):
    """Answers REGISTER; a call's messages go to the call's own inbox if it has one, else to `inbox`.

    Args:
        registering: status line's end of what REGISTER is answered with.
    """

    def __init__(self, registering: str = "200 OK") -> None:
        super().__init__()
        self.registering = registering
        self.registrations: asyncio.Queue[str] = asyncio.Queue()
        self.registered = asyncio.Event()
        self.calls: dict[str, Inbox] = {}
        self.phone = ("127.0.0.1", 0)
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> Pbx:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def of(self, call: str) -> Inbox:
        """Give a call an inbox of its own."""
        return self.calls.setdefault(call, Inbox())

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said = dict(line.split(": ", 1) for line in data.decode("latin-1").split("\r\n")[1:] if ": " in line)
        if data.startswith(b"REGISTER "):
            self._register(said, addr)
        else:
            self.calls.get(said.get("Call-ID", ""), self).inbox.put_nowait(data)

    def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data, self.phone)

    def write(
        self, method: str, call: str, *, seq: int = 1, to: str = "", body: bytes = b"", **more: str
    ) -> bytes:
        """Write a request; `more` adds or replaces headers ("_" in a name stands for "-")."""
        host = f"127.0.0.1:{self.port}"
        headers = {
            "Via": f"SIP/2.0/UDP {host};branch=z9hG4bK{call}{method}{seq}",
            "From": f"<sip:caller@{host}>;tag=them",
            "To": f"<sip:line@127.0.0.1>{to}",
            "Call-ID": call,
            "CSeq": f"{seq} {method}",
            "Contact": f"<sip:caller@{host}>",
            "Max-Forwards": "70",
            **({"Content-Type": "application/sdp"} if body else {}),
            **{name.replace("_", "-"): value for name, value in more.items()},
            "Content-Length": str(len(body)),
        }
        lines = [f"{name}: {value}" for name, value in headers.items()]
        start = f"{method} sip:line@127.0.0.1 SIP/2.0"
        return "\r\n".join([start, *lines, "", ""]).encode("latin-1") + body

    def _register(self, asked: dict[str, str], phone: tuple[str, int]) -> None:
        self.phone = phone
        kept = ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Expires")
        fields = [f"{name}: {asked[name]}" for name in kept]
        self.send("\r\n".join([f"SIP/2.0 {self.registering}", *fields, "Content-Length: 0", "", ""]).encode())
        if asked.get("Expires") == "0":
            return
        self.registrations.put_nowait(self.registering)
        if self.registering.startswith("200"):
            self.registered.set()

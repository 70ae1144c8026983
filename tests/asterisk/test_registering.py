"""A trunk as Telekom's CompanyFlex is: Asterisk registers over TCP or TLS, by a proxy that only DNS knows."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import md5
from pathlib import Path

import pytest

from callflow.plan import Plan
from tests.sip.name_server import name_server
from tests.support import asterisk_site as practice
from tests.support.asterisk_house import connected
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.simple_phone import Sip

EDGE = "127.0.0.7"
DOMAIN, PROXY = "tel.provider.example", "123456789012.primary.provider.example"
NUMBER, LOGIN, PASSWORD = "+4935112345600", "551122334455", "trunk-secret"
SERVICE = {"tcp": "_sip._tcp", "tls": "_sips._tcp"}


class Edge:
    """A provider's proxy with the registrar behind it: lets in whoever proves LOGIN and PASSWORD."""

    def __init__(self) -> None:
        self.seen: list[Sip] = []
        self.news = asyncio.Event()
        self.link: asyncio.StreamWriter
        self.links: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links.add(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._head(reader):
            asked = Sip.read(head)
            await reader.readexactly(int(asked.get("content-length") or 0))
            self.seen.append(asked)
            self.news.set()
            if asked.method == "REGISTER":
                self.link = writer
            if not asked.status and asked.method != "ACK":
                writer.write(self._answer(asked).encode())
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return (await reader.readuntil(b"\r\n\r\n")).lstrip()
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    def _answer(self, asked: Sip) -> str:
        extra = ""
        status = "200 OK"
        if asked.method == "REGISTER" and not proven(asked.get("authorization")):
            status, extra = "401 Unauthorized", 'WWW-Authenticate: Digest realm="provider", nonce="n1"\r\n'
        elif asked.method == "INVITE":
            status = "486 Busy Here"
        elif asked.method == "REGISTER":
            extra = f"Contact: {asked.get('contact')};expires=600\r\n"
        told = "".join(f"{name}: {asked.get(name)}\r\n" for name in ("via", "from", "call-id", "cseq"))
        return f"SIP/2.0 {status}\r\n{told}to: {asked.get('to')};tag=edge\r\n{extra}Content-Length: 0\r\n\r\n"

    def call(self, contact: str, transport: str) -> None:
        """Call the address that was registered, over the connection that it was registered on."""
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {EDGE}\r\ns=-\r\nc=IN IP4 {EDGE}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
        )
        via = f"SIP/2.0/{transport.upper()} {EDGE};branch=z9hG4bKedge"
        text = (
            f"INVITE {contact.strip('<>')} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:+491711234567@{DOMAIN}>;tag=edge\r\nTo: <sip:{NUMBER}@{DOMAIN}>\r\n"
            f"Call-ID: edge\r\nCSeq: 1 INVITE\r\nContact: <sip:edge@{EDGE};transport={transport}>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
        )
        self.link.write(text.encode())

    async def until(self, method: str, field: str = "via") -> Sip:
        """Wait for a request of `method` that bears `field`."""
        async with asyncio.timeout(30):
            while True:
                for asked in self.seen:
                    if asked.method == method and asked.get(field):
                        return asked
                self.news.clear()
                await self.news.wait()


def proven(authorization: str) -> bool:
    """Check a digest (RFC 2617 3.2.2 without qop)."""
    told = dict(re.findall(r'(\w+)="?([^",]+)"?', authorization))
    secret = _md5(f"{LOGIN}:provider:{PASSWORD}")
    expected = _md5(f"{secret}:n1:{_md5('REGISTER:' + told.get('uri', ''))}")
    return (told.get("username"), told.get("response")) == (LOGIN, expected)


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def edge(transport: str, papers: Path) -> AsyncIterator[tuple[Edge, dict[str, str]]]:
    """Serve the provider's edge and the name server that leads to it; gives it and Asterisk's extra files."""
    made, context = Edge(), None
    extra: dict[str, str] = {}
    if transport == "tls":
        authority = Authority()
        pair = authority.pair(PROXY)
        (papers / "edge.pem").write_text(pair.certificate + pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(papers / "edge.pem")
        extra["provider.pem"] = authority.certificate
    server = await asyncio.start_server(made.connected, EDGE, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    zone = {
        (f"{SERVICE[transport]}.{PROXY}.", "SRV"): [f"0 5 {port} edge.provider.example."],
        ("edge.provider.example.", "A"): [EDGE],
    }
    async with name_server(zone) as names:
        extra["resolver_unbound.conf"] = f"[general]\nresolv =\nnameserver = 127.0.0.1@{names.port}\n"
        yield made, extra
    server.close()
    await asyncio.gather(*made.links)  # Asterisk is gone by now


def plan(ports: practice.Ports, transport: str) -> Plan:
    trunk = {
        "kind": "provider",
        "host": DOMAIN,
        "proxy": PROXY,
        "transport": transport,
        "ca_file": "provider.pem" if transport == "tls" else "",
        "account": {"username": NUMBER, "auth_user": LOGIN},
        "registers": True,
        "check_seconds": 1,
    }
    pbx = {"kind": "pbx", "host": practice.PBX, "check_seconds": 3600}
    made = practice.plan(ports, trunks={"amt": trunk, "pbx": pbx})
    line = made.lines["anlage"].model_copy(update={"tls_port": free_port()})
    return made.model_copy(update={"lines": {"anlage": line}})


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_register_options_and_calls_take_the_proxy_that_only_srv_records_lead_to(
    transport: str, tmp_path: Path
) -> None:
    """The registrar's own name leads nowhere, and the login is not the number.

    A call from an address that we do not know is the trunk's because it comes to what we have registered.
    """
    ports = practice.Ports()
    async with edge(transport, tmp_path) as (provider, extra):
        switch = await asyncio.to_thread(practice.switch, plan(ports, transport), extra)
        begun = await asyncio.to_thread(switch.log)
        try:
            registered = await provider.until("REGISTER", "authorization")
            asked = await provider.until("OPTIONS")
            provider.call(registered.get("contact"), transport)
            answered = await provider.until("SIP/2.0")
            async with connected(ports.manager) as manager:
                call = {"Channel": "PJSIP/+493519999@amt", "Application": "Playtones", "Data": "busy"}
                await manager.action("Originate", {**call, "Async": "true"})
            called = await provider.until("INVITE")
        finally:
            await asyncio.to_thread(switch.stop)
    to = f"{DOMAIN};transport={transport}"
    # nothing that we render is wrong or superfluous; nothing was looked up that only SRV records lead to
    assert [line for line in begun.splitlines() if " ERROR[" in line] == []
    acknowledged = {asked.get("call-id") for asked in provider.seen if asked.method == "ACK"}
    assert registered.get("call-id") not in acknowledged  # its 401 belongs to no INVITE (RFC 3261 17.1.1.3)
    assert registered.start == f"REGISTER sip:{to} SIP/2.0"
    assert registered.get("to") == f"<sip:{NUMBER}@{DOMAIN}>"
    assert proven(registered.get("authorization"))
    assert asked.start == f"OPTIONS sip:{to} SIP/2.0"
    assert answered.start == "SIP/2.0 100 Trying"
    assert called.start == f"INVITE sip:+493519999@{to} SIP/2.0"
    assert called.get("from").split(";")[0] == f'"Anonymous" <sip:{NUMBER}@{DOMAIN}>'

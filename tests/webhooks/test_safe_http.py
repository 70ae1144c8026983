"""Requests to typed-in addresses stay out of our own network."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.small_web import Answering, listening
from webhooks.safe_http import ForbiddenAddressError, SafeClient, is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2600:9000::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.178.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  an address, not a listener
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("praxis.example", False),
        ("", False),
    ],
)
def test_addresses(address: str, public: bool) -> None:  # noqa: FBT001  a table's column
    assert is_public(address) is public


@given(st.ip_addresses(v=4))
def test_wrapping_an_ipv4_address_in_ipv6_opens_nothing(address: IPv4Address) -> None:
    mapped = IPv6Address(int(address) | 0xFFFF_0000_0000)
    assert is_public(str(mapped)) == is_public(str(address))


class _Server:
    """A web server on loopback that remembers requests."""

    def __init__(self) -> None:
        got = self.got = list[tuple[str, str, bytes]]()

        class Handler(Answering):
            def answer(self) -> None:
                got.append((self.path, self.headers["Host"], self.body()))
                self.send_response(302 if self.path == "/away" else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

        self.handler = Handler
        self.port = 0


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    with listening(server.handler) as server.port:
        yield server


async def _resolve(host: str, port: int) -> list[str]:
    del port
    return {"pvs.intern": ["127.0.0.1"], "mixed.example": ["8.8.8.8", "127.0.0.1"], "gone.example": []}[host]


async def test_a_host_allowed_by_name_is_written_to_under_its_name(server: _Server) -> None:
    client = SafeClient(("pvs.intern",), _resolve)
    status = await client.post(f"http://pvs.intern:{server.port}/cards?x=1", b"{}", {"X-A": "b"})
    assert (status, server.got) == (204, [("/cards?x=1", f"pvs.intern:{server.port}", b"{}")])
    await client.aclose()


async def test_redirects_are_not_followed(server: _Server) -> None:
    client = SafeClient(("pvs.intern",), _resolve)
    assert await client.post(f"http://pvs.intern:{server.port}/away", b"{}", {}) == 302
    assert [path for path, *_ in server.got] == ["/away"]
    await client.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "https://pvs.intern/",
        "https://mixed.example/",
        "https://gone.example/",
        "http://mixed.example/",
        "https://user:secret@mixed.example/",
        "ftp://pvs.intern/",
        "file:///etc/passwd",
    ],
)
async def test_inner_mixed_and_strange_addresses_are_refused_without_telling_them(url: str) -> None:
    client = SafeClient(resolver=_resolve)
    with pytest.raises(ForbiddenAddressError) as caught:
        await client.post(url, b"{}", {})
    assert [word for word in ("pvs", "mixed", "secret", "passwd") if word in str(caught.value)] == []
    await client.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1"])
async def test_no_spelling_of_this_machine_gets_through(host: str) -> None:
    client = SafeClient()
    with pytest.raises((ForbiddenAddressError, OSError)):
        await client.post(f"https://{host}/", b"{}", {})
    await client.aclose()

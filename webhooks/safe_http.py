"""Requests to addresses that a person typed in: never into our own network, unless allowed by name.

The name is resolved once, every address is judged, and the request goes to the very address that was judged
(a second look-up might answer differently). Redirects are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
TIMEOUT_S = 10.0
Resolver = Callable[[str, int], Awaitable[list[str]]]


class ForbiddenAddressError(Exception):
    """The address is not one that may be written to; the message says why, without the address."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises:
        OSError: there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


@dataclass(slots=True)
class SafeClient:
    """Posts to public addresses.

    Args:
        allowed: host names (or addresses) inside that may be written to, also by plain http.
        resolver: finds a host's addresses.
        timeout: seconds of silence allowed.
    """

    allowed: Collection[str] = ()
    resolver: Resolver = resolve
    timeout: float = TIMEOUT_S
    _client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=self.timeout, limits=limits, trust_env=False)

    async def post(self, url: str, content: bytes, headers: dict[str, str]) -> int:
        """Post and return the status; the answer's body is not read.

        Raises:
            ForbiddenAddressError: the address may not be written to.
            OSError: the host is unknown.
            httpx.HTTPError: no answer.
        """
        target = httpx.URL(url)
        address = await self._judged(target)
        host = target.host if target.port is None else f"{target.host}:{target.port}"
        request = self._client.build_request(
            "POST",
            target.copy_with(host=address),
            content=content,
            headers={**headers, "Host": host},
            # The certificate must be the name's, though the connection goes to the address.
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return answer.status_code

    async def aclose(self) -> None:
        """Close."""
        await self._client.aclose()

    async def _judged(self, target: httpx.URL) -> str:
        named = target.host in self.allowed
        if target.userinfo:
            raise ForbiddenAddressError("an address with a user name")
        if target.scheme != "https" and not (target.scheme == "http" and named):
            raise ForbiddenAddressError("only https, or http to a host that is allowed by name")
        addresses = await self.resolver(target.host, target.port or 443)
        if not addresses or not (named or all(is_public(address) for address in addresses)):
            raise ForbiddenAddressError("not a public address, and the host is not allowed by name")
        return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open internet, IPv4 wrapped in IPv6 included."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _wrapped(parsed) if isinstance(parsed, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo

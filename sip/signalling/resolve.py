"""Locating SIP servers: NAPTR, SRV, addresses (RFC 3263, RFC 2782)."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

import dns.asyncresolver
import dns.exception
import dns.rdtypes.IN.SRV
import dns.resolver

from sip.addresses import Place, is_address, told
from sip.signalling.core import DEFAULT_PORTS, transport_of
from sip.signalling.uri import Uri

# NAPTR services and SRV names of the transports that we speak, in the order tried without NAPTR.
_SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_SRV_NAMES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
_CACHED = 256
_LIFETIME_S = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try: transport, IP address, port, and the name that its certificate must show."""

    transport: str
    address: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record."""

    priority: int
    weight: int
    port: int
    host: str


def in_order(services: Iterable[Service], chance: Callable[[], float]) -> list[Service]:
    """Order SRV records: lowest priority first, within it drawn by weight (RFC 2782).

    Args:
        services: the records.
        chance: gives numbers in [0, 1).
    """
    waiting = sorted(services, key=lambda one: (one.priority, one.weight))
    ordered: list[Service] = []
    while waiting:
        group = [one for one in waiting if one.priority == waiting[0].priority]
        mark = chance() * sum(one.weight for one in group)
        sums = accumulate(one.weight for one in group)
        drawn = next(one for one, total in zip(group, sums, strict=True) if total >= mark)
        ordered.append(drawn)
        waiting.remove(drawn)
    return ordered


class Resolver:
    """Finds where a URI's requests go.

    Args:
        nameservers: DNS servers, () for the system's.
        port: their port.
        chance: gives numbers in [0, 1) for the weights.
    """

    def __init__(
        self, nameservers: Sequence[str] = (), port: int = 53, chance: Callable[[], float] = random.random
    ) -> None:
        self._own = bool(nameservers)
        self._chance = chance
        self._dns = dns.asyncresolver.Resolver(configure=False)
        try:
            if not nameservers:
                self._dns = dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            pass  # a machine without DNS still has its hosts file
        if nameservers:
            self._dns.nameservers = list(nameservers)
            self._dns.port = port
        self._dns.cache = dns.resolver.LRUCache(_CACHED)
        self._dns.lifetime = _LIFETIME_S

    async def targets(self, uri: Uri, transports: Sequence[str]) -> list[Target]:
        """Give the places to try, best first; none when the name leads nowhere.

        Args:
            uri: what shall be reached.
            transports: those that we can speak.
        """
        host = uri.host.strip("[]")
        asked = uri.param("transport")
        wanted = transport_of(uri)
        if is_address(host):
            return [Target(wanted, host, uri.port or DEFAULT_PORTS[wanted], host)]
        if uri.port:
            return await self._at(host, uri.port, wanted, host)
        names = [(wanted, _SRV_NAMES[wanted] + host)] if asked or uri.scheme == "sips" else []
        names = names or await self._services(host, transports)
        found = [target for way, name in names for target in await self._served(way, name, host)]
        return found or await self._at(host, DEFAULT_PORTS[wanted], wanted, host)

    async def _services(self, host: str, transports: Sequence[str]) -> list[tuple[str, str]]:
        """Ask NAPTR which transports the domain prefers; without an answer try all of ours."""
        records = []
        for record in await self._ask(host, "NAPTR"):
            service = record.service.decode("ascii", "replace").upper()
            if record.flags.lower() == b"s" and _SERVICES.get(service) in transports:
                name = record.replacement.to_text(omit_final_dot=True)
                records.append((record.order, record.preference, _SERVICES[service], name))
        if records:
            return [(way, name) for _, _, way, name in sorted(records)]
        return [(way, _SRV_NAMES[way] + host) for way in transports]

    async def _served(self, transport: str, name: str, domain: str) -> list[Target]:
        records = [_service(one) for one in await self._ask(name, "SRV")]
        usable = [one for one in records if one.host not in {"", "."}]
        found: list[Target] = []
        for one in in_order(usable, self._chance):
            found += await self._at(one.host, one.port, transport, domain)
        return found

    async def _at(self, host: str, port: int, transport: str, name: str) -> list[Target]:
        return [Target(transport, address, port, name) for address in await self._addresses(host)]

    async def _addresses(self, host: str) -> list[str]:
        if is_address(host):
            return [host]
        if self._own:
            found = [*await self._ask(host, "A"), *await self._ask(host, "AAAA")]
            return [record.address for record in found]
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except OSError:
            return []
        return list(dict.fromkeys(told(cast("Place", info[4]))[0] for info in infos))

    async def _ask(self, name: str, kind: str) -> list[Any]:  # each kind of record has fields of its own
        if not self._dns.nameservers:
            return []
        try:
            return list(await self._dns.resolve(name, kind))
        except (dns.exception.DNSException, OSError, ValueError):
            return []


def _service(record: dns.rdtypes.IN.SRV.SRV) -> Service:
    host = record.target.to_text(omit_final_dot=True)
    return Service(int(record.priority), int(record.weight), int(record.port or 0), host)

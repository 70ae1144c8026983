"""What a telephone needs to know: addresses, accounts, peers and limits. Frozen; made by the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sip.signalling.offer import Srtp

TransportName = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class Listen:
    """One socket to listen on.

    Args:
        transport: what is spoken there.
        host: address of ours; 0.0.0.0 and :: are all of them.
        port: 0 picks a free one.
        certificate: PEM file with the chain, for TLS; read again when it changes.
        key: PEM file with its private key, "" if the certificate's file holds it.
        needed: without it the telephone does not start; else a taken port is logged and done without.
    """

    transport: TransportName = "udp"
    host: str = "127.0.0.1"
    port: int = 5060
    certificate: str = ""
    key: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """An extension that we register at a PBX or provider.

    Args:
        name: our word for it (the leg's `line`).
        user: user part of the address of record.
        domain: domain of the address of record (SRV/NAPTR are asked unless `registrar` is given).
        password: secret of the digest.
        auth_user: digest user name, "" for `user`.
        registrar: "host", "host:port"; "" for `domain`.
        transport: how to reach it.
        expires_s: registration time asked for, seconds.
        channels: most calls at once by this account, 0 for no limit of its own.
        trust_identity: believe P-Asserted-Identity/Remote-Party-ID from this side.
        ca: PEM file of certificate authorities for TLS, "" for the system's.
        srtp: whether calls of this side are protected, see `sip.signalling.offer.Local`.
    """

    name: str
    user: str
    domain: str
    password: str = field(default="", repr=False)
    auth_user: str = ""
    registrar: str = ""
    transport: TransportName = "udp"
    expires_s: int = 600
    channels: int = 0
    trust_identity: bool = True
    ca: str = ""
    srtp: Srtp = "off"


@dataclass(frozen=True, slots=True)
class Peer:
    """A trunk or PBX known by address, or phones known by digest.

    Args:
        name: our word for it (the leg's `line`).
        networks: addresses or networks whose requests belong to this peer ("127.0.0.0/8").
        host: where calls through this peer go ("192.0.2.1", "pbx.example:5061"); "" for incoming only.
        transport: how to reach it.
        user: digest user name that requests of this peer must prove; "" trusts the address alone.
        password: secret of the digest.
        digests: algorithms to offer in challenges; ("MD5",) for phones that stumble over two.
        channels: most calls at once with this peer, 0 for no limit of its own.
        trust_identity: believe P-Asserted-Identity/Remote-Party-ID from this side.
        ca: PEM file of certificate authorities for TLS, "" for the system's.
        srtp: whether calls of this side are protected, see `sip.signalling.offer.Local`.
    """

    name: str
    networks: tuple[str, ...] = ()
    host: str = ""
    transport: TransportName = "udp"
    user: str = ""
    password: str = field(default="", repr=False)
    digests: tuple[str, ...] = ("SHA-256", "MD5")
    channels: int = 0
    trust_identity: bool = True
    ca: str = ""
    srtp: Srtp = "off"


LOOPBACK = Peer("loopback", ("127.0.0.0/8", "::1/128"))


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """Everything of one telephone.

    Args:
        listen: sockets; the first is used where nothing else decides.
        accounts: extensions to register.
        peers: who may talk to us; anyone else gets silence.
        public_host: address written into Via/Contact, "" for the bound one.
        channels: most calls at once, in all; more get 503 with Retry-After.
        retry_after_s: seconds told to refused callers.
        requests_per_s: most requests outside calls per source and second, 0 for no limit.
        ban_s: how long a source that exceeds it tenfold is not heard.
        session_expires_s: session timer we ask for (RFC 4028), 0 to offer none.
        min_se_s: shortest session timer we accept.
        user_agent: text of User-Agent/Server, "" for none.
        t1_s: RFC 3261 T1; 0.5 except in tests.
        nameservers: DNS servers to ask, () for the system's.
        nameserver_port: their port.
    """

    listen: tuple[Listen, ...] = (Listen(),)
    accounts: tuple[Account, ...] = ()
    peers: tuple[Peer, ...] = (LOOPBACK,)
    public_host: str = ""
    channels: int = 200
    retry_after_s: int = 30
    requests_per_s: int = 500
    ban_s: int = 60
    session_expires_s: int = 1800
    min_se_s: int = 90
    user_agent: str = "Rufweiche"
    t1_s: float = 0.5
    nameservers: tuple[str, ...] = ()
    nameserver_port: int = 53

    def srtp(self, line: str) -> Srtp:
        """Tell whether calls by an account or peer are protected."""
        known: tuple[Account | Peer, ...] = (*self.accounts, *self.peers)
        return next((one.srtp for one in known if one.name == line), "off")

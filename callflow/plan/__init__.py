"""The number plan: lines, trunks, destinations and practice numbers of config/lines.yaml.

Frozen data and pure functions. `Plan` is the schema of the file; what a schema cannot say (references, loops,
duplicates) is found by `callflow.plan_check`. A practice number has a *home*: the PBX or Teams. The home
decides who rings when a flow transfers: a destination may name its counterpart in the other home, so that a
number moves without a change to its flow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field

from callflow.plan.moving import Frozen
from callflow.plan.moving import Home as Home
from callflow.plan.moving import Migration as Migration

Transport = Literal["udp", "tcp", "tls"]
Method = Literal["refer", "bridge"]
Srtp = Literal["off", "offered", "required"]

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Microsoft's order of data centres and its signalling networks ("Plan Direct Routing", SIP signalling).
TEAMS_SERVERS = ("sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com")
TEAMS_NETWORKS = ("52.112.0.0/14", "52.122.0.0/15")

SIP_PORT, TLS_PORT = 5060, 5061

Port = Annotated[int, Field(ge=0, le=65535)]


class EmbeddedLine(Frozen):
    """Our own SIP endpoint.

    Args:
        host: address to listen on.
        port: UDP and TCP port.
        tls_port: TLS port, 0 for none.
        certificate: PEM file with the chain for TLS, from the configuration's folder; read again when it
            changes.
        key: PEM file with its private key, "" if the certificate's file holds it.
        public_address: address that peers reach us at behind address translation, "" for our own or the one
            that a registrar tells us.
        trunks: trunks it registers at or peers with; empty: every peer on loopback may call.
        rtp_ports: first and last UDP port for sound, (0, 0) for any free port.
        calls: most calls at once.
    """

    kind: Literal["embedded"] = "embedded"
    host: str = "127.0.0.1"
    port: Port = 5060
    tls_port: Port = 0
    certificate: str = ""
    key: str = ""
    public_address: str = ""
    trunks: tuple[str, ...] = ()
    rtp_ports: tuple[Port, Port] = (0, 0)
    calls: int = Field(default=500, ge=1)


class PyVoipLine(Frozen):
    """The pyVoIP endpoint with our sound, registered at one trunk.

    Args:
        host: address to listen on.
        port: UDP port.
        trunk: trunk it registers at, "" for none.
        rtp_ports: first and last UDP port for sound.
        calls: most calls at once; pyVoIP's signalling does not carry more than 50.
    """

    kind: Literal["pyvoip"]
    host: str = "127.0.0.1"
    port: Port = 5060
    trunk: str = ""
    rtp_ports: tuple[Port, Port] = (10000, 20000)
    calls: int = Field(default=50, ge=1, le=50)


class AsteriskLine(Frozen):
    """An Asterisk that answers, plays and bridges while we decide over AMI.

    Args:
        host: where the manager interface listens.
        port: its port (5038 plain, 5039 TLS by custom).
        tls: use TLS; demanded for hosts other than this machine.
        ca_file: certificate that Asterisk's certificate must be signed by, "" for the system's.
        username: manager user of the rendered manager.conf; its secret comes from the environment.
        sounds: folder for our prompts as this machine sees it.
        sounds_in_asterisk: the same folder as Asterisk sees it, "" when both are the same.
        recordings: folder for recordings as this machine sees it.
        recordings_in_asterisk: the same folder as Asterisk sees it, "" when both are the same.
        bind: address that Asterisk's SIP listens on (rendered).
        sip_port: UDP port for PBX and provider (rendered).
        tls_port: TLS port for trunks of transport tls (rendered).
        certificate: PEM file, from Asterisk's configuration folder, with the chain that TLS trunks see that
            call; "" for none (rendered).
        key: PEM file with its private key (rendered).
        reception: networks that may log in at the manager beside its own machine, when this one is another;
            over TLS the manager then listens on every address (rendered).
        manager_certificate: PEM file, from Asterisk's configuration folder, with the manager's chain for TLS
            (rendered).
        manager_key: PEM file with its private key (rendered).
        rtp_ports: first and last UDP port for sound (rendered).
        calls: most calls at once.
    """

    kind: Literal["asterisk"]
    host: str = "127.0.0.1"
    port: Port = 5038
    tls: bool = False
    ca_file: str = ""
    username: str = "rufweiche"
    sounds: str = ""
    sounds_in_asterisk: str = ""
    recordings: str = ""
    recordings_in_asterisk: str = ""
    bind: str = "0.0.0.0"  # noqa: S104  # an SBC faces PBX and provider on every address unless told otherwise
    sip_port: Port = 5060
    tls_port: Port = 5061
    certificate: str = ""
    key: str = ""
    reception: tuple[IPv4Network, ...] = ()
    manager_certificate: str = "manager.pem"
    manager_key: str = "manager.key"
    rtp_ports: tuple[Port, Port] = (10000, 20000)
    calls: int = Field(default=200, ge=1)


class TwilioLine(Frozen):
    """Calls that reach us as Twilio webhooks; account and token come from the environment.

    Args:
        public_url: the https address under which Twilio reaches our webhooks, "" for the practice's.
    """

    kind: Literal["twilio"]
    public_url: str = ""


Line = Annotated[EmbeddedLine | PyVoipLine | AsteriskLine | TwilioLine, Field(discriminator="kind")]


class Account(Frozen):
    """Who we are at a trunk; the password comes from the environment, by the trunk's name.

    Args:
        username: extension or number that calls come to; user part of the address that is registered.
        auth_user: name that belongs to the password where it is another one ("authentication ID"), "" for
            `username`.
        realm: the only one whose challenges Asterisk answers, "" for any (rendered).
    """

    username: str
    auth_user: str = ""
    realm: str = ""

    @property
    def digest_user(self) -> str:
        """The name that the password proves."""
        return self.auth_user or self.username


class SipTrunk(Frozen):
    """A classic PBX or a SIP provider.

    Args:
        kind: what stands at the other end.
        host: name or address of the PBX or the provider's registrar.
        port: its SIP port; the usual one (5060, for TLS 5061 too) leaves it to DNS, see `address`.
        transport: how SIP travels there.
        account: credentials; without them the trunk is peered by address.
        registers: send REGISTER with the account (needs one).
        accept: networks whose calls belong to this trunk; default: `proxy`, else `host` alone. Behind a proxy
            that only DNS leads to, calls that come to what was registered (rendered).
        proxy: "host" or "host:port" that all requests go through, "" for none.
        caller_id: number shown on calls out when the call itself has none of ours, E.164.
        ca_file: certificates that a TLS trunk's must be signed by, from the configuration's folder (rendered:
            from Asterisk's, one file for all its TLS trunks); "" for the system's.
        srtp: SDES media encryption: "off" offers none but gives it to whoever asks, "offered" leaves it to
            the other side (RFC 8643), "required" has no call without it.
        check_seconds: how often OPTIONS asks whether it is up.
        calls: most calls at once over this trunk.
    """

    kind: Literal["pbx", "provider"]
    host: str
    port: Port = SIP_PORT
    transport: Transport = "udp"
    account: Account | None = None
    registers: bool = False
    accept: tuple[str, ...] = ()
    proxy: str = ""
    caller_id: str = ""
    ca_file: str = ""
    srtp: Srtp = "off"
    check_seconds: int = Field(default=60, ge=1)
    calls: int = Field(default=30, ge=1)

    @property
    def address(self) -> str:
        """Host, and a port that is not the usual one: any port would forbid NAPTR and SRV (RFC 3263 4.2)."""
        usual = (SIP_PORT, TLS_PORT) if self.transport == "tls" else (SIP_PORT,)
        return self.host if self.port in usual else f"{self.host}:{self.port}"

    @property
    def neighbour(self) -> str:
        """Host that we exchange messages with: the proxy's, else the far side's own."""
        return self.proxy.partition(":")[0] or self.host


class TeamsTrunk(Frozen):
    """Microsoft Teams Direct Routing.

    Args:
        fqdn: the SBC's public name; stands in Contact, Via and the certificate.
        certificate: PEM file with the chain, RSA, issued for `fqdn`.
        key: PEM file with its private key.
        ca_file: certificates that Microsoft's must be signed by, "" for the system's list.
        front: who speaks to Microsoft: "kamailio" (with rtpengine), "asterisk" (22.11 or later) or "auto".
        servers: Microsoft's data centres in order of preference.
        port: their TLS port.
        networks: networks that Microsoft's calls come from.
        listen: address and TLS port of the front, as Microsoft reaches them through `fqdn`.
        media_address: address of this machine for sound, told to Microsoft; "" for `listen`'s. Asterisk alone
            finds one by itself where neither names one.
        check_seconds: how often OPTIONS is sent; Microsoft expects one a minute.
        calls: most calls at once.
    """

    kind: Literal["teams"]
    fqdn: str
    certificate: str
    key: str
    ca_file: str = ""
    front: Literal["auto", "kamailio", "asterisk"] = "auto"
    servers: tuple[str, ...] = TEAMS_SERVERS
    port: Port = 5061
    networks: tuple[str, ...] = TEAMS_NETWORKS
    listen: str = "0.0.0.0:5061"
    media_address: str = ""
    check_seconds: int = Field(default=60, ge=1)
    calls: int = Field(default=30, ge=1)


Trunk = Annotated[SipTrunk | TeamsTrunk, Field(discriminator="kind")]


class Destination(Frozen):
    """Where a call can be passed on.

    Args:
        kind: extension or group of the PBX, user or queue of Teams, or an outside number.
        uri: complete SIP URI, for lines that dial it directly; or give `number` and `via`.
        number: extension digits, or E.164 for Teams and outside numbers.
        via: trunk that `number` is dialled over.
        method: "refer" asks the PBX to take the call over, "bridge" keeps us in it. Teams is always bridged.
        pbx: counterpart for practice numbers at home on the PBX, "" for this destination itself.
        teams: counterpart for practice numbers at home in Teams, "" for this destination itself.
        label: how staff pages name it, "" for the key.
        device: Asterisk's name of the telephone ("PJSIP/100"), where that Asterisk knows it: its state tells
            callers who wait whether it is free. "": known by the calls that go there over us.
    """

    kind: Literal["extension", "group", "teams", "external"] = "extension"
    uri: str = ""
    number: str = ""
    via: str = ""
    method: Method = "bridge"
    pbx: str = ""
    teams: str = ""
    label: str = ""
    device: str = ""


class Number(Frozen):
    """A practice number (DID).

    Args:
        flow: name in config/flows/.
        home: where its people sit: who rings on a transfer.
        destination: who gets its calls when we cannot decide (fallback, reception).
        aliases: what else the network calls this number in a request: an extension, an account name.
        migration: a move to the other home in progress.
    """

    flow: str
    home: Home = "pbx"
    destination: str
    aliases: tuple[str, ...] = ()
    migration: Migration | None = None

    def home_at(self, at: datetime, draw: float) -> Home:
        """Return the home for a call at the aware time `at` with the lot `draw` (0 <= draw < 1)."""
        move = self.migration
        return move.to if move is not None and move.moves(at, draw) else self.home


class Plan(Frozen):
    """config/lines.yaml."""

    lines: Mapping[str, Line] = Field(default_factory=dict)
    trunks: Mapping[str, Trunk] = Field(default_factory=dict)
    destinations: Mapping[str, Destination] = Field(default_factory=dict)
    numbers: Mapping[str, Number] = Field(default_factory=dict)

    def did(self, dialled: str) -> str:
        """Return the practice number that `dialled` (E.164 or an alias) stands for, or "".

        A plan with a single number takes every call for it: small trunks rarely say which number was dialled.
        """
        if dialled in self.numbers:
            return dialled
        for number, entry in self.numbers.items():
            if dialled in entry.aliases:
                return number
        return next(iter(self.numbers)) if len(self.numbers) == 1 else ""

    def counterpart(self, destination: str, home: Home) -> str:
        """Return who stands in for `destination` in `home`; the destination itself when nobody is named."""
        entry = self.destinations.get(destination)
        if entry is None:
            return destination
        return (entry.teams if home == "teams" else entry.pbx) or destination

    def attempts(self, dialled: str, destination: str, at: datetime, draw: float) -> tuple[str, ...]:
        """Return the destinations to ring, in order, when a call for `dialled` is passed to `destination`.

        Args:
            dialled: practice number, as `did` takes it.
            destination: the name that the flow gave.
            at: aware time of the call's beginning, so that a call keeps its home.
            draw: the call's lot, see `lot`.
        """
        entry = self.numbers.get(self.did(dialled))
        if entry is None:
            return (destination,)
        home = entry.home_at(at, draw)
        ring = [self.counterpart(destination, home)]
        if home != entry.home and entry.migration is not None and entry.migration.fallback:
            ring.append(self.counterpart(destination, entry.home))
        return tuple(dict.fromkeys(ring))


def lot(call: str) -> float:
    """Return the call's lot, 0 <= lot < 1: evenly spread over calls and always the same for one call."""
    return int.from_bytes(hashlib.sha256(call.encode()).digest()[:6]) / 2**48

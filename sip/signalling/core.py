"""What every leg needs of its telephone: ids, answers, requests, addresses (RFC 3261 8)."""

from __future__ import annotations

import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address

from sip.signalling.dialog import Dialog
from sip.signalling.exchange import COOKIE, Answering, Asking, Clock, Exchanges
from sip.signalling.message import Request, Response, answer, request
from sip.signalling.phone_settings import PhoneSettings
from sip.signalling.sdp import SDP_TYPE
from sip.signalling.transport import Address, Carrier, Hop
from sip.signalling.uri import Uri

SUPPORTED_METHODS = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "NOTIFY",
)
ALLOW = ", ".join(SUPPORTED_METHODS)
# Methods that exist but that a telephone of our kind does not serve: 405; all others: 501.
KNOWN_METHODS = frozenset({*SUPPORTED_METHODS, "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"})
OPTIONS_SUPPORTED = ("100rel", "timer")
DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}

Fields = Iterable[tuple[str, str]]


def ignore(*_: object) -> None:
    """Stand in for a callback nobody asked for."""


class Core:
    """The common ground of a telephone's legs.

    Args:
        settings: the telephone's settings.
        clock: the event loop.
        counters: where happenings are counted.

    Attributes:
        exchanges: running transactions.
        carriers: open transports, the preferred one first.
        counters: happenings by kind, for metrics.
    """

    def __init__(self, settings: PhoneSettings, clock: Clock, counters: Counter[str] | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self.exchanges = Exchanges(clock, settings.t1_s)
        self.carriers: list[Carrier] = []
        self.counters: Counter[str] = Counter() if counters is None else counters

    def via(self, hop: Hop) -> str:
        """Write our Via with a fresh branch; we always ask for symmetric answers (RFC 3581)."""
        host, port = self.own_address(hop)
        return f"SIP/2.0/{hop.carrier.name.upper()} {bracketed(host)}:{port};branch={branch()};rport"

    def contact(self, hop: Hop, user: str = "") -> str:
        """Write our Contact as `hop` reaches it."""
        host, port = self.own_address(hop)
        name = hop.carrier.name
        at = f"{user}@" if user else ""
        suffix = "" if name == "udp" else f";transport={name}"
        return f"<sip:{at}{bracketed(host)}:{port}{suffix}>"

    def own_address(self, hop: Hop) -> Address:
        """Give the host and port that `hop`'s peer can reach us at."""
        host, port = hop.carrier.local
        if self.settings.public_host:
            return self.settings.public_host, port
        if is_unspecified(host):
            return local_address(hop.address[0]), port
        return host, port

    def respond(self, exchange: Answering, status: int, fields: Fields = (), body: bytes = b"") -> Response:
        """Answer a request."""
        answer = self.answer_to(exchange.request, status, exchange.local_tag, fields, body)
        exchange.send(answer)
        return answer

    def answer_to(
        self, asked: Request, status: int, local_tag: str, fields: Fields = (), body: bytes = b""
    ) -> Response:
        """Make the answer to a request (RFC 3261 8.2.6.2)."""
        copied = [("Via", value) for value in asked.headers.all("Via")]
        if 100 < status < 300:  # noqa: PLR2004  # what makes or keeps a dialog carries its route (12.1.1)
            copied += [("Record-Route", value) for value in asked.headers.all("Record-Route")]
        tagged = asked.to.tag or status == 100  # noqa: PLR2004  # Trying
        to = asked.to if tagged else replace(asked.to, params=(*asked.to.params, ("tag", local_tag)))
        raw = asked.headers.get("To")
        copied += [
            ("From", asked.headers.get("From")),
            ("To", raw if tagged else f"{raw};tag={local_tag}"),
            ("Call-ID", asked.call_id),
            ("CSeq", asked.headers.get("CSeq")),
        ]
        if self.settings.user_agent:
            copied.append(("Server", self.settings.user_agent))
        return answer(asked, status, (*copied, *fields), to, body)

    def ask(
        self,
        hop: Hop,
        message: Request,
        on_response: Callable[[Response], None] = ignore,
        on_lost: Callable[[int], None] = ignore,
    ) -> Asking:
        """Send a request in a transaction of its own; its answers may be of no interest."""
        return self.exchanges.ask(message, hop, on_response, on_lost)

    def build(self, hop: Hop, method: str, uri: str, fields: Fields, body: bytes = b"") -> Request:
        """Make a request that leaves over `hop`."""
        extra = [("User-Agent", self.settings.user_agent)] if self.settings.user_agent else []
        return request(method, uri, (("Via", self.via(hop)), ("Max-Forwards", "70"), *fields, *extra), body)

    def send(self, hop: Hop, message: Request | Response) -> None:
        """Send a message outside any transaction (ACK of a 2xx, stateless answers)."""
        self.send_raw(hop, bytes(message))

    def send_raw(self, hop: Hop, data: bytes) -> None:
        """Send bytes; what cannot leave is counted."""
        try:
            hop.send(data)
        except OSError:
            self.counters["send_failed"] += 1

    def allowed(self) -> list[tuple[str, str]]:
        """Tell what we understand."""
        return [("Allow", ALLOW), ("Supported", ", ".join(OPTIONS_SUPPORTED))]

    def typed(self, body: bytes) -> list[tuple[str, str]]:
        """Name a session description's type; nothing for an empty body."""
        return [("Content-Type", SDP_TYPE)] if body else []

    def capabilities(self) -> list[tuple[str, str]]:
        """Answer OPTIONS (RFC 3261 11.2)."""
        return [
            *self.allowed(),
            ("Accept", SDP_TYPE),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "de, en"),
        ]

    def hop_of(self, dialog: Dialog, near: Hop) -> Hop:
        """Give where a dialog's requests go.

        A connection that the peer opened is used again: phones behind NAT have no other way. A host name
        that is no address keeps the place that the dialog's messages came from.
        """
        uri = dialog.next_hop
        if near.carrier.reliable and near.carrier.alive(near.address):
            return near
        return self.literal_hop(uri) or near

    def literal_hop(self, uri: Uri) -> Hop | None:
        """Give the hop of a URI whose host is an IP address; None for a name."""
        try:
            address = str(ip_address(uri.host.strip("[]")))
        except ValueError:
            return None
        carrier = self.carrier(transport_of(uri), address)
        if carrier is None:
            return None
        return Hop(carrier, (address, uri.port or DEFAULT_PORTS[carrier.name]))

    def carrier(self, name: str, towards: str) -> Carrier | None:
        """Find the open transport that reaches an IP address best."""
        able = [
            one for one in self.carriers if one.name == name and (one.reliable or _same_family(one, towards))
        ]
        if len(able) > 1:
            own = local_address(towards)
            able.sort(key=lambda one: one.local[0] != own and not is_unspecified(one.local[0]))
        return next(iter(able), None)


@lru_cache(maxsize=256)
def is_unspecified(host: str) -> bool:
    """Tell whether an address means "all of ours"."""
    return ip_address(host).is_unspecified


def _same_family(carrier: Carrier, address: str) -> bool:
    return ip_address(carrier.local[0]).version == ip_address(address).version


def has_sdp(message: Request | Response) -> bool:
    """Tell whether the body is a session description."""
    kind = message.headers.get("Content-Type").partition(";")[0].strip().lower()
    return bool(message.body) and kind == SDP_TYPE


def transport_of(uri: Uri) -> str:
    """Tell which transport a URI asks for (RFC 3263 4.1 without NAPTR)."""
    if uri.scheme == "sips":
        return "tls"
    return (uri.param("transport") or "udp").lower()


def branch() -> str:
    """Make a branch: random, with the magic cookie (RFC 3261 8.1.1.7)."""
    return COOKIE + secrets.token_hex(8)


def tag() -> str:
    """Make a tag with more than 32 random bits (RFC 3261 19.3)."""
    return secrets.token_hex(6)


def bracketed(host: str) -> str:
    """Write an IPv6 address as URIs do."""
    return f"[{host}]" if ":" in host else host


@lru_cache(maxsize=1024)
def local_address(towards: str) -> str:
    """Ask the system which of our addresses it would use towards a host; sends nothing."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        found: str = probe.getsockname()[0]
        return found

"""What every leg needs of its telephone: ids, answers, requests, addresses (RFC 3261 8)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from sip.addresses import bare, beside, is_address, is_global, is_unspecified, lacks_zone, zone
from sip.addresses import read as read_address
from sip.signalling.dialog import Dialog
from sip.signalling.exchange import COOKIE, Answering, Asking, Exchanges, Spare
from sip.signalling.headers import Via
from sip.signalling.message import Answer, Request, Response, answer, request
from sip.signalling.nat import mapped
from sip.signalling.phone_settings import PhoneSettings
from sip.signalling.sdp import SDP_TYPE
from sip.signalling.timers import Clock, Timers
from sip.signalling.transport import Address, Carrier, Hop, local_address
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
_LARGEST_BY_UDP = 1300  # bytes of a request, where the path's MTU is not known (RFC 3261 18.1.1)
_UDP_ONLY_S = 600.0  # a host that refused TCP is not asked again for so long

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
        locate: finds where a URI's requests go; takes the URI and the file of certificate authorities.
        way_out: finds or opens the transport of a name towards an IP address.
    """

    def __init__(self, settings: PhoneSettings, clock: Clock, counters: Counter[str] | None = None) -> None:
        self.settings = settings
        self.clock = Timers(clock)
        self.exchanges = Exchanges(self.clock, settings.t1_s)
        self.carriers: list[Carrier] = []
        self.counters: Counter[str] = Counter() if counters is None else counters
        self.locate: Callable[[Uri, str], Awaitable[list[Hop]]] = self._locate_literal
        self.way_out: Callable[[str, str], Carrier | None] = self.carrier
        self._mapped: dict[Hop, Address] = {}
        self._udp_only: dict[Address, float] = {}

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
        return self._shown(hop) or (_towards(hop, host), port)

    def sound_address(self, hop: Hop, own: str) -> str:
        """Give the address that `hop`'s peer can send sound to; it is received at `own`."""
        if is_address(self.settings.public_host):
            return self.settings.public_host
        shown = self._shown(hop)
        if shown:
            return shown[0]
        # Sound leaves from the address that the system takes, wherever the signalling came to.
        return hop.carrier.here(hop.address) if is_unspecified(own) else own

    def _shown(self, hop: Hop) -> Address | None:
        """Give the address that translation shows us under; providers call from several hosts."""
        if hop in self._mapped or not self._mapped or not is_global(hop.address[0]):
            return self._mapped.get(hop)
        outside = (one for one in self._mapped if one.carrier is hop.carrier and is_global(one.address[0]))
        return next((self._mapped[one] for one in outside), None)

    def learn_mapping(self, hop: Hop, via: Via) -> bool:
        """Take from an answer how address translation shows us to `hop`; return whether that is news.

        Only asked for registrars by UDP: over connections the peer uses the one that is open anyway.
        """
        if self.settings.public_host or hop.carrier.reliable:
            return False
        own = hop.carrier.local
        found = mapped(via, (_towards(hop, own[0]), own[1]))
        if found == self._mapped.get(hop):
            return False
        if found:
            self._mapped[hop] = found
        else:
            del self._mapped[hop]
        return True

    def respond(self, exchange: Answering, status: int, fields: Fields = (), body: bytes = b"") -> Answer:
        """Answer a request."""
        made = self._answer_to(exchange, status, fields, body)
        exchange.send(made)
        return made

    def _answer_to(self, exchange: Answering, status: int, fields: Fields, body: bytes) -> Answer:
        """Make the answer to a request (RFC 3261 8.2.6.2)."""
        asked, headers = exchange.request, exchange.request.headers
        copied = [("Via", value) for value in exchange.vias]
        if 100 < status < 300:  # noqa: PLR2004  # what makes or keeps a dialog carries its route (12.1.1)
            copied += [("Record-Route", value) for value in headers.all("Record-Route")]
        to = headers.get("To")
        tagged = asked.to.tag or status == 100  # noqa: PLR2004  # Trying
        copied += [
            ("From", headers.get("From")),
            ("To", to if tagged else f"{to};tag={exchange.local_tag}"),
            ("Call-ID", asked.call_id),
            ("CSeq", headers.get("CSeq")),
        ]
        if status == 100 and "Timestamp" in headers:  # noqa: PLR2004  # Trying; RFC 3261 8.2.6.1
            copied.append(("Timestamp", headers.get("Timestamp")))
        if self.settings.user_agent:
            copied.append(("Server", self.settings.user_agent))
        return answer(status, (*copied, *fields), body)

    def ask(
        self,
        hop: Hop,
        message: Request,
        on_response: Callable[[Response], None] = ignore,
        on_lost: Callable[[int], None] = ignore,
    ) -> Asking:
        """Send a request in a transaction of its own; its answers may be of no interest."""
        wide = self._wide(hop, message)
        if wide is None:
            return self.exchanges.ask(message, hop, on_response, on_lost)
        self.counters["large_by_tcp"] += 1
        host, port = self.own_address(wide)
        via = replace(message.via, transport="TCP", host=bracketed(host), port=port)
        written = replace(message, via=via, headers=message.headers.replaced("Via", str(via)))
        spare = Spare(message, hop, lambda: self._refused_tcp(hop.address))
        return self.exchanges.ask(written, wide, on_response, on_lost, spare)

    def _wide(self, hop: Hop, message: Request) -> Hop | None:
        """Give the way by TCP for a request that datagrams might not carry (RFC 3261 18.1.1), else None."""
        if hop.carrier.name != "udp" or len(bytes(message)) <= _LARGEST_BY_UDP:
            return None
        if self._udp_only.get(hop.address, 0.0) > self.clock.time():
            return None
        carrier = self.way_out("tcp", hop.address[0])
        return Hop(carrier, hop.address) if carrier else None

    def _refused_tcp(self, address: Address) -> None:
        self.counters["large_back_to_udp"] += 1
        self._udp_only[address] = self.clock.time() + _UDP_ONLY_S

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
        found = self.literal_hop(uri.beside(near.address[0]))
        if found and found == replace(near, address=(near.address[0], found.address[1])):
            return replace(found, own=near.own)  # the same host: it knows us by the address that it wrote to
        return found or near

    async def _locate_literal(self, uri: Uri, _ca: str) -> list[Hop]:
        hop = self.literal_hop(uri)
        return [hop] if hop else []

    def literal_hop(self, uri: Uri) -> Hop | None:
        """Give the hop of a URI whose host is an IP address; None for a name, or for want of an interface."""
        host = self.reachable(uri.host.strip("[]"))
        if not is_address(host) or lacks_zone(host):
            return None
        address = str(read_address(host))
        carrier = self.carrier(transport_of(uri), address)
        if carrier is None:
            return None
        return Hop(carrier, (address, uri.port or DEFAULT_PORTS[carrier.name]))

    def reachable(self, host: str) -> str:
        """Reach a link-local address over the interface that we listen on, where that is one."""
        own = next((one.local[0] for one in self.carriers if zone(one.local[0])), "")
        return beside(host, own)

    def carrier(self, name: str, towards: str) -> Carrier | None:
        """Find the open transport that reaches an IP address best."""
        able = [
            one for one in self.carriers if one.name == name and (one.reliable or _same_family(one, towards))
        ]
        if len(able) > 1:
            own = local_address(towards)
            able.sort(key=lambda one: one.local[0] != own and not is_unspecified(one.local[0]))
        return next(iter(able), None)


def _towards(hop: Hop, own: str) -> str:
    """Give our address on the way to `hop`, `own` being the one that is bound."""
    return hop.here if is_unspecified(own) else own


def _same_family(carrier: Carrier, address: str) -> bool:
    return read_address(carrier.local[0]).version == read_address(address).version


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
    return f"[{bare(host)}]" if ":" in host else host

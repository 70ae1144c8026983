"""Dialogs: the shared state of two user agents (RFC 3261 12)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sip.signalling.headers import Headers
from sip.signalling.message import Request, Response
from sip.signalling.uri import NameAddr, Uri, param, parse_name_addr, parse_uri

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DialogId:
    """What tells dialogs apart, seen from us."""

    call_id: str
    local_tag: str
    remote_tag: str


@dataclass(slots=True)
class Dialog:
    """One dialog.

    Args:
        call_id: Call-ID.
        local: our address with tag, as From of our requests has it.
        remote: the peer's address with tag, as To of our requests has it.
        target: the peer's Contact: where our requests go.
        routes: route set, nearest first, as written.
        local_seq: CSeq number of our latest request.
        remote_seq: CSeq number of the peer's latest request, -1 before the first.
        early: no 2xx yet.
    """

    call_id: str
    local: str
    remote: str
    local_tag: str
    remote_tag: str
    target: Uri
    routes: tuple[str, ...]
    local_seq: int
    remote_seq: int
    early: bool = True

    @property
    def id(self) -> DialogId:
        """What identifies it."""
        return DialogId(self.call_id, self.local_tag, self.remote_tag)

    @property
    def next_hop(self) -> Uri:
        """Where our requests are sent: the first route, else the target (RFC 3261 8.1.2, 12.2.1.1)."""
        return parse_name_addr(self.routes[0]).uri if self.routes else self.target

    def fields(self, method: str) -> tuple[str, Fields]:
        """Give Request-URI and dialog fields of our next request; ACK and CANCEL keep the number.

        A first route without `lr` is a strict router and takes the Request-URI's place (12.2.1.1).
        """
        if method not in {"ACK", "CANCEL"}:
            self.local_seq += 1
        return self.fields_at(method, self.local_seq)

    def fields_at(self, method: str, seq: int) -> tuple[str, Fields]:
        """As `fields`, for a given CSeq number (the ACK of an older INVITE)."""
        uri, routes = str(self.target), list(self.routes)
        if routes:
            first = parse_name_addr(routes[0]).uri
            if first.param("lr") is None:
                uri, routes = str(first), [*routes[1:], f"<{uri}>"]
        fields = [("Route", route) for route in routes]
        fields += [
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{seq} {method}"),
        ]
        return uri, fields

    def in_order(self, request: Request) -> bool:
        """Take note of the peer's request; False if it is older than one seen (12.2.2: answer 500)."""
        if request.method in {"ACK", "CANCEL"}:
            return True
        if request.cseq.number <= self.remote_seq:
            return False
        self.remote_seq = request.cseq.number
        return True

    def refresh(self, headers: Headers) -> None:
        """Take a new remote target from a target refresh request or response (12.2)."""
        self.target = contact(headers) or self.target


def contact(headers: Headers) -> Uri | None:
    """Give the first Contact's URI, None when there is none that can be read and called."""
    try:
        uri = parse_name_addr(headers.values("Contact")[0]).uri
    except (IndexError, ValueError):
        return None
    # Its header part belongs to requests that begin something new (RFC 3261 19.1.1).
    return replace(uri, headers="") if uri.scheme in {"sip", "sips"} else None


def answering(request: Request, local_tag: str) -> Dialog:
    """Make the dialog of a request that we accept (RFC 3261 12.1.1).

    Raises:
        ValueError: no usable Contact, or a malformed Record-Route.
    """
    target = contact(request.headers)
    if target is None:
        raise ValueError("no Contact to call back")
    return Dialog(
        call_id=request.call_id,
        local=with_tag(request.headers.get("To"), request.to, local_tag),
        remote=request.headers.get("From"),
        local_tag=local_tag,
        remote_tag=request.sender.tag,
        target=target,
        routes=_routes(request.headers),
        local_seq=0,
        remote_seq=request.cseq.number,
    )


def calling(request: Request, response: Response) -> Dialog:
    """Make the dialog of our request from a 101..299 response (RFC 3261 12.1.2).

    A 2xx without Contact has to be acknowledged all the same, where the request went: else it is repeated for
    half a minute, and whoever picked up stays in a call that nobody ends.

    Raises:
        ValueError: a provisional response without usable Contact, or a malformed Record-Route.
    """
    early = response.status < 200  # noqa: PLR2004  # provisional
    target = contact(response.headers) or (None if early else parse_uri(request.uri))
    if target is None:
        raise ValueError("no Contact to call")
    return Dialog(
        call_id=request.call_id,
        local=request.headers.get("From"),
        remote=response.headers.get("To"),
        local_tag=request.sender.tag,
        remote_tag=response.to.tag,
        target=target,
        routes=_routes(response.headers)[::-1],
        local_seq=request.cseq.number,
        remote_seq=-1,
        early=early,
    )


def _routes(headers: Headers) -> tuple[str, ...]:
    routes = tuple(headers.values("Record-Route"))
    for route in routes:
        parse_name_addr(route)
    return routes


def with_tag(raw: str, address: NameAddr, tag: str) -> str:
    """Write To with our tag, otherwise as it came."""
    if param(address.params, "tag"):
        return raw
    return f"{raw};tag={tag}"

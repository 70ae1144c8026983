"""Running transactions: matching messages to machines and driving their timers (RFC 3261 17)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sip.signalling.headers import CSeq, Headers, Via
from sip.signalling.message import Answer, Request, Response, request
from sip.signalling.timers import Clock, Timer
from sip.signalling.transaction import (
    CLIENT_INVITE,
    CLIENT_OTHER,
    SERVER_INVITE,
    SERVER_OTHER,
    TIMERS,
    Action,
    Event,
    Machine,
    State,
    Table,
    status_event,
)
from sip.signalling.transport import Hop
from sip.signalling.uri import NameAddr, Uri

Key = tuple[str, ...]
Vias = Sequence[str]
Said = Answer | Response | Request | None
COOKIE = "z9hG4bK"
_UNHEARD = frozenset({State.CALLING, State.TRYING})
_UNANSWERED = _UNHEARD | {State.PROCEEDING}
_NOBODY = NameAddr(Uri("sip"))
# Stands for a request that nobody asks for any more, while its last answer may still have to be repeated.
_LET_GO = Request(Headers(), b"", Via("", ""), _NOBODY, _NOBODY, "", CSeq(0, ""), "", "")


class _Exchange:
    """One running transaction: a machine, its timers and the message it repeats."""

    __slots__ = ("_actions", "hop", "key", "latest", "machine", "owner", "timers")

    def __init__(self, owner: Exchanges, key: Key, table: Table, hop: Hop) -> None:
        self.owner = owner
        self.key = key
        self.hop = hop
        self.machine = Machine(table, reliable=hop.carrier.reliable, t1_s=owner.t1_s)
        self.timers: dict[Event, Timer] = {}
        self.latest: bytes = b""

    @property
    def state(self) -> State:
        return self.machine.state

    def take(self, event: Event, message: Said = None) -> None:
        """Feed the machine and do what it says."""
        for action in self.machine.take(event):
            timer = TIMERS.get(action)
            if timer is not None:
                self._set(timer)
            else:
                self.act(action, message)
        if self.machine.state is State.TERMINATED:
            self.forget()

    def act(self, action: Action, message: Said) -> None:
        raise NotImplementedError

    def transmit(self, data: bytes) -> None:
        """Send; what cannot leave is told to the machine once the current step is done."""
        try:
            self.hop.send(data)
        except OSError:
            self.owner.clock.call_later(0.0, self.take, Event.TRANSPORT_ERROR)

    def _set(self, timer: Event) -> None:
        delay = self.machine.wait_s(timer)
        if delay is not None:
            self.timers[timer] = self.owner.clock.call_later(delay, self.take, timer)

    def forget(self) -> None:
        """Drop timers and places in the tables."""
        for handle in self.timers.values():
            handle.cancel()
        self.timers.clear()
        self.owner.drop(self)


class Answering(_Exchange):
    """A server transaction.

    Attributes:
        request: the request that began it.
        vias: what its answers carry as Via: its own, the first with where it really came from.
        on_ack: called with an ACK that belongs to a 2xx of ours (accepted state).
        on_failed: called when a final answer was never acknowledged, or could not be sent.
    """

    __slots__ = ("local_tag", "merge_key", "on_ack", "on_failed", "request", "status", "vias")

    def __init__(self, owner: Exchanges, message: Request, vias: Vias, hop: Hop, local_tag: str) -> None:
        table = SERVER_INVITE if message.method == "INVITE" else SERVER_OTHER
        super().__init__(owner, server_key(message), table, hop)
        self.request = message
        self.vias = vias
        self.local_tag = local_tag
        self.status = 0
        # Requests within a dialog cannot be merged ones (8.2.2.2).
        self.merge_key: Key = () if message.to.tag else merge_key(message)
        self.on_ack: Callable[[Request], None] | None = None
        self.on_failed: Callable[[], None] | None = None

    def send(self, answer: Answer) -> None:
        """Give the answer to the machine."""
        self.status = answer.status
        self.take(status_event(answer.status), answer)
        if self.machine.state is State.COMPLETED and self.machine.table is SERVER_OTHER:
            self.let_go()

    def let_go(self) -> None:
        """Keep no more than the last answer: it may have to be repeated for 32 s, by many calls at once."""
        self.request, self.vias, self.on_ack, self.on_failed = _LET_GO, (), None, None

    @property
    def answered(self) -> bool:
        """A final answer was given."""
        return self.status >= 200  # noqa: PLR2004  # final

    def act(self, action: Action, message: Said) -> None:
        """Do one action."""
        if action is Action.SEND and isinstance(message, Answer):
            self.latest = message.data
            self.transmit(self.latest)
        elif action is Action.RESEND and self.latest:
            self.transmit(self.latest)
        elif (
            action is Action.PASS and self.on_ack and isinstance(message, Request) and message.method == "ACK"
        ):
            self.on_ack(message)
        elif action in {Action.TIMEOUT, Action.FAIL} and self.on_failed:
            self.on_failed()


@dataclass(frozen=True, slots=True)
class Spare:
    """Another way for a request: the same branch, written for another transport to the same host.

    Args:
        message: the request as it goes there.
        hop: where.
        taken: called when it is taken.
    """

    message: Request
    hop: Hop
    taken: Callable[[], None]


class Asking(_Exchange):
    """A client transaction.

    Attributes:
        request: what we sent.
        on_response: called with each response that the machine passes on.
        on_lost: called with 408 after a timeout, 503 when the request could not be sent.
        spare: another way, taken once if this one fails before any answer.
    """

    __slots__ = ("on_lost", "on_response", "request", "spare")

    def __init__(
        self,
        owner: Exchanges,
        message: Request,
        hop: Hop,
        on_response: Callable[[Response], None],
        on_lost: Callable[[int], None],
    ) -> None:
        table = CLIENT_INVITE if message.method == "INVITE" else CLIENT_OTHER
        super().__init__(owner, (message.via.branch, message.method), table, hop)
        self.request = message
        self.on_response = on_response
        self.on_lost = on_lost
        self.spare: Spare | None = None
        self.latest = bytes(message)

    def take(self, event: Event, message: Said = None) -> None:
        """Feed the machine; a way that fails is given up for the spare one."""
        if event is Event.TRANSPORT_ERROR and self.spare and self.state in _UNHEARD:
            self._go_elsewhere(self.spare)
            return
        super().take(event, message)
        if self.machine.state is State.COMPLETED and self.machine.table is CLIENT_OTHER:
            self._let_go()

    def _let_go(self) -> None:
        """Keep nothing: what still comes is only swallowed."""
        self.request, self.latest, self.spare = _LET_GO, b"", None
        self.on_response, self.on_lost = _ignore, _ignore

    def _go_elsewhere(self, way: Spare) -> None:
        """Begin anew at the same host; the branch, and so the place in the table, stays (RFC 3261 18.1.1)."""
        for handle in self.timers.values():
            handle.cancel()
        self.timers.clear()
        self.spare, self.request, self.hop, self.latest = None, way.message, way.hop, bytes(way.message)
        self.machine = Machine(self.machine.table, reliable=way.hop.carrier.reliable, t1_s=self.owner.t1_s)
        way.taken()
        self.take(Event.START)

    def act(self, action: Action, message: Said) -> None:
        """Do one action."""
        if action in {Action.SEND, Action.RESEND}:
            self.transmit(self.latest)
        elif action is Action.ACK and isinstance(message, Response):
            self.transmit(bytes(ack_for_failure(self.request, message)))
        elif action is Action.PASS and isinstance(message, Response):
            self.on_response(message)
        elif action is Action.TIMEOUT:
            self.on_lost(408)
        elif action is Action.FAIL:
            self.on_lost(503)


def _ignore(_: object) -> None:
    """Nobody waits any more."""


def ack_for_failure(invite: Request, answer: Response) -> Request:
    """Make the ACK of a 3xx-6xx: same branch and routes as the INVITE, To as answered (17.1.1.3)."""
    return _beside(invite, "ACK", answer.headers.get("To"))


def cancel_for(invite: Request) -> Request:
    """Make the CANCEL of an INVITE: same branch, URI and routes, one Via (RFC 3261 9.1)."""
    return _beside(invite, "CANCEL", invite.headers.get("To"))


def _beside(invite: Request, method: str, to: str) -> Request:
    return request(
        method,
        invite.uri,
        [
            ("Via", invite.headers.get("Via")),
            *[("Route", route) for route in invite.headers.all("Route")],
            ("From", invite.headers.get("From")),
            ("To", to),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{invite.cseq.number} {method}"),
            ("Max-Forwards", "70"),
        ],
    )


class Exchanges:
    """All transactions of a telephone.

    Args:
        clock: the event loop.
        t1_s: RFC 3261 T1 in seconds.
    """

    def __init__(self, clock: Clock, t1_s: float = 0.5) -> None:
        self.clock = clock
        self.t1_s = t1_s
        self._serving: dict[Key, Answering] = {}
        self._asking: dict[Key, Asking] = {}
        self._merged: dict[Key, Answering] = {}
        self._hosts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._serving) + len(self._asking)

    @property
    def waiting(self) -> int:
        """How many requests of ours have no final answer yet."""
        return sum(one.state in _UNANSWERED for one in self._asking.values())

    @property
    def counts(self) -> Mapping[str, int]:
        """How many transactions live, for metrics and leak tests."""
        return {"serving": len(self._serving), "asking": len(self._asking)}

    def asks(self, host: str) -> bool:
        """Tell whether requests of ours to a host are under way."""
        return host in self._hosts

    def serving(self, message: Request) -> Answering | None:
        """Find the server transaction that a request belongs to (17.2.3); ACK belongs to its INVITE's."""
        return self._serving.get(server_key(message))

    def cancelled(self, cancel: Request) -> Answering | None:
        """Find the INVITE transaction that a CANCEL means (9.2)."""
        return self._serving.get(server_key(cancel, "INVITE"))

    def merged(self, message: Request) -> bool:
        """Tell a request that reached us over another way already (8.2.2.2)."""
        return merge_key(message) in self._merged

    def serve(self, message: Request, vias: Vias, hop: Hop, local_tag: str) -> Answering:
        """Begin a server transaction; its answers carry `vias` and go to `hop`."""
        exchange = Answering(self, message, vias, hop, local_tag)
        self._serving[exchange.key] = exchange
        if exchange.merge_key:
            self._merged.setdefault(exchange.merge_key, exchange)
        exchange.take(Event.START)
        return exchange

    def ask(
        self,
        message: Request,
        hop: Hop,
        on_response: Callable[[Response], None],
        on_lost: Callable[[int], None],
        spare: Spare | None = None,
    ) -> Asking:
        """Begin a client transaction: send and repeat until answered.

        Args:
            message: the request; its top Via holds a fresh branch.
            hop: where to.
            on_response: called with every response that the machine passes on.
            on_lost: called with 408 when no answer came in time, 503 when it could not be sent.
            spare: another way, taken if this one fails before any answer.
        """
        exchange = Asking(self, message, hop, on_response, on_lost)
        exchange.spare = spare
        self._asking[exchange.key] = exchange
        self._hosts[hop.address[0]] += 1
        exchange.take(Event.START)
        return exchange

    def answered(self, message: Response) -> Asking | None:
        """Feed a response to its client transaction (17.1.3); None when there is none."""
        exchange = self._asking.get((message.via.branch, message.cseq.method))
        if exchange:
            exchange.take(status_event(message.status), message)
        return exchange

    def failed(self, hop: Hop) -> None:
        """A connection is gone: whoever waits for an answer on it waits in vain."""
        for exchange in [one for one in self._asking.values() if one.hop == hop]:
            exchange.take(Event.TRANSPORT_ERROR)

    def drop(self, exchange: _Exchange) -> None:
        """Take a finished transaction out of the tables."""
        if isinstance(exchange, Answering):
            self._serving.pop(exchange.key, None)
            if self._merged.get(exchange.merge_key) is exchange:
                del self._merged[exchange.merge_key]
        elif self._asking.pop(exchange.key, None):
            host = exchange.hop.address[0]
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def close(self) -> None:
        """Drop all."""
        for exchange in [*self._serving.values(), *self._asking.values()]:
            exchange.forget()


def merge_key(message: Request) -> Key:
    """Give what two copies of a request share that came over different ways (8.2.2.2)."""
    return message.call_id, message.sender.tag, str(message.cseq)


def server_key(message: Request, method: str = "") -> Key:
    """Give what identifies a server transaction (17.2.3); without the magic cookie as RFC 2543 had it."""
    method = method or ("INVITE" if message.method == "ACK" else message.method)
    branch = message.via.branch
    if branch.startswith(COOKIE):
        return (branch, message.via.sent_by, method)
    return (
        message.call_id,
        message.sender.tag,
        str(message.cseq.number),
        message.uri,
        message.headers.get("Via"),
        method,
    )

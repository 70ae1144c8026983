"""The four transaction machines of RFC 3261 17.1 and 17.2, with RFC 6026, as tables.

The tables are the documentation: (state, event) -> (next state, actions). What has no row is ignored.
Whoever runs a machine sends, passes on and sets timers as the actions say; the machine knows no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

TIMER_2_S = 4.0  # T2: longest gap between repetitions
TIMER_4_S = 5.0  # T4: how long a message may stay in the network


class State(StrEnum):
    """Where a transaction stands."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Event(StrEnum):
    """What happens to a transaction: a message class, a timer, or the transport's failure."""

    START = "start"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    REQUEST = "request again"
    ACK = "ack"
    TRANSPORT_ERROR = "transport error"
    A = "timer A"
    B = "timer B"
    D = "timer D"
    E = "timer E"
    F = "timer F"
    G = "timer G"
    H = "timer H"
    I = "timer I"  # noqa: E741  # the RFC's name
    J = "timer J"
    K = "timer K"
    L = "timer L"
    M = "timer M"


class Action(StrEnum):
    """What the runner does."""

    SEND = "send"
    RESEND = "resend"
    ACK = "send ACK"
    PASS = "pass on"  # noqa: S105  # no password: handing a message to the user of the transaction
    TIMEOUT = "tell timeout"
    FAIL = "tell failure"
    SET_A = "set timer A"
    SET_B = "set timer B"
    SET_D = "set timer D"
    SET_E = "set timer E"
    SET_F = "set timer F"
    SET_G = "set timer G"
    SET_H = "set timer H"
    SET_I = "set timer I"
    SET_J = "set timer J"
    SET_K = "set timer K"
    SET_L = "set timer L"
    SET_M = "set timer M"


Table = Mapping[tuple[State, Event], tuple[State, tuple[Action, ...]]]

_S, _E, _A = State, Event, Action

# RFC 3261 figure 5 with RFC 6026 8.4 (Accepted instead of Terminated after 2xx).
CLIENT_INVITE: Table = {
    (_S.CALLING, _E.START): (_S.CALLING, (_A.SEND, _A.SET_A, _A.SET_B)),
    (_S.CALLING, _E.A): (_S.CALLING, (_A.RESEND, _A.SET_A)),
    (_S.CALLING, _E.B): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.CALLING, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.CALLING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.CALLING, _E.SUCCESS): (_S.ACCEPTED, (_A.SET_M, _A.PASS)),
    (_S.CALLING, _E.FAILURE): (_S.COMPLETED, (_A.ACK, _A.SET_D, _A.PASS)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.ACCEPTED, (_A.SET_M, _A.PASS)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.ACK, _A.SET_D, _A.PASS)),
    (_S.COMPLETED, _E.FAILURE): (_S.COMPLETED, (_A.ACK,)),
    (_S.COMPLETED, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.COMPLETED, _E.D): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _E.SUCCESS): (_S.ACCEPTED, (_A.PASS,)),
    (_S.ACCEPTED, _E.M): (_S.TERMINATED, ()),
}

# RFC 3261 figure 6.
CLIENT_OTHER: Table = {
    (_S.TRYING, _E.START): (_S.TRYING, (_A.SEND, _A.SET_E, _A.SET_F)),
    (_S.TRYING, _E.E): (_S.TRYING, (_A.RESEND, _A.SET_E)),
    (_S.TRYING, _E.F): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.TRYING, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.TRYING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.TRYING, _E.SUCCESS): (_S.COMPLETED, (_A.SET_K, _A.PASS)),
    (_S.TRYING, _E.FAILURE): (_S.COMPLETED, (_A.SET_K, _A.PASS)),
    (_S.PROCEEDING, _E.E): (_S.PROCEEDING, (_A.RESEND, _A.SET_E)),
    (_S.PROCEEDING, _E.F): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.PROCEEDING, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.COMPLETED, (_A.SET_K, _A.PASS)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.SET_K, _A.PASS)),
    (_S.COMPLETED, _E.K): (_S.TERMINATED, ()),
}

# RFC 3261 figure 7 with RFC 6026 8.5; SEND means the response that the event carries.
SERVER_INVITE: Table = {
    (_S.PROCEEDING, _E.START): (_S.PROCEEDING, (_A.PASS,)),
    (_S.PROCEEDING, _E.REQUEST): (_S.PROCEEDING, (_A.RESEND,)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.ACCEPTED, (_A.SEND, _A.SET_L)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.SEND, _A.SET_G, _A.SET_H)),
    (_S.PROCEEDING, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.COMPLETED, _E.REQUEST): (_S.COMPLETED, (_A.RESEND,)),
    (_S.COMPLETED, _E.G): (_S.COMPLETED, (_A.RESEND, _A.SET_G)),
    (_S.COMPLETED, _E.ACK): (_S.CONFIRMED, (_A.SET_I,)),
    (_S.COMPLETED, _E.H): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.COMPLETED, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.CONFIRMED, _E.I): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _E.SUCCESS): (_S.ACCEPTED, (_A.SEND,)),
    (_S.ACCEPTED, _E.ACK): (_S.ACCEPTED, (_A.PASS,)),
    (_S.ACCEPTED, _E.L): (_S.TERMINATED, ()),
}

# RFC 3261 figure 8.
SERVER_OTHER: Table = {
    (_S.TRYING, _E.START): (_S.TRYING, (_A.PASS,)),
    (_S.TRYING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.TRYING, _E.SUCCESS): (_S.COMPLETED, (_A.SEND, _A.SET_J)),
    (_S.TRYING, _E.FAILURE): (_S.COMPLETED, (_A.SEND, _A.SET_J)),
    (_S.TRYING, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.PROCEEDING, _E.REQUEST): (_S.PROCEEDING, (_A.RESEND,)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.COMPLETED, (_A.SEND, _A.SET_J)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.SEND, _A.SET_J)),
    (_S.PROCEEDING, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.COMPLETED, _E.REQUEST): (_S.COMPLETED, (_A.RESEND,)),
    (_S.COMPLETED, _E.TRANSPORT_ERROR): (_S.TERMINATED, (_A.FAIL,)),
    (_S.COMPLETED, _E.J): (_S.TERMINATED, ()),
}

# Which timer an action sets.
TIMERS: Mapping[Action, Event] = {
    _A.SET_A: _E.A,
    _A.SET_B: _E.B,
    _A.SET_D: _E.D,
    _A.SET_E: _E.E,
    _A.SET_F: _E.F,
    _A.SET_G: _E.G,
    _A.SET_H: _E.H,
    _A.SET_I: _E.I,
    _A.SET_J: _E.J,
    _A.SET_K: _E.K,
    _A.SET_L: _E.L,
    _A.SET_M: _E.M,
}
_REPEATING = frozenset({_E.A, _E.E, _E.G})
_BRIEF = frozenset({_E.I, _E.K})
# Over a reliable transport the network neither loses nor delays copies (RFC 3261 table 4).
_ZERO_IF_RELIABLE = frozenset({_E.D, _E.I, _E.J, _E.K})
_TIMER_D_S = 32.0


def status_event(status: int) -> Event:
    """Class a response's status."""
    if status < 200:  # noqa: PLR2004  # provisional
        return Event.PROVISIONAL
    return Event.SUCCESS if status < 300 else Event.FAILURE  # noqa: PLR2004  # success ends here


class Machine:
    """One transaction's state.

    Args:
        table: one of the four.
        reliable: the transport repeats by itself (TCP, TLS).
        t1_s: round-trip estimate in seconds.
    """

    __slots__ = ("_gap", "reliable", "state", "t1_s", "table")

    def __init__(self, table: Table, *, reliable: bool, t1_s: float = 0.5) -> None:
        self.table = table
        self.reliable = reliable
        self.t1_s = t1_s
        self.state = next(iter(table))[0]
        self._gap = 0.0

    def take(self, event: Event) -> tuple[Action, ...]:
        """Advance by one event and give what is to be done; nothing for an event without a row."""
        row = self.table.get((self.state, event))
        if row is None:
            return ()
        self.state, actions = row
        return actions

    def wait_s(self, timer: Event) -> float | None:
        """Give the seconds to set a timer to; None when it is not set over this transport."""
        if timer in _REPEATING:
            return None if self.reliable else self._next_gap(timer)
        if self.reliable and timer in _ZERO_IF_RELIABLE:
            return 0.0
        if timer in _BRIEF:
            return TIMER_4_S * self.t1_s * 2
        return max(_TIMER_D_S * self.t1_s * 2, 64 * self.t1_s) if timer is Event.D else 64 * self.t1_s

    def _next_gap(self, timer: Event) -> float:
        """Double from T1; A without limit, E and G up to T2; E stays at T2 once proceeding (17.1.2.2)."""
        longest = TIMER_2_S * self.t1_s * 2
        self._gap = self._gap * 2 or self.t1_s
        if timer is not Event.A:
            self._gap = min(self._gap, longest)
        if timer is Event.E and self.state is State.PROCEEDING:
            self._gap = longest
        return self._gap

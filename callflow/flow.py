"""A compiled call flow and the state of one call in it: frozen data, nothing else.

Node kinds live one file each in `callflow/kinds/`; they are frozen models that a `Flow` maps names to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from callflow.effects import Effect, Urgency
from callflow.events import Caller, Event

__all__ = ["Flow", "Leave", "Move", "Node", "State", "Stay", "changed"]


@dataclass(frozen=True)
class State:
    """Where one call stands; a value with an exact JSON round trip (`callflow.codec.STATES`).

    Args:
        call: the call's id.
        flow: content hash of the flow version the call began with.
        node: name of the node the call is in, "" before the first step.
        turn: counts the steps; a line effect belongs to the turn that gave it.
        phase: the node's own word for how far it is ("" on entry, e.g. "confirm").
        scratch: the node's own memory for `phase`, e.g. the number being confirmed.
        tries: misunderstood or missing inputs at this node.
        caller: the calling party, normalised.
        dialled: practice number, E.164.
        concern: key of the reason chosen so far, "" for none.
        urgency: how soon a human must look.
        left: what the call has left for the practice so far: "" | "link" | "card" | "human" | "told"
            (the spoken state of a request that already has its card).
        links: concerns for which a form link was sent; none is sent twice.
        variables: the call's own variables, sorted by name.
        stack: subflow nodes to return through, innermost last.
        language: language spoken now.
    typed: key pressed ahead, while an announcement was playing; the next menu takes it.
        ended: the call is over; no event is expected any more.
    """

    call: str
    flow: str
    node: str = ""
    turn: int = 0
    phase: str = ""
    scratch: str = ""
    tries: int = 0
    caller: Caller = field(default_factory=Caller)
    dialled: str = ""
    concern: str = ""
    urgency: Urgency = "routine"
    left: str = ""
    links: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    stack: tuple[str, ...] = ()
    language: str = "de"
    typed: str = ""
    ended: bool = False


if TYPE_CHECKING:
    from dataclasses import replace as changed
else:

    def changed(state: State, **fields: object) -> State:
        """Return `state` with `fields` changed; as `dataclasses.replace`, at a tenth of its cost.

        Calls take several of these a step. `replace` would run the frozen constructor, field by field.
        """
        new = object.__new__(State)
        new.__dict__.update(state.__dict__, **fields)
        return new


@dataclass(frozen=True, slots=True)
class Stay:
    """The node waits: `effects` are record effects followed by exactly one line effect or one `Ask`.

    After the call has ended (`state.ended`) there may be record effects only.
    """

    state: State
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """The node is done: the call goes on where `exit` leads; `effects` are record effects only."""

    exit: str
    state: State
    effects: tuple[Effect, ...] = ()


Move = Stay | Leave


class Node(Protocol):
    """What the engine needs of a node; `ends` names the exits by which a call ends here."""

    ends: ClassVar[tuple[str, ...]]

    def owns(self, state: State, digits: str) -> bool:
        """Tell whether the node itself wants `digits`, though they are a key that works everywhere."""

    def enter(self, flow: Flow, state: State) -> Move:
        """Begin the node."""

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Go on with an event that answers the node's last effect; an odd event counts as silence."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A checked, compiled flow.

    Args:
        name: name in config/flows/.
        version: content hash over everything the call can meet (flow text, subflows, prompts' names).
        language: language a call begins in.
        start: first node.
        nodes: name -> node; names of subflows' nodes are prefixed "subflow/".
        links: node name -> exit -> node name, or "return" / "return.<exit>" out of a subflow.
        everywhere: keys that work at every node, key -> node name ("9" -> "dringend").
        variables: declared variables with their first value, sorted by name.
    """

    name: str
    version: str
    language: str
    start: str
    nodes: Mapping[str, Node]
    links: Mapping[str, Mapping[str, str]]
    everywhere: Mapping[str, str]
    variables: tuple[tuple[str, str], ...] = ()

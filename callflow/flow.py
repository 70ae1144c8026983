"""A compiled call flow and the state of one call in it: frozen data, nothing else.

Node kinds live one file each in `callflow/kinds/`; they are frozen models that a `Flow` maps names to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from callflow.effects import Effect, Urgency
from callflow.events import Caller, Event


@dataclass(frozen=True, slots=True)
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
        left: what the call has left for the practice so far: "" | "link" | "card" | "human".
        variables: the call's own variables, sorted by name.
        stack: nodes to return to from subflows, innermost last.
        language: language spoken now.
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
    variables: tuple[tuple[str, str], ...] = ()
    stack: tuple[str, ...] = ()
    language: str = "de"
    ended: bool = False


class Node(Protocol):
    """What the engine needs of a node kind."""

    def exits(self) -> Mapping[str, str]:
        """Return each exit's name with the name of the node it leads to."""

    def enter(self, flow: Flow, state: State) -> tuple[State, tuple[Effect, ...]]:
        """Begin the node."""

    def resume(self, flow: Flow, state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        """Go on with an event that answers the node's last effect."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A checked, compiled flow.

    Args:
        name: name in config/flows/.
        version: content hash over everything the call can meet (flow text, subflows, prompts' names).
        language: language a call begins in.
        start: first node.
        nodes: name -> node; names of subflows' nodes are prefixed "subflow/".
        everywhere: keys that work at every node, key -> node name ("9" -> "dringend").
    """

    name: str
    version: str
    language: str
    start: str
    nodes: Mapping[str, Node]
    everywhere: Mapping[str, str]

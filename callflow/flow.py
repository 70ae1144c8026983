"""A compiled call flow and the state of one call in it: frozen data, nothing else.

Node kinds live one file each in `callflow/kinds/`; they are frozen models that a `Flow` maps names to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from callflow.effects import Effect, LogStep, Urgency
from callflow.events import Caller, Event

__all__ = ["Flow", "Move", "Node", "State", "Way", "changed", "entered", "numbered"]


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


_NEW = object.__new__
_FILL = vars(State)["__dict__"].__set__  # past the frozen setter, for a value that nobody has seen yet

if TYPE_CHECKING:
    from dataclasses import replace as changed
else:

    def changed(state: State, **fields: object) -> State:
        """Return `state` with `fields` changed; as `dataclasses.replace`, at a tenth of its cost.

        Calls take one or two of these a step. `replace` would run the frozen constructor, field by field.
        """
        new = _NEW(State)
        _FILL(new, state.__dict__ | fields)
        return new


def entered(state: State, node: str, turn: int) -> State:
    """Return `state` at the beginning of `node`: `changed`, written out since every step takes it."""
    new, kept = _NEW(State), state.__dict__.copy()
    kept["node"], kept["turn"], kept["phase"], kept["scratch"], kept["tries"] = node, turn, "", "", 0
    _FILL(new, kept)
    return new


def numbered(state: State, before: State, turn: int) -> State:
    """Give `state` its turn: in place if a node has made it out of `before`, since nobody has seen it yet."""
    if state is before:
        return changed(state, turn=turn)
    vars(state)["turn"] = turn
    return state


Move = tuple[str, State, tuple[Effect, ...]]
"""What a node does, made by `callflow.kinds.base.leave` and `stay`: exit, state, effects.

With an exit the node is done and the call goes on where that leads; the effects are record effects only.
With exit "" it waits: record effects are followed by exactly one line effect or one `Ask`; after the call has
ended (`state.ended`) there may be record effects only. A plain tuple, because every step makes two.
"""

Enter = Callable[["Flow", State], Move]
Resume = Callable[["Flow", State, Event], Move]
Way = tuple[str, tuple[LogStep, ...]]
"""Where an exit leads ("return..." out of a subflow) and what is written down about it."""


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
        private: variables that hold what a caller typed or left; nothing said with them outlives the call.
        enters: node name -> its `enter`, made from `nodes`; likewise `resumes`.
        ways: (node name, exit) -> where it leads and what is written down, made from `links`.
    """

    name: str
    version: str
    language: str
    start: str
    nodes: Mapping[str, Node]
    links: Mapping[str, Mapping[str, str]]
    everywhere: Mapping[str, str]
    variables: tuple[tuple[str, str], ...] = ()
    private: frozenset[str] = frozenset()
    enters: Mapping[str, Enter] = field(init=False, repr=False, compare=False)
    resumes: Mapping[str, Resume] = field(init=False, repr=False, compare=False)
    ways: Mapping[tuple[str, str], Way] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay out once what every step looks up."""
        ways = {
            (node, exit_): (target, (LogStep(node, exit_),))
            for node, exits in self.links.items()
            for exit_, target in exits.items()
        }
        object.__setattr__(self, "enters", {name: node.enter for name, node in self.nodes.items()})
        object.__setattr__(self, "resumes", {name: node.resume for name, node in self.nodes.items()})
        object.__setattr__(self, "ways", ways)

"""The engine beside two state-machine libraries that drive the same graph, and what compiling costs.

Every machine takes the same call through the example practice's flow, one event each: a mobile caller
mistypes, asks for a prescription and takes the link. Ours always does all of it: it numbers turns, keeps
variables, judges numbers, makes line effects, writes log entries and sends the link. The peers are driven in
three ways, from fair to generous:

- whole calls: each call has its own machine, as calls go side by side (the peers bind one for every call,
  ours is a value), and the peer makes the line effect of each state it enters;
- one machine kept: as before, but all calls share one machine that is only set back, one after another;
- changing state only: that one machine makes no line effect either.

CPU time, the best of several runs.
"""

from __future__ import annotations

import json
import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime

from statemachine import State as PeerState
from statemachine import StateMachine
from transitions import Machine

from callflow.codec import STATES
from callflow.effects import Gather
from callflow.engine import begin, step
from callflow.engine.walker import passes
from callflow.events import Caller, CallStarted, DigitsPressed, Event, PromptFinished, Told
from callflow.flow import Flow, State
from callflow.kinds.base import say
from callflow.language import look
from tests.bench.rows import Row, write
from tests.language.hostile import CORPUS
from tests.support.flows import flow_of, practice_folder, surroundings

BLANK = State("peer", "")
REPEATS = 7
CALLS = 2000
NODES = 2000
STARTED = CallStarted("+493511", Caller("+491712345678", "mobile"), datetime(2026, 11, 23, 9, tzinfo=UTC))
EVENTS: tuple[Event, ...] = (
    STARTED,
    PromptFinished(),
    Told("open"),
    DigitsPressed("7"),
    DigitsPressed("1"),
    DigitsPressed("1"),
    PromptFinished(),
)


def microseconds(call: Callable[[], object], number: int = CALLS) -> float:
    """Measure one run of `call` in microseconds of CPU time, the best of several."""
    return min(timeit.repeat(call, number=number, repeat=REPEATS, timer=time.process_time)) / number * 1e6


def ours(flow: Flow) -> None:
    """Take one call through the engine."""
    state = begin(flow, "c1")
    for event in EVENTS:
        state, _ = step(flow, state, event)
    if not state.ended:
        raise RuntimeError("the measured call does not end")


def ours_moved(flow: Flow) -> None:
    """Take one call through the engine, its state through JSON at every step."""
    state = begin(flow, "c1")
    for event in EVENTS:
        state = STATES.validate_json(STATES.dump_json(state))
        state, _ = step(flow, state, event)


def way(flow: Flow) -> list[tuple[str, str]]:
    """List the (node, exit) pairs that the measured call takes."""
    state, gone = begin(flow, "c1"), list[tuple[str, str]]()
    for event in EVENTS:
        state, effects = step(flow, state, event)
        found = passes(effects)
        while found:  # a step's set, in the order of the links
            expected = flow.links[gone[-1][0]].get(gone[-1][1]) if gone else flow.start
            (following,) = [pair for pair in found if pair[0] == expected]
            gone.append(following)
            found.remove(following)
    return gone


def edges(flow: Flow) -> list[tuple[str, str, str]]:
    """List (node, exit, target) for the peers.

    Keys that work everywhere lead on from the start; `again` stays (a menu's next try); `restart` leads from
    the ends to the start, since one library refuses graphs without it.
    """
    found = [(node, exit_, to) for node, exits in flow.links.items() for exit_, to in exits.items()]
    found += [(flow.start, f"key{key}", to) for key, to in flow.everywhere.items()]
    found += [(node, "again", node) for node in flow.nodes]
    return found + [(node, "restart", flow.start) for node, exits in flow.links.items() if not exits]


class Peer:
    """What a peer's machine keeps of a call: what is to be said in its state."""

    def __init__(self, speech: dict[str, tuple[str, ...]]) -> None:
        self.state: str | None = None
        self.speech = speech
        self.effects: tuple[Gather, ...] = ()

    def speak(self) -> None:
        """Make the line effect of the state just entered."""
        self.enter(str(self.state))

    def enter(self, name: str) -> None:
        """As `speak`, for a library that tells where it is."""
        self.effects = (Gather(tuple(say(BLANK, prompt) for prompt in self.speech[name])),)


def speech_of(flow: Flow) -> dict[str, tuple[str, ...]]:
    """List one prompt for every node that speaks."""
    named = {
        name: [found.value for found in node.references() if found.what == "prompt"]  # type: ignore[attr-defined]
        for name, node in flow.nodes.items()
    }
    return {name: tuple(prompts[:1]) for name, prompts in named.items()}


def with_transitions(flow: Flow, triggers: list[str]) -> tuple[Callable[[], None], ...]:
    """Drive the flow's graph with `transitions`: whole calls, calls through JSON, one machine kept, bare."""
    rules = [{"trigger": f"{node}:{exit_}", "source": node, "dest": to} for node, exit_, to in edges(flow)]
    common = {
        "states": list(flow.nodes),
        "transitions": rules,
        "initial": flow.start,
        "auto_transitions": False,
    }
    machine = Machine(None, after_state_change="speak", **common)
    bare_model = Bare()
    bare_machine = Machine(bare_model, **common)
    speech = speech_of(flow)
    kept_model = Peer(speech)
    kept_machine = Machine(kept_model, after_state_change="speak", **common)

    def call() -> None:
        model = Peer(speech)
        machine.add_model(model, flow.start)
        model.speak()
        for trigger in triggers:
            model.trigger(trigger)  # type: ignore[attr-defined]
        machine.remove_model(model)

    def moved() -> None:
        kept = json.dumps({"state": flow.start})
        for trigger in triggers:
            model = Peer(speech)
            machine.add_model(model, json.loads(kept)["state"])
            model.trigger(trigger)  # type: ignore[attr-defined]
            machine.remove_model(model)
            kept = json.dumps({"state": model.state})

    def kept() -> None:
        kept_machine.set_state(flow.start)
        kept_model.speak()
        for trigger in triggers:
            kept_model.trigger(trigger)  # type: ignore[attr-defined]

    def bare() -> None:
        bare_machine.set_state(flow.start)
        for trigger in triggers:
            bare_model.trigger(trigger)  # type: ignore[attr-defined]

    return call, moved, kept, bare


class Bare:
    """A model that only has a state."""


def with_statemachine(flow: Flow, triggers: list[str]) -> Callable[[], None]:
    """Drive the flow's graph with the library `python-statemachine`, whole calls."""
    states = {name: PeerState(name, initial=name == flow.start) for name in flow.nodes}
    body: dict[str, object] = dict(states)
    for node, exit_, target in edges(flow):
        body[f"e_{node}_{exit_}"] = states[node].to(states[target])
    body["on_enter_state"] = lambda self, target: self.model.enter(target.id)
    peer = type("PeerMachine", (StateMachine,), body)
    names = [f"e_{trigger.replace(':', '_')}" for trigger in triggers]
    speech = speech_of(flow)

    def call() -> None:
        machine = peer(Peer(speech))
        for name in names:
            machine.send(name)

    return call


def large_flow(count: int) -> bytes:
    """Write a flow of `count` nodes: a chain of menus."""
    nodes: dict[str, object] = {
        f"n{index}": {
            "menu": {
                "text": "Im Notfall wählen Sie 112. Weiter mit der 1.",
                "choices": {"1": {"to": f"n{index + 1}", "concern": "rezept"}, "2": "ende"},
                "no_input": "mensch",
                "no_match": "mensch",
            }
        }
        for index in range(count - 2)
    }
    nodes[f"n{count - 2}"] = {"hangup": {}}
    nodes["ende"] = {"hangup": {"prompt": "goodbye"}}
    nodes["mensch"] = {"transfer": {"destination": "empfang", "otherwise": "ende"}}
    head = {"flow": "gross", "start": "n0", "everywhere": {"0": "mensch"}}
    return json.dumps({**head, "nodes": nodes}, ensure_ascii=False).encode()


def looked(raw: bytes) -> Flow | None:
    """Check and compile."""
    return look(practice_folder("praxis") / "flows/gross.yaml", surroundings(), raw)[0]


def peer_triggers(flow: Flow, gone: list[tuple[str, str]]) -> list[str]:
    """Give the peers one trigger for each of our events: the exits taken, a second try, a confirmation."""
    found = []
    for node, exit_ in gone:
        if exit_ not in flow.links[node]:
            continue  # the end of the call is no transition
        if flow.nodes[node].word in ("menu", "deflect"):  # type: ignore[attr-defined]
            found.append(f"{node}:again")
        found.append(f"{node}:{exit_}")
    return found


def main() -> None:
    """Measure and write var/bench/engine.json."""
    flow = flow_of("praxis", "praxis")
    gone = way(flow)
    triggers = peer_triggers(flow, gone)
    steps = len(EVENTS)
    own, moved = microseconds(lambda: ours(flow)), microseconds(lambda: ours_moved(flow))
    whole, through, kept, bare = with_transitions(flow, triggers)
    first, one, state_only = microseconds(whole, CALLS // 10), microseconds(kept), microseconds(bare)
    apart = microseconds(through, CALLS // 20)
    second = microseconds(with_statemachine(flow, triggers), CALLS // 20)
    large = large_flow(NODES)
    compiled = looked(large)
    if compiled is None:
        raise RuntimeError("the large flow is not accepted")
    hostile = max(microseconds(lambda raw=raw: looked(raw), 1) for raw, _ in CORPUS.values())  # type: ignore[misc]
    write(
        "engine",
        [
            Row("us a step, whole calls", own / steps, "us", "transitions", first / steps),
            Row("us a step, whole calls (2)", own / steps, "us", "python-statemachine", second / steps),
            Row(
                "steps a second, whole calls",
                steps * 1e6 / own,
                "steps/s",
                "transitions",
                steps * 1e6 / first,
            ),
            Row("us a step, peer keeps one machine", own / steps, "us", "transitions", one / steps),
            Row(
                "us a step, peer changes state only",
                own / steps,
                "us",
                "transitions",
                state_only / len(triggers),
            ),
            Row("us a step, state through JSON", moved / steps, "us", "transitions", apart / len(triggers)),
            Row(
                f"check and compile {len(compiled.nodes)} nodes",
                microseconds(lambda: looked(large), 1) / 1000,
                "ms",
            ),
            Row(f"slowest answer to {len(CORPUS)} hostile files", hostile / 1000, "ms"),
        ],
    )


if __name__ == "__main__":
    main()

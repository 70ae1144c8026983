"""What all node kinds share: how a field says what it refers to, prompts, closing a call.

A kind is one file: a frozen pydantic model (its YAML form) with pure behaviour. Fields that name something
elsewhere carry a `Refers` mark; exits, the checker and the JSON schema are derived from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from callflow.effects import Effect, EndCall, LineEffect, LogStep, OpenCard, Prompt, RecordEffect
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, changed

What = Literal["node", "prompt", "destination", "calendar", "concern", "variable", "flow"]
Severity = Literal["error", "warning"]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Refers:
    """Mark of a field whose value names something: a node (then the field is an exit), a prompt, ..."""

    what: What


Exit = Annotated[str, Refers("node")]
PromptName = Annotated[str, Refers("prompt")]
Destination = Annotated[str, Refers("destination")]
CalendarName = Annotated[str, Refers("calendar")]
Concern = Annotated[str, Refers("concern")]
Variable = Annotated[str, Refers("variable")]
FlowName = Annotated[str, Refers("flow")]
Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
Seconds = Annotated[int, Field(ge=1, le=600)]
Tries = Annotated[int, Field(ge=1, le=5)]
KEYS = "0123456789*#"

APOLOGY = "apology"
"""Prompt for a call that cannot go on; every flow may need it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`value` at `path` inside a node names something of sort `what`."""

    what: What
    path: Path
    value: str


@dataclass(frozen=True, slots=True)
class Lint:
    """A fault that a kind finds in its own node: a code of the message catalogue and what to fill in."""

    code: str
    path: Path = ()
    values: tuple[tuple[str, str], ...] = ()
    severity: Severity = "error"


class Part(BaseModel):
    """A piece of a flow file: frozen, and no unknown key is let pass."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    def references(self) -> Iterator[Reference]:
        """Give every non-empty name in the part, nested parts included."""
        for name, what in marks(type(self)).items():
            if value := getattr(self, name):
                yield Reference(what, (name,), value)
        for field, value in self:
            name = type(self).model_fields[field].alias or field
            for key, part in value.items() if isinstance(value, dict) else ((None, value),):
                if isinstance(part, Part):
                    place = (name,) if key is None else (name, key)
                    yield from (replace(found, path=place + found.path) for found in part.references())


def marks(model: type[BaseModel]) -> dict[str, What]:
    """Tell which fields of `model` refer to what."""
    found: dict[str, What] = {}
    for name, info in model.model_fields.items():
        for mark in (*info.metadata, *(m for arg in get_args(info.annotation) for m in _extras(arg))):
            if isinstance(mark, Refers):
                found[name] = mark.what
    return found


def _extras(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__metadata__", ())


class Kind(Part):
    """Base of the node kinds.

    Class attributes:
        word: the keyword in YAML.
        waits: the call never comes past the node without waiting for the caller or the far end, so a
            loop through it is no endless loop.
        asks: the node waits for a key, so that a call does not come past it by itself.
        human: the node brings the caller to a person.
        ends: exits by which the call ends in this node.
        defines: variables that the node fills, whether or not the flow declares them.
        speaks: values that the node's own prompts may ask for, beside the call's variables.
    """

    word: ClassVar[str]
    waits: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    human: ClassVar[bool] = False
    ends: ClassVar[tuple[str, ...]] = ()
    defines: ClassVar[tuple[str, ...]] = ()
    speaks: ClassVar[tuple[str, ...]] = ()

    def exits(self) -> Mapping[str, str]:
        """Return each exit's name with the name of the node it leads to."""
        return {
            found.path[0] if len(found.path) == 1 else str(found.path[1]): found.value  # type: ignore[misc]
            for found in self.references()
            if found.what == "node"
        }

    def lints(self) -> Iterator[Lint]:
        """Find faults that can be seen in this node alone."""
        yield from ()

    def languages(self) -> tuple[str, ...]:
        """List the languages that the node can switch to."""
        return ()

    def private(self) -> tuple[str, ...]:
        """List the variables that the node fills with what a caller typed or left."""
        return ()

    @cached_property
    def _said(self) -> dict[tuple[str, str], tuple[tuple[tuple[str, str], ...], LineEffect]]:
        return {}

    def said(self, state: State, what: str = "") -> LineEffect | None:
        """Return the line effect kept as `what` for the call's language, if it speaks the same values.

        Calls differ little in what a node says to them: making it anew was half the cost of a step.
        """
        kept = self._said.get((what, state.language))
        return kept[1] if kept is not None and kept[0] == state.variables else None

    def saying(self, flow: Flow, state: State, effect: LineEffect, what: str = "") -> LineEffect:
        """Keep `effect` for `said` in place of the last one, unless it may speak of this caller."""
        if not any(value and name in flow.private for name, value in state.variables):
            self._said[what, state.language] = (state.variables, effect)
        return effect

    def owns(self, state: State, digits: str) -> bool:
        """By default no node keeps a key that works everywhere for itself."""
        del state, digits
        return False

    def enter(self, flow: Flow, state: State) -> Move:
        """Begin the node."""
        raise NotImplementedError

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Go on with an event that answers the node's last effect."""
        raise NotImplementedError


class Speaking(Kind):
    """A kind with a text of its own: either `prompt` (a file in ivr_prompts/) or `text` (inline)."""

    prompt: PromptName = ""
    text: str = Field(default="", max_length=1000)

    needs_words: ClassVar[bool] = True

    def lints(self) -> Iterator[Lint]:
        """Demand exactly one of `prompt` and `text`."""
        if self.prompt and self.text:
            yield Lint("words-twice", ("text",))
        if self.needs_words and not (self.prompt or self.text):
            yield Lint("words-missing")

    def words(self, state: State, **values: str) -> tuple[Prompt, ...]:
        """Give the node's own text, () if it has none."""
        if self.text:
            return (replace(say(state, "", **values), text=self.text),)
        return (say(state, self.prompt, **values),) if self.prompt else ()


def say(state: State, name: str, **values: str) -> Prompt:
    """Make a prompt in the call's language; it may speak the call's variables and `values`."""
    extra = tuple(values.items())
    return Prompt(
        name=name, language=state.language, values=state.variables + extra if extra else state.variables
    )


def remember(state: State, pairs: tuple[tuple[str, str], ...]) -> State:
    """Set variables of the call."""
    if not pairs:
        return state
    known = dict(state.variables)
    known.update(pairs)
    return changed(state, variables=tuple(sorted(known.items())))


_ENDS = {
    "link": (EndCall("deflected"),),
    "card": (EndCall("callback"),),
    "human": (EndCall("transferred"),),
    "told": (EndCall("informed"),),
}


def ending(state: State) -> tuple[State, tuple[RecordEffect, ...]]:
    """Close the books of a call: whoever leaves nothing behind leaves a missed-call card."""
    over = changed(state, ended=True)
    if state.left:
        return over, _ENDS[state.left]
    card = OpenCard("missed", state.concern, state.urgency, state.caller.number)
    return over, (card, EndCall("missed"))


def typed_ahead(state: State, event: Event) -> State:
    """Keep a key that cut an announcement short; the next menu takes it."""
    typed = event.digits[:1] if isinstance(event, DigitsPressed) else ""
    return state if state.typed == typed else changed(state, typed=typed)


def leave(state: State, exit_: str, *effects: RecordEffect) -> Move:
    """Leave the node by `exit_`."""
    return exit_, state, effects


def stay(state: State, *effects: Effect) -> Move:
    """Wait in the node for the answer to the last of `effects`."""
    return "", state, effects


def passed(state: State, exit_: str) -> LogStep:
    """Write down that the call left its node by `exit_`, one by which it ends."""
    return _written(state.node, exit_)


_written = lru_cache(maxsize=1024)(LogStep)

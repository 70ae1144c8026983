"""Random nodes of every kind, random flows of them, random events: for property tests."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from callflow.engine.walker import CALLERS, TYPED
from callflow.events import (
    CallStarted,
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    Told,
    TransferAnswered,
    TransferFailed,
)

Fields = dict[str, object]
Exits = SearchStrategy[str]

KEYS = st.sampled_from("0123456789*#")
CONCERNS = st.sampled_from(["", "rezept", "termin", "dringend"])
URGENCIES = st.sampled_from(["", "urgent", "soon", "routine"])
WORDS = st.sampled_from([{"prompt": "main_menu"}, {"text": "Guten Tag."}, {"prompt": "closed"}])


def _some(
    optional: dict[str, SearchStrategy[object]], **needed: SearchStrategy[object]
) -> SearchStrategy[Fields]:
    return st.fixed_dictionaries(needed, optional=optional)


def _spoken(fields: SearchStrategy[Fields]) -> SearchStrategy[Fields]:
    return st.builds(lambda words, others: {**words, **others}, WORDS, fields)


def _choice(to: Exits) -> SearchStrategy[object]:
    return st.one_of(to, _some({"concern": CONCERNS, "urgency": URGENCIES}, to=to))


KINDS: dict[str, Callable[[Exits], SearchStrategy[Fields]]] = {
    "say": lambda to: _spoken(_some({}, then=to)),
    "menu": lambda to: _spoken(
        _some(
            {"tries": st.integers(1, 3), "seconds": st.integers(1, 9)},
            choices=st.dictionaries(KEYS, _choice(to), min_size=1, max_size=4),
            no_input=to,
            no_match=to,
        )
    ),
    "collect": lambda to: _spoken(
        _some(
            {"confirm": st.booleans(), "tries": st.integers(1, 3)},
            into=st.just("notiz"),
            sort=st.sampled_from(["digits", "date", "phone"]),
            then=to,
            no_input=to,
        )
    ),
    "hours": lambda to: _some({"lunch": to, "holiday": to, "closure": to}, open=to, closed=to),
    "caller": lambda to: _some(
        {"mobile": to, "landline": to, "withheld": to, "known": to, "repeat": to, "foreign_language": to},
        otherwise=to,
    ),
    "deflect": lambda to: _some({"concern": CONCERNS, "no_input": to, "no_mobile": to}, then=to, declined=to),
    "callback": lambda to: _some({"concern": CONCERNS, "urgency": URGENCIES}, then=to),
    "transfer": lambda to: _some({"busy": to, "refused": to}, destination=st.just("empfang"), otherwise=to),
    "wait": lambda to: _some(
        {"link": to, "rounds": st.integers(1, 3), "offer_every": st.integers(1, 2)},
        destination=st.just("empfang"),
        callback=to,
        given_up=to,
    ),
    "record": lambda to: _some({"nothing": to}, then=to),
    "status": lambda to: _some({}, then=to, none=to),
    "language": lambda to: _spoken(_some({}, choices=st.just({"2": "en"}), then=to)),
    "set": lambda to: _some(
        {"concern": CONCERNS, "urgency": URGENCIES, "values": st.just({"notiz": "x"})}, then=to
    ),
    "goto": lambda to: st.one_of(
        _some({}, to=to), _some({}, to=to, variable=st.just("notiz"), cases=st.builds(lambda t: {"x": t}, to))
    ),
    "subflow": lambda to: st.builds(lambda t: {"flow": "gemeinsam", "then": t}, to),
    "hangup": lambda _to: st.just({"prompt": "goodbye"}),
}
"""A strategy for the fields of every kind, given one for names of nodes."""

SHARED = """
subflow: gemeinsam
start: frage
nodes:
  frage:
    menu: {prompt: more_menu, choices: {"1": return, "2": notiz}, no_input: return, no_match: return}
  notiz:
    set: {concern: au, then: return}
"""


@st.composite
def flows(draw: st.DrawFn) -> str:
    """Draw the text of a flow that greets, can be left at the end, and reaches a person by 0.

    Every node leads on to the next one by some exit, all others lead anywhere; so most flows pass the
    checker, and loops, early ends and jumps are frequent.
    """
    count = draw(st.integers(1, 6))
    names = [f"n{index}" for index in range(count)]
    anywhere = st.sampled_from([*names, "ende", "mensch"])
    nodes: dict[str, object] = {"gruss": {"say": {"prompt": "greeting", "then": "n0"}}}
    for index, name in enumerate(names):
        following = names[index + 1] if index + 1 < count else "ende"
        word = draw(st.sampled_from(sorted(set(KINDS) - {"hangup"})))
        fields = draw(KINDS[word](anywhere))
        last = (
            "otherwise"
            if "otherwise" in fields
            else next(n for n in ("then", "to", "open", "given_up", "no_input") if n in fields)
        )
        nodes[name] = {word: {**fields, last: following}}
    nodes["mensch"] = {"transfer": {"destination": "empfang", "otherwise": "rueckruf"}}
    nodes["rueckruf"] = {"callback": {"then": "ende"}}
    nodes["ende"] = {"hangup": {"prompt": "goodbye"}}
    everywhere = {"0": "mensch", **draw(st.sampled_from([{}, {"9": "rueckruf"}]))}
    return json.dumps(
        {
            "flow": "zufall",
            "start": "gruss",
            "everywhere": everywhere,
            "variables": {"notiz": {"type": "text"}},
            "nodes": nodes,
        }
    )


DIGITS = st.one_of(KEYS, st.sampled_from(TYPED), st.text("0123456789*#", min_size=1, max_size=20))
EVENTS: SearchStrategy[Event] = st.one_of(
    st.builds(DigitsPressed, DIGITS),
    st.builds(TimedOut, st.one_of(st.just(""), DIGITS)),
    st.just(PromptFinished()),
    st.builds(Recorded, st.sampled_from(["", "sound"]), st.integers(0, 200_000)),
    st.just(TransferAnswered()),
    st.builds(TransferFailed, st.sampled_from(["busy", "no_answer", "refused", "failed"])),
    st.builds(Told, st.sampled_from(["open", "closed", "lunch", "free", "busy", "none", "done", "", "?"])),
    st.builds(CallStarted, st.just("+493511"), st.sampled_from(CALLERS), st.datetimes().map(lambda at: at)),
    st.builds(HungUp, st.sampled_from(["caller", "us", "destination", "error"])),
)
"""Any event at any time, fitting or not."""

STARTS = st.sampled_from(CALLERS)

"""The key script of `rufweiche call` reads as documented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.key_script import AwaitSilence, GiveUp, KeyScriptError, Pause, Press, parse


def test_keys_wait_for_silence_and_pauses_replace_the_wait() -> None:
    assert parse("1,2s,1,500ms, 0171# ,x") == (
        AwaitSilence(),
        Press("1"),
        Pause(2.0),
        Press("1"),
        Pause(0.5),
        Press("0171#"),
        AwaitSilence(),
        GiveUp(),
    )


@pytest.mark.parametrize("script", ["", "1,,1", "1;2", "E", "2 s", "-1s", "601s"])
def test_what_is_neither_keys_nor_pause_is_refused_by_name(script: str) -> None:
    with pytest.raises(KeyScriptError):
        parse(script)


@given(st.lists(st.text("0123456789*#ABCD", min_size=1), min_size=1))
def test_every_key_of_a_script_is_pressed_in_order(groups: list[str]) -> None:
    assert [entry.keys for entry in parse(",".join(groups)) if isinstance(entry, Press)] == groups

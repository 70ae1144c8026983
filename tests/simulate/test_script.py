"""What is typed for a simulated call means one thing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.effects import Gather, HangUp, Play, Record, Transfer
from callflow.simulate.script import (
    Press,
    Quit,
    Ring,
    ScriptError,
    Talk,
    Wait,
    deed,
    default,
    fits,
    queue,
    read,
)


def test_a_script_is_words_between_blanks_and_commas() -> None:
    assert read(" 1, !9  - besetzt spricht:12 01712345678# x") == (
        Press("1"),
        Press("9", early=True),
        Wait(),
        Ring("busy"),
        Talk(12),
        Press("01712345678"),
        Quit(),
    )


@pytest.mark.parametrize("word", ["hallo", "1x", "!", "#", "spricht:", "1" * 25])
def test_an_unknown_word_is_named_with_those_that_are_known(word: str) -> None:
    with pytest.raises(ScriptError, match="auflegen"):
        deed(word)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_deed_or_refused(text: str) -> None:
    known = Press | Wait | Quit | Talk | Ring
    with suppress(ScriptError):
        assert [done for done in read(text) if not isinstance(done, known)] == []


@pytest.mark.parametrize("effect", [Gather(()), Record(()), Transfer((), "empfang")])
def test_what_happens_by_itself_always_fits(effect: Gather | Record | Transfer) -> None:
    assert fits(default(effect), effect)


def test_a_key_into_the_announcement_waits_for_one() -> None:
    assert (fits(Press("9", early=True), Play(())), fits(Press("9", early=True), Gather(()))) == (True, False)
    assert (fits(Press("9"), Play(())), fits(Press("9"), Gather(()))) == (False, True)
    assert fits(Quit(), Gather(()))
    assert not fits(Talk(3), HangUp())


def test_the_queue_answers_with_place_and_minutes_in_order() -> None:
    assert queue("busy:2:4, busy:1 free") == (
        {"answer": "busy", "position": "2", "minutes": "4"},
        {"answer": "busy", "position": "1"},
        {"answer": "free"},
    )
    assert queue("") == ()


@pytest.mark.parametrize("word", ["xyz", "busy:", "busy:zwei", "busy:1:2:3", "busy:1234", ":2", "BUSY"])
def test_an_answer_that_the_queue_does_not_give_is_refused_with_those_it_gives(word: str) -> None:
    with pytest.raises(ScriptError, match="busy:2:4"):
        queue(word)

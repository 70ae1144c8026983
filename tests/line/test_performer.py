"""One line effect at a time: what the performer promises to the app and to the caller."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from callflow.effects import Clip, Gather, HangUp, LineEffect, Play, Record, Transfer
from callflow.events import (
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    TransferAnswered,
    TransferFailed,
    TransferProblem,
)
from sip.performer import (
    Action,
    DestinationAnswered,
    DestinationFailed,
    Dial,
    EndLeg,
    HungUpBy,
    LegEnded,
    Performance,
    Pressed,
    RecordingEnded,
    Reported,
    SetTimer,
    Speak,
    SpeechEnded,
    StartRecording,
    StopRecording,
    StopSpeech,
    Tell,
    TimeUp,
    begin,
    happened,
)

CLIP = (Clip("a"), Clip("b"))


class Call:
    """A performance under test with everything it did so far."""

    def __init__(self) -> None:
        self.state = Performance()
        self.done: list[Action] = []

    def begin(self, effect: LineEffect) -> list[Action]:
        self.state, actions = begin(self.state, effect)
        self.done += actions
        return list(actions)

    def report(self, *reports: Reported) -> list[Action]:
        got: list[Action] = []
        for reported in reports:
            self.state, actions = happened(self.state, reported)
            got += actions
        self.done += got
        return got

    def press(self, keys: str) -> list[Action]:
        return self.report(*map(Pressed, keys))

    @property
    def told(self) -> list[Event]:
        return [action.event for action in self.done if isinstance(action, Tell)]


def test_a_play_speaks_its_clips_and_tells_when_they_ended() -> None:
    call = Call()
    assert call.begin(Play(CLIP)) == [Speak(("a", "b"), 1)]
    assert call.report(SpeechEnded(1)) == [Tell(PromptFinished())]


def test_a_play_without_speech_ends_at_once() -> None:
    assert Call().begin(Play(())) == [Tell(PromptFinished())]


def test_a_listed_key_stops_a_play_and_others_are_kept_for_the_next_gather() -> None:
    call = Call()
    call.begin(Play(CLIP, keys="09"))
    assert call.press("1") == []
    assert call.press("9") == [StopSpeech(), Tell(DigitsPressed("9"))]
    assert call.begin(Gather(CLIP)) == [Tell(DigitsPressed("1"))]


def test_a_key_typed_ahead_ends_a_play_that_listens_for_it() -> None:
    call = Call()
    call.press("9")
    assert call.begin(Play(CLIP, keys="9")) == [Tell(DigitsPressed("9"))]
    assert call.state == Performance()


def test_any_key_stops_the_speech_of_a_gather_and_counts() -> None:
    call = Call()
    call.begin(Gather(CLIP))
    assert call.press("4") == [StopSpeech(), Tell(DigitsPressed("4"))]


def test_a_gather_waits_first_ms_after_its_speech_and_between_ms_after_each_key() -> None:
    call = Call()
    call.begin(Gather(CLIP, digits=3, first_ms=700, between_ms=300))
    assert call.report(SpeechEnded(1)) == [SetTimer(700, 2)]
    assert call.press("5") == [SetTimer(300, 3)]
    assert call.report(TimeUp(2)) == []
    assert call.report(TimeUp(3)) == [Tell(DigitsPressed("5"))]


def test_a_gather_in_silence_times_out() -> None:
    call = Call()
    assert call.begin(Gather((), first_ms=700)) == [SetTimer(700, 2)]
    assert call.report(TimeUp(2)) == [Tell(TimedOut())]


def test_the_finish_key_ends_the_input_and_is_no_part_of_it() -> None:
    call = Call()
    call.begin(Gather((), digits=20, finish="#"))
    call.press("0171#")
    assert call.told == [DigitsPressed("0171")]


def test_the_finish_key_alone_is_no_input() -> None:
    call = Call()
    call.begin(Gather((), digits=20, finish="#"))
    assert call.press("#") == [Tell(TimedOut())]


def test_keys_beyond_the_asked_digits_wait_for_the_next_gather() -> None:
    call = Call()
    call.begin(Gather((), digits=2))
    call.press("123")
    call.begin(Gather(CLIP, digits=4, between_ms=300))
    call.press("4")
    call.report(TimeUp(call.state.serial))
    assert call.told == [DigitsPressed("12"), DigitsPressed("34")]


def test_a_recording_starts_after_the_speech_and_ends_with_a_finish_key() -> None:
    call = Call()
    call.begin(Record(CLIP, max_ms=9000, silence_ms=800))
    assert call.report(SpeechEnded(1)) == [StartRecording(9000, 800)]
    assert call.press("1#") == [StopRecording()]
    assert call.report(RecordingEnded("r1", 1200)) == [Tell(Recorded("r1", 1200))]
    assert call.state.kept == ""


def test_a_caller_who_ends_a_message_by_hanging_up_leaves_the_message() -> None:
    call = Call()
    call.begin(Record(()))
    assert call.report(LegEnded("caller")) == [StopRecording()]
    assert call.report(RecordingEnded("r1", 900)) == [Tell(Recorded("r1", 900)), Tell(HungUp("caller"))]


def test_a_transfer_speaks_then_dials_and_tells_that_it_was_answered() -> None:
    call = Call()
    call.begin(Transfer(CLIP, "empfang", ring_ms=20_000))
    assert call.report(SpeechEnded(1)) == [Dial("empfang", 20_000)]
    assert call.report(DestinationAnswered()) == [Tell(TransferAnswered())]


def test_a_late_command_does_not_disturb_a_call_that_was_passed_on() -> None:
    call = Call()
    call.begin(Transfer((), "empfang"))
    call.report(DestinationAnswered())
    assert call.begin(HangUp(CLIP)) == []
    assert call.report(LegEnded("destination")) == [Tell(HungUp("destination"))]


def test_a_failed_transfer_leaves_the_caller_with_us() -> None:
    for problem in get_args(TransferProblem):
        call = Call()
        call.begin(Transfer((), "empfang"))
        assert call.report(DestinationFailed(problem)) == [Tell(TransferFailed(problem))]
        assert call.begin(Play(CLIP)) == [Speak(("a", "b"), 2)]


def test_hanging_up_speaks_first_and_tells_who_ended_the_call() -> None:
    call = Call()
    call.begin(HangUp(CLIP))
    assert call.report(SpeechEnded(1)) == [EndLeg()]
    assert call.report(LegEnded("us")) == [Tell(HungUp("us"))]


def test_a_new_effect_silences_the_one_before() -> None:
    call = Call()
    call.begin(Play(CLIP))
    assert call.begin(Play(CLIP)) == [StopSpeech(), Speak(("a", "b"), 2)]
    assert call.report(SpeechEnded(1)) == []


SPOKEN = st.sampled_from([(), CLIP])
KEYS = st.sampled_from(list("0123456789*#ABCD"))
EFFECTS = st.one_of(
    st.builds(Play, SPOKEN, st.text("0159", max_size=3)),
    st.builds(Gather, SPOKEN, st.integers(1, 5), st.sampled_from(["", "#"])),
    st.builds(Record, SPOKEN),
    st.builds(Transfer, SPOKEN, st.just("empfang")),
    st.builds(HangUp, SPOKEN),
)
SERIALS = st.integers(0, 8)
REPORTS = st.one_of(
    st.builds(Pressed, KEYS),
    st.builds(SpeechEnded, SERIALS),
    st.builds(TimeUp, SERIALS),
    st.builds(RecordingEnded, st.just("r"), st.just(5)),
    st.builds(DestinationAnswered),
    st.builds(DestinationFailed, st.sampled_from(get_args(TransferProblem))),
    st.builds(LegEnded, st.sampled_from(get_args(HungUpBy))),
)


@given(st.lists(st.one_of(EFFECTS, REPORTS), max_size=40))
def test_an_effect_ends_with_at_most_one_event_and_hung_up_is_told_once(script: list[object]) -> None:
    call = Call()
    answers = 0
    for entry in script:
        reporting = isinstance(entry, Reported)
        actions = call.report(entry) if reporting else call.begin(entry)  # type: ignore[arg-type]
        answers = answers if reporting else 0
        answers += sum(isinstance(done, Tell) and not isinstance(done.event, HungUp) for done in actions)
        assert answers <= 1
    assert sum(isinstance(event, HungUp) for event in call.told) <= 1


@given(st.lists(REPORTS, max_size=25), EFFECTS)
def test_an_effect_always_comes_to_an_end(before: list[Reported], effect: LineEffect) -> None:
    call = Call()
    call.report(*(entry for entry in before if not isinstance(entry, LegEnded)))
    call.begin(effect)
    for _ in range(8):
        call.report(SpeechEnded(call.state.serial), TimeUp(call.state.serial))
        call.report(RecordingEnded("r", 1), DestinationFailed("busy"))
        if call.state.phase == "ending":
            call.report(LegEnded("us"))
    assert len(call.told) == 1


@given(st.text("0123456789", max_size=20), st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_no_key_is_lost_or_doubled_between_gathers(keys: str, sizes: list[int]) -> None:
    call = Call()
    call.press(keys)
    for size in sizes:
        call.begin(Gather((), digits=size))
        call.report(TimeUp(call.state.serial))
    heard = "".join(event.digits for event in call.told if isinstance(event, DigitsPressed))
    assert keys == heard + call.state.kept

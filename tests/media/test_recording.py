"""What is kept of a call's sound, and when a recording ends."""

from __future__ import annotations

import numpy as np
import pytest

from callflow import g711
from sip.media import tones
from sip.media.recording import MemorySink, Recorder, Recording, dbfs

VOICE = tones.tone((440.0,), 20, -20)
QUIET = tones.silence(20)
HUM = tones.tone((100.0,), 20, -52)


def record(frames: list[bytes], *, max_ms: int = 0, silence_ms: int = 0) -> tuple[Recording, MemorySink]:
    sink = MemorySink()
    recorder = Recorder(sink, max_ms=max_ms, silence_ms=silence_ms)
    for frame in frames:
        if ended_by := recorder.feed(frame):
            return recorder.finish(ended_by), sink
    return recorder.finish("stopped"), sink


def test_silence_ends_a_recording_and_is_not_part_of_it() -> None:
    recording, sink = record([VOICE] * 50 + [QUIET] * 300, silence_ms=2000)
    assert (recording.ms, recording.ended_by, bytes(sink.alaw), sink.closed) == (
        1000,
        "silence",
        VOICE * 50,
        True,
    )


def test_a_pause_shorter_than_the_limit_is_kept() -> None:
    frames = [VOICE] * 10 + [QUIET] * 90 + [VOICE] * 10
    recording, sink = record([*frames, *[QUIET] * 200], silence_ms=2000)
    assert (recording.ms, bytes(sink.alaw)) == (2200, b"".join(frames))


def test_who_says_nothing_leaves_an_empty_recording() -> None:
    recording, sink = record([QUIET] * 300, silence_ms=3000)
    assert (recording, bytes(sink.alaw)) == (Recording(0, "silence", -96.0), b"")


def test_the_longest_recording_is_kept_to_the_millisecond() -> None:
    recording, sink = record([VOICE] * 500, max_ms=3000)
    assert (recording.ms, recording.ended_by, len(sink.alaw)) == (3000, "limit", 24000)


def test_stopping_keeps_what_was_said_last() -> None:
    recording, _ = record([VOICE] * 5 + [QUIET] * 5, silence_ms=4000)
    assert (recording.ms, recording.ended_by) == (200, "stopped")


def test_a_humming_line_counts_as_silence() -> None:
    recording, _ = record([VOICE] * 20 + [HUM] * 300, silence_ms=2000)
    assert (recording.ms, recording.ended_by) == (400, "silence")


@pytest.mark.parametrize("level", [-10.0, -20.0, -30.0])
def test_the_level_of_the_loud_parts_is_told(level: float) -> None:
    recording, _ = record([tones.tone((440.0,), 1000, level), *[QUIET] * 50])
    assert recording.dbfs == pytest.approx(level, abs=0.3)


def test_a_full_scale_square_wave_has_zero_dbfs() -> None:
    assert dbfs(g711.to_alaw(np.full(160, 32767, np.int16))) == pytest.approx(0, abs=0.2)

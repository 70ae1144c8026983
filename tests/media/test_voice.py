"""What a call hears from us: one packet after the other, whatever is played, pressed or changed meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow import g711
from sip.media import rtp, telephone_event
from tests.media.spoken import Studio

SILENT = bytes([g711.SILENCE])
ULAW_SILENT = b"\xff"


def clip(value: int, ms: int) -> bytes:
    return bytes([value]) * (8 * ms)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
def test_a_packet_leaves_every_packet_time_without_anything_to_say(ptime_ms: int) -> None:
    studio = Studio()
    one = studio.voice(sequence=0xFFFE, timestamp=2**32 - 1000)
    one.join(ptime_ms)
    studio.run(600)
    times = [at for at, _ in one.sent]
    assert times == list(range(times[0], 600, ptime_ms))
    assert {packet.payload for packet in one.packets} == {SILENT * (8 * ptime_ms)}
    expected = [(0xFFFE + index) & 0xFFFF for index in range(len(times))]
    assert [packet.sequence for packet in one.packets] == expected
    stamps = [(2**32 - 1000 + index * 8 * ptime_ms) & 0xFFFF_FFFF for index in range(len(times))]
    assert [packet.timestamp for packet in one.packets] == stamps
    assert [packet.marker for packet in one.packets] == [True] + [False] * (len(times) - 1)


@given(
    st.lists(st.integers(0, 300).map(lambda ms: ms * 7 // 3), max_size=5),
    st.sampled_from([10, 20, 30, 40, 50, 60]),
)
def test_clips_are_heard_whole_in_order_and_told_once(lengths: list[int], ptime_ms: int) -> None:
    studio = Studio()
    one = studio.voice()
    one.join(ptime_ms)
    clips = [clip(index + 1, ms) for index, ms in enumerate(lengths)]
    one.voice.play(clips, studio.say("done"))
    studio.run(sum(lengths) + (len(lengths) + 3) * ptime_ms)
    packet = 8 * ptime_ms
    padded = [sound + SILENT * (-len(sound) % packet) for sound in clips]
    assert one.sound.rstrip(SILENT) == b"".join(padded).rstrip(SILENT)
    assert studio.done == ["done"]


def test_the_end_is_told_when_the_last_packet_has_had_its_time() -> None:
    studio = Studio()
    one = studio.voice()
    one.join()
    one.voice.play([clip(1, 100)], lambda: studio.done.append(str(studio.subtick * 5)))
    studio.run(200)
    first = one.sent[0][0]
    assert studio.done == [str(first + 100)]


def test_barge_in_falls_silent_with_the_next_packet_and_tells_nothing() -> None:
    studio = Studio()
    one = studio.voice()
    one.join()
    one.voice.play([clip(1, 1000)], studio.say("done"))
    studio.run(100)
    one.voice.stop()
    studio.run(1500)
    assert (one.sound.rstrip(SILENT), studio.done) == (clip(1, 100), [])


def test_a_new_prompt_replaces_the_old_one_with_the_next_packet() -> None:
    studio = Studio()
    one = studio.voice()
    one.join()
    one.voice.play([clip(1, 1000)], studio.say("old"))
    studio.run(100)
    one.voice.play([clip(2, 100)], studio.say("new"))
    studio.run(300)
    assert (one.sound.rstrip(SILENT), studio.done) == (clip(1, 100) + clip(2, 100), ["new"])


def test_a_new_prompt_begins_with_a_marked_packet() -> None:
    studio = Studio()
    one = studio.voice()
    one.join()
    studio.run(40)
    one.voice.play([clip(1, 40), clip(2, 40)], None)
    studio.run(100)
    assert [packet.marker for packet in one.packets] == [True, False, True, False, False, False, False]


def test_a_call_in_ulaw_hears_the_same_clip_in_ulaw() -> None:
    studio = Studio()
    alaw, ulaw = studio.voice(), studio.voice()
    alaw.join()
    ulaw.join(payload_type=rtp.PCMU)
    sound = bytes(range(256)) * 5
    alaw.voice.play([sound], None)
    ulaw.voice.play([sound], None)
    studio.run(160)
    assert (alaw.sound, ulaw.sound) == (sound, sound.translate(g711.A_TO_U))
    assert {packet.payload_type for packet in ulaw.packets} == {rtp.PCMU}


def test_what_was_begun_before_the_connection_is_heard_from_its_beginning() -> None:
    studio = Studio()
    one = studio.voice()
    one.voice.play([clip(5, 60)], studio.say("done"))
    studio.run(100)
    one.join()
    studio.run(200)
    assert (one.sound.rstrip(SILENT), studio.done) == (clip(5, 60), ["done"])


def test_hold_pauses_the_prompt_and_time_goes_on() -> None:
    studio = Studio()
    one = studio.voice()
    one.join()
    one.voice.play([clip(1, 60) + clip(2, 60)], studio.say("done"))
    studio.run(60)
    one.voice.leave()
    studio.run(1000)
    one.join()
    studio.run(200)
    assert (one.sound.rstrip(SILENT), studio.done) == (clip(1, 60) + clip(2, 60), ["done"])
    before, after = one.packets[2], one.packets[3]
    assert (after.sequence - before.sequence, after.marker) == (1, True)
    assert 8 * 1020 <= after.timestamp - before.timestamp <= 8 * 1040


def test_another_codec_and_packet_time_in_mid_prompt_lose_no_sound() -> None:
    studio = Studio()
    one = studio.voice()
    one.join(20, rtp.PCMA)
    one.voice.play([clip(1, 60) + clip(2, 90)], None)
    studio.run(60)
    one.join(30, rtp.PCMU)
    studio.run(300)
    rest = b"".join(packet.payload for packet in one.packets if packet.payload_type == rtp.PCMU)
    assert rest.rstrip(ULAW_SILENT) == clip(2, 90).translate(g711.A_TO_U)
    assert [packet.sequence for packet in one.packets] == list(range(len(one.packets)))


def test_keys_replace_voice_while_they_are_down_and_voice_goes_on_in_step() -> None:
    studio = Studio()
    one = studio.voice(timestamp=5000)
    one.join()
    assert one.voice.press("42", 100, 80, studio.say("pressed"))
    studio.run(600)
    receiver = telephone_event.Receiver()
    events = [packet for packet in one.packets if packet.payload_type == 101]
    keys = "".join(receiver.receive(packet.timestamp, packet.payload) for packet in events)
    assert (keys, studio.done) == ("42", ["pressed"])
    assert [packet.sequence for packet in one.packets] == list(range(30))
    voice = [packet for packet in one.packets if packet.payload_type == rtp.PCMA]
    assert {(packet.timestamp - 5000) // 160 - packet.sequence for packet in voice} == {0}


def test_keys_pressed_while_others_are_down_follow_them() -> None:
    studio = Studio()
    one = studio.voice()
    one.join()
    one.voice.press("1", 100, 80, studio.say("first"))
    studio.run(60)
    one.voice.press("2", 100, 80, studio.say("second"))
    studio.run(600)
    receiver = telephone_event.Receiver()
    events = [packet for packet in one.packets if packet.payload_type == 101]
    keys = "".join(receiver.receive(packet.timestamp, packet.payload) for packet in events)
    assert (keys, studio.done) == ("12", ["first", "second"])


def test_without_telephone_events_the_voice_says_so() -> None:
    studio = Studio()
    one = studio.voice()
    one.join(event_type=None)
    assert not one.voice.press("1", 100, 80, None)


def test_a_relayed_voice_says_what_it_hears() -> None:
    studio = Studio()
    one = studio.voice()
    one.join(30, rtp.PCMU)
    one.voice.relay_from(lambda size: b"\x22" * size)
    studio.run(90)
    one.voice.relay_from(None)
    studio.run(30)
    assert one.sound == (b"\x22" * 720).translate(g711.A_TO_U) + ULAW_SILENT * 240


def test_a_thousand_voices_that_come_and_go_keep_their_own_timelines() -> None:
    studio = Studio()
    voices = [studio.voice(sequence=index) for index in range(1000)]
    for index, one in enumerate(voices):
        one.join()
        one.voice.play([clip(index % 200 + 1, 40)], None)
    studio.run(20)
    for one in voices[::3]:
        one.voice.leave()
    studio.run(40)
    for index, one in enumerate(voices):
        gone = index % 3 == 0
        assert [packet.sequence for packet in one.packets] == [index, index + 1, index + 2][
            : 1 if gone else 3
        ]
        assert one.sound == clip(index % 200 + 1, 20 if gone else 40) + SILENT * (0 if gone else 160)
        assert one.voice.sent == len(one.packets)
    assert len(studio.wheel) == 666


def test_a_packet_that_the_kernel_refuses_is_counted_and_harms_nobody() -> None:
    studio = Studio()
    refused, heard = studio.voice(), studio.voice()

    def refuse(_packet: bytes) -> None:
        raise ConnectionRefusedError

    refused.voice.join(20, rtp.PCMA, None, refuse)
    heard.join()
    studio.run(100)
    assert (studio.wheel.failed, len(heard.packets)) == (5, 5)


ACTIONS = st.sampled_from(["play", "play nothing", "stop", "press", "relay", "no relay", "ulaw", "alaw"])


@given(
    st.lists(st.tuples(ACTIONS, st.integers(0, 25)), max_size=12), st.sampled_from([10, 20, 30, 40, 50, 60])
)
def test_whatever_is_done_no_packet_time_passes_without_a_packet(
    actions: list[tuple[str, int]], ptime_ms: int
) -> None:
    studio = Studio()
    one = studio.voice()
    one.join(ptime_ms)
    does = {
        "play": lambda: one.voice.play([clip(1, 70), clip(2, 5)], None),
        "play nothing": lambda: one.voice.play([], None),
        "stop": one.voice.stop,
        "press": lambda: one.voice.press("1,2", 60, 40, None),
        "relay": lambda: one.voice.relay_from(lambda size: b"\x22" * size),
        "no relay": lambda: one.voice.relay_from(None),
        "ulaw": lambda: one.join(ptime_ms, rtp.PCMU),
        "alaw": lambda: one.join(ptime_ms, rtp.PCMA),
    }
    for action, subticks in actions:
        does[action]()
        studio.run(5 * subticks)
    studio.run(4 * ptime_ms)
    times = [at for at, _ in one.sent]
    renegotiated = any(action in {"ulaw", "alaw"} for action, _ in actions)
    assert max(later - earlier for earlier, later in pairwise(times)) <= ptime_ms * (1 + renegotiated)

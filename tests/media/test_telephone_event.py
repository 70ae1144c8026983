"""Keys as telephone-events: one press, one key, whatever gets lost."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sip.media import telephone_event
from sip.media.telephone_event import KEYS, Event, Receiver, build, press

Sent = tuple[int, bytes]


def presses(keys: str, *, begin: int = 0, tone: int = 800, gap: int = 640) -> list[list[Sent]]:
    """Return (timestamp, payload) of every packet of each press."""
    sent = []
    for index, key in enumerate(keys):
        began = (begin + index * (tone + gap)) & 0xFFFF_FFFF
        sent.append([(began, payload) for payload, _ in press(key, tone, 160)])
    return sent


def heard(packets: list[Sent]) -> str:
    receiver = Receiver()
    return "".join(receiver.receive(timestamp, payload) for timestamp, payload in packets)


@given(st.text(KEYS, max_size=12), st.integers(0, 0xFFFF_FFFF))
def test_every_press_is_heard_once_also_over_the_timestamp_wrap(keys: str, begin: int) -> None:
    assert heard([packet for one in presses(keys, begin=begin) for packet in one]) == keys


@given(st.text(KEYS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_one_packet_of_a_press_is_enough_whichever_it_is(keys: str, chance: random.Random) -> None:
    survivors = [chance.choice(one) for one in presses(keys)]
    assert heard(survivors) == keys


@given(st.text(KEYS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_losses_repetitions_and_disorder_inside_a_press_change_nothing(
    keys: str, chance: random.Random
) -> None:
    mixed: list[Sent] = []
    for one in presses(keys):
        kept = chance.choices(one, k=chance.randint(1, 12))
        chance.shuffle(kept)
        mixed += kept
    assert heard(mixed) == keys


def test_a_packet_overtaken_by_the_next_key_presses_nothing() -> None:
    first, second = presses("12")
    assert heard([first[0], second[0], first[-1], second[1]]) == "12"


def test_the_same_key_twice_in_a_row_counts_twice_though_the_first_end_and_second_start_are_lost() -> None:
    first, second = presses("55")
    assert heard([first[0], second[-1]]) == "55"


def test_a_press_longer_than_one_event_can_say_goes_on_as_one_key() -> None:
    packets = [
        (1000, build(Event(7, 0xFFFF))),
        (1000 + 0xFFFF, build(Event(7, 160))),
        (1000 + 0xFFFF, build(Event(7, 800, end=True))),
    ]
    assert heard(packets) == "7"


def test_a_sender_whose_timestamp_runs_along_with_the_press_presses_once() -> None:
    packets = [(step * 160, build(Event(3, (step + 1) * 160))) for step in range(20)]
    assert heard(packets) == "3"


def test_two_events_in_one_packet_are_two_keys() -> None:
    assert heard([(0, build(Event(1, 800, end=True)) + build(Event(2, 400)))]) == "12"


def test_the_same_key_pressed_anew_after_a_faster_clock_is_measured_on_that_clock() -> None:
    receiver = Receiver(clock=16000)
    packets = [(0, build(Event(9, 320))), (320, build(Event(9, 640))), (3200, build(Event(9, 320)))]
    assert "".join(receiver.receive(*packet) for packet in packets) == "99"


@given(st.sampled_from(KEYS), st.integers(0, 63), st.sampled_from([0, 1]))
def test_how_loud_a_key_is_said_to_be_and_the_reserved_bit_change_nothing(
    key: str, volume: int, reserved: int
) -> None:
    payload = bytearray(build(Event(KEYS.index(key), 800, end=True, volume=volume)))
    payload[1] |= 0x40 * reserved
    assert heard([(0, bytes(payload))]) == key
    assert telephone_event.parse(bytes(payload))[0].volume == volume


def test_events_that_are_no_keys_press_nothing() -> None:
    assert heard([(0, build(Event(16, 800, end=True))), (5000, build(Event(255, 10)))]) == ""


@given(st.binary(max_size=64), st.integers(0, 0xFFFF_FFFF))
def test_any_payload_gives_keys_or_nothing(payload: bytes, timestamp: int) -> None:
    assert set(Receiver().receive(timestamp, payload)) <= set(KEYS)


@given(st.sampled_from(KEYS), st.integers(1, 3000), st.sampled_from([80, 160, 240, 480]))
def test_a_press_grows_then_ends_three_times_and_marks_only_its_first_packet(
    key: str, tone: int, step: int
) -> None:
    packets = list(press(key, tone, step))
    events = [event for payload, _ in packets for event in telephone_event.parse(payload)]
    assert [event.end for event in events[-3:]] == [True] * 3
    assert not any(event.end for event in events[:-3])
    assert [event.duration for event in events] == sorted(event.duration for event in events)
    assert events[-1].duration == tone
    assert {KEYS[event.code] for event in events} == {key}
    assert packets[0][1]
    assert not any(marker for _, marker in packets[1:])

"""One press, one key, however many ways it is told."""

from __future__ import annotations

from sip.media.keys import Keys, Source


def counted(*tellings: tuple[str, Source, float]) -> str:
    keys = Keys()
    return "".join(key for key, source, now in tellings if keys.count(key, source, now))


def test_info_that_repeats_a_telephone_event_is_dropped() -> None:
    assert counted(("1", "event", 0.0), ("1", "info", 0.2), ("2", "event", 1.0), ("2", "info", 1.3)) == "12"


def test_a_telephone_event_that_repeats_an_earlier_info_is_dropped() -> None:
    assert counted(("1", "info", 0.0), ("1", "event", 0.1), ("1", "event", 0.4)) == "11"


def test_a_tone_beside_events_is_dropped() -> None:
    assert counted(("4", "event", 0.0), ("4", "sound", 0.05), ("4", "sound", 9.0)) == "4"


def test_a_peer_that_knows_info_only_is_heard() -> None:
    assert counted(("7", "info", 0.0), ("7", "info", 0.3)) == "77"


def test_another_key_by_a_better_way_counts_at_once() -> None:
    assert counted(("7", "sound", 0.0), ("8", "event", 0.1)) == "78"

"""The spool: a call that the line handled alone reaches the app, whatever dies in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callflow.quality import SoundQuality
from callflow.sealing import Sealer
from callflow.spool import SLOT, UNDER_WAY_FOR, SpooledCall, SpoolReader, SpoolWriter

SEALER = Sealer(bytes(range(32)))
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NOW = AT + timedelta(minutes=5)
CALL = SpooledCall("c1", "+49301234567", "+491711234567", AT, "praxis", "not_reached")


def waiting(folder: Path, now: datetime = NOW) -> list[SpooledCall]:
    return [call for call, _ in SpoolReader(folder, SEALER).calls(now)]


def test_a_record_is_read_back_until_the_app_says_done(tmp_path: Path) -> None:
    SpoolWriter(tmp_path, "line", SEALER, slots=4).write(CALL)
    reader = SpoolReader(tmp_path, SEALER)
    assert waiting(tmp_path) == [CALL]
    reader.done(reader.calls(NOW)[0][1])
    assert waiting(tmp_path) == []


def test_calls_of_all_lines_come_oldest_first(tmp_path: Path) -> None:
    older = SpooledCall("c0", CALL.dialled, "", AT - timedelta(minutes=1), "b", "hung_up")
    SpoolWriter(tmp_path, "a", SEALER, slots=4).write(CALL)
    SpoolWriter(tmp_path, "b", SEALER, slots=4).write(older)
    assert waiting(tmp_path) == [older, CALL]


def test_a_call_under_way_waits_for_its_end_unless_its_line_died(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "line", SEALER, slots=4)
    under_way = SpooledCall("c1", CALL.dialled, CALL.caller, AT, "praxis", "under_way")
    slot = writer.write(under_way)
    assert waiting(tmp_path) == []
    assert waiting(tmp_path, AT + UNDER_WAY_FOR + timedelta(seconds=1)) == [under_way]
    writer.replace(slot, CALL)
    assert waiting(tmp_path) == [CALL]


def test_a_call_that_was_cut_off_with_its_line_waits_no_longer_once_the_line_is_back(tmp_path: Path) -> None:
    under_way = SpooledCall("c1", CALL.dialled, CALL.caller, AT, "praxis", "under_way")
    SpoolWriter(tmp_path, "line", SEALER, slots=4).write(under_way)
    SpoolWriter(tmp_path, "line", SEALER, slots=4)
    assert waiting(tmp_path) == [SpooledCall("c1", CALL.dialled, CALL.caller, AT, "praxis", "hung_up")]


def test_a_line_that_died_between_two_records_of_a_call_leaves_one_call(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "line", SEALER, slots=4)
    writer.write(SpooledCall("c1", CALL.dialled, CALL.caller, AT, "praxis", "under_way"))
    writer.write(CALL)
    reader = SpoolReader(tmp_path, SEALER)
    ((call, slots),) = reader.calls(NOW)
    assert (call, len(slots)) == (CALL, 2)
    reader.done(slots)
    assert waiting(tmp_path, NOW + UNDER_WAY_FOR * 2) == []


def test_freeing_a_slot_that_holds_another_call_by_now_harms_nothing(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "line", SEALER, slots=1)
    old = writer.write(CALL)
    reader = SpoolReader(tmp_path, SEALER)
    reader.done(reader.calls(NOW)[0][1])
    other = SpooledCall("c2", CALL.dialled, "", AT, "praxis", "hung_up")
    assert writer.write(other).offset == old.offset
    writer.free(old)
    assert waiting(tmp_path) == [other]


def test_a_full_spool_grows(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "line", SEALER, slots=1)
    writer.write(CALL)
    writer.write(SpooledCall("c2", CALL.dialled, "", AT, "praxis", "hung_up"))
    assert [call.call for call in waiting(tmp_path)] == ["c1", "c2"]


def test_the_file_is_preallocated_and_shows_no_number(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "line", SEALER, slots=8)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size == path.stat().st_blocks * 512 == 8 * SLOT
    writer.write(CALL)
    assert b"171123" not in path.read_bytes()


@given(st.integers(0, SLOT - 1))
def test_a_record_torn_by_a_power_cut_is_no_call_and_its_slot_is_used_again(
    tmp_path_factory: pytest.TempPathFactory, kept: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    writer = SpoolWriter(folder, "line", SEALER, slots=2)
    writer.write(CALL)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:kept].ljust(len(whole), b"\0"))
    torn = not waiting(folder)
    again = SpoolWriter(folder, "line", SEALER, slots=2).write(CALL)
    assert again.offset == (0 if torn else SLOT)
    assert waiting(folder) == [CALL]


LONG = st.text(max_size=300) | st.just("x" * 300)


def figures(most: float, digits: int) -> st.SearchStrategy[float | None]:
    return st.none() | st.just(most) | st.floats(0, most).map(lambda figure: round(figure, digits))


SOUND = st.builds(
    SoundQuality,
    figures(0.9999, 4),
    figures(2**32 / 8 - 0.1, 1),  # timestamps have 32 bits and count an eighth of a millisecond
    figures(0.9999, 4),
    figures(65_535_999.9, 1),  # RTCP tells seconds in 16 bits
)


@settings(max_examples=50)
@given(caller=LONG, dialled=LONG, line=LONG, recording=LONG, sound=SOUND)
def test_whatever_the_wire_sends_as_number_and_sound_fits_a_slot(  # noqa: PLR0913, PLR0917
    tmp_path_factory: pytest.TempPathFactory,
    caller: str,
    dialled: str,
    line: str,
    recording: str,
    sound: SoundQuality,
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    at = AT.replace(microsecond=123_456)
    call = SpooledCall("x" * 300, dialled, caller, at, line, "not_reached", recording, sound)
    SpoolWriter(folder, "line", SEALER, slots=1).write(call)
    assert [kept.sound for kept in waiting(folder)] == [sound]


def test_a_record_that_an_older_line_wrote_without_sound_is_read(tmp_path: Path) -> None:
    plain = b'{"call":"c1","dialled":"+49301234567","caller":"+491711234567","at":"2026-03-02T09:30:00Z",'
    plain += b'"line":"praxis","outcome":"not_reached","recording":""}'
    sealed = SEALER.seal(plain, b"spool|line.spool")
    (tmp_path / "line.spool").write_bytes((b"RW" + len(sealed).to_bytes(2) + sealed).ljust(SLOT, b"\0"))
    assert waiting(tmp_path) == [CALL]

"""The spool: a call that the line handled alone reaches the app, whatever dies in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=50)
@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_wire_sends_as_number_fits_a_slot(
    tmp_path_factory: pytest.TempPathFactory, caller: str, call: str
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    SpoolWriter(folder, "line", SEALER, slots=1).write(
        SpooledCall(call, CALL.dialled, caller, AT, "praxis", "hung_up")
    )
    assert len(waiting(folder)) == 1

"""What the sealer promises."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.sealing import KeyFileError, Sealer, SealError, load_key
from tests.support.stores import KEY

PLACE = b"cards|number|1"


@given(plain=st.binary(max_size=300), place=st.binary(max_size=40))
def test_what_was_sealed_opens_in_its_place(plain: bytes, place: bytes) -> None:
    sealer = Sealer(KEY)
    assert sealer.unseal(sealer.seal(plain, place), place) == plain


def test_a_sealed_value_does_not_open_in_another_place() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"+491711234567", PLACE)
    with pytest.raises(SealError):
        sealer.unseal(sealed, b"cards|number|2")


@given(position=st.integers(min_value=0, max_value=49), bit=st.integers(min_value=0, max_value=7))
def test_one_flipped_bit_anywhere_is_noticed(position: int, bit: int) -> None:
    sealer = Sealer(KEY)
    sealed = bytearray(sealer.seal(b"Erika Mustermann!", PLACE))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(SealError):
        sealer.unseal(bytes(sealed), PLACE)


@given(st.binary(max_size=40))
def test_bytes_that_were_never_sealed_do_not_open(rubbish: bytes) -> None:
    with pytest.raises(SealError):
        Sealer(KEY).unseal(rubbish, PLACE)


def test_the_same_text_never_looks_the_same_sealed() -> None:
    sealer = Sealer(KEY)
    assert len({sealer.seal(b"rezept", PLACE) for _ in range(50)}) == 50


def test_an_older_key_still_opens_and_the_new_one_seals() -> None:
    old, new = Sealer(KEY), Sealer(bytes(32), older=(KEY,))
    assert new.unseal(old.seal(b"alt", PLACE), PLACE) == b"alt"
    with pytest.raises(SealError):
        old.unseal(new.seal(b"neu", PLACE), PLACE)


def test_the_blind_index_is_equal_for_equal_texts_of_one_key_only() -> None:
    one, other = Sealer(KEY), Sealer(bytes(32))
    assert one.blind("+491711234567") == Sealer(KEY).blind("+491711234567")
    assert one.blind("+491711234567") != other.blind("+491711234567")
    assert one.blind("") == ""


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    key = load_key(tmp_path / "data" / "key")
    assert (len(key), (tmp_path / "data" / "key").stat().st_mode & 0o777) == (32, 0o600)
    assert load_key(tmp_path / "data" / "key") == key


def test_a_key_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    load_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(tmp_path / "key")


def test_a_cut_off_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(KeyFileError, match="5 bytes instead of 32"):
        load_key(tmp_path / "key")


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        found.append(load_key(tmp_path / "key"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (8, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]

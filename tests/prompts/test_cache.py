"""The prompt cache keeps clips whole."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from callflow.effects import Clip
from callflow.prompts.cache import Cache, ClipFacts, NoClip

FACTS = ClipFacts(ms=40, dbfs=-20.0, peak_dbfs=-3.0, source="voice:pico")
SOUND = bytes(range(160)) * 2


def test_a_clip_comes_back_as_it_was_put(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.put("abcd", SOUND, FACTS) == Clip("abcd", 40)
    fresh = Cache(tmp_path)
    assert (fresh.frames("abcd"), fresh.facts("abcd"), fresh.get("abcd")) == (SOUND, FACTS, Clip("abcd", 40))


def test_it_lies_where_the_architecture_says(tmp_path: Path) -> None:
    Cache(tmp_path).put("abcd", SOUND, FACTS)
    assert sorted(path.name for path in (tmp_path / "ab").iterdir()) == ["abcd.al", "abcd.json"]


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get("0000") is None
    with pytest.raises(NoClip, match="0000"):
        cache.frames("0000")
    with pytest.raises(NoClip, match="0000"):
        cache.facts("0000")


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "AB", "a/b", "abcd\n", "x" * 65])
def test_a_key_can_not_leave_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(NoClip):
        Cache(tmp_path).frames(key)


def test_a_clip_that_a_power_cut_left_half_written_counts_as_missing(tmp_path: Path) -> None:
    Cache(tmp_path).put("abcd", SOUND, FACTS)
    (tmp_path / "ab" / "abcd.al").write_bytes(SOUND[:160])
    assert Cache(tmp_path).get("abcd") is None


def test_a_removed_clip_is_gone_for_readers_and_memory(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("abcd", SOUND, FACTS)
    cache.remove("abcd")
    cache.remove("abcd")
    assert (cache.get("abcd"), list(cache.keys())) == (None, [])


def test_memory_is_bounded_and_disk_still_knows_the_rest(tmp_path: Path) -> None:
    cache = Cache(tmp_path, memory=500)
    for key in ("aaaa", "bbbb", "cccc"):
        cache.put(key, SOUND, FACTS)
    for path in tmp_path.glob("*/*.al"):
        path.unlink()
    assert [cache.get(key) is not None for key in ("aaaa", "bbbb", "cccc")] == [False, False, True]


def test_the_line_process_gets_no_voice_no_templates_and_no_numpy() -> None:
    code = (
        "import sys, callflow.prompts.cache;"
        "print(sorted({'numpy','jinja2','soxr','py_nanotts','av'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NOW = 2_000_000_000.0
DAY = 24 * 3600.0


def cached(folder: Path, **days_ago: float) -> Cache:
    """Return a fresh reader of a cache whose clips were used so many days before NOW."""
    made = Cache(folder)
    for key, days in days_ago.items():
        made.put(key, SOUND, FACTS)
        os.utime(folder / key[:2] / f"{key}.al", (NOW - days * DAY, NOW - days * DAY))
    return Cache(folder)


def test_clips_that_nobody_used_for_long_are_swept_and_others_stay(tmp_path: Path) -> None:
    cache = cached(tmp_path, aaaa=31, bbbb=29)
    assert cache.sweep(NOW, (), unused_s=30 * DAY, largest=10**6) == 1
    assert sorted(cache.keys()) == ["bbbb"]
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["bbbb.al", "bbbb.json"]


def test_what_was_asked_for_since_the_last_sweep_stays_however_old_and_large(tmp_path: Path) -> None:
    cache = cached(tmp_path, aaaa=400, bbbb=400)
    assert cache.get("aaaa") is not None
    assert cache.sweep(NOW, (), unused_s=30 * DAY, largest=0) == 1
    assert list(cache.keys()) == ["aaaa"]


def test_what_is_named_to_be_kept_is_kept(tmp_path: Path) -> None:
    cache = cached(tmp_path, aaaa=400)
    assert (cache.sweep(NOW, {"aaaa"}, unused_s=0, largest=0), list(cache.keys())) == (0, ["aaaa"])


def test_a_cache_that_is_too_large_loses_what_was_used_longest_ago(tmp_path: Path) -> None:
    cache = cached(tmp_path, aaaa=3, bbbb=2, cccc=1)
    assert cache.sweep(NOW, (), unused_s=30 * DAY, largest=2 * len(SOUND)) == 1
    assert sorted(cache.keys()) == ["bbbb", "cccc"]


def test_using_a_clip_is_written_down_for_the_next_start(tmp_path: Path) -> None:
    cached(tmp_path, aaaa=400).get("aaaa")
    age = time.time() - (tmp_path / "aa/aaaa.al").stat().st_mtime
    assert age < DAY

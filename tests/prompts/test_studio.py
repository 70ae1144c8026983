"""The studio makes every prompt audible and never fails a call. Real worker process, real voice."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callflow.effects import Clip, Prompt
from callflow.prompts.cache import Cache
from callflow.prompts.choice import VoiceChoice
from callflow.prompts.jobs import Speak, Write
from callflow.prompts.process import SpeechError, SpeechProcess
from callflow.prompts.studio import Studio
from tests.prompts.conftest import Lend

NUMBER = "+491712345678"
PROMPTS = {
    "begruessung": "Praxis {{ practice.name }}. Im Notfall wählen Sie 112.",
    "nummer": "Ihre Nummer ist {{ number }}. Stimmt das?",
    "kennwort": "Ihr Zeichen lautet {{ code | digits }}.",
    "leer": "   ",
    "endlos": "{% for a in range(9000) %}{% for b in range(99999) %}{% endfor %}{% endfor %}x",
    "riesig": "{{ 'a' * 10**10 }}",
    "kaputt": "{{ practice.name",
}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "ivr_prompts" / "de"
    folder.mkdir(parents=True)
    for name, text in PROMPTS.items():
        (folder / f"{name}.j2").write_text(text, encoding="utf-8")
    return folder.parent


@pytest.fixture
async def studio(shelf: Path, tmp_path: Path) -> AsyncIterator[Studio]:
    made = Studio(shelf, Cache(tmp_path / "cache"), {"": {"practice.name": "Doktor Sommer"}})
    await made.start()
    yield made
    await made.close()


async def apology(studio: Studio) -> Clip:
    (clip,) = await studio.clips([Prompt("no_such_prompt")])
    return clip


async def test_a_prompt_becomes_one_clip_at_telephone_level(studio: Studio) -> None:
    (clip,) = await studio.clips([Prompt("begruessung")])
    facts = studio.cache.facts(clip.key)
    assert (facts.ms, facts.source, round(facts.dbfs)) == (clip.ms, "voice:pico", -20)
    assert 3000 < clip.ms < 8000
    assert len(studio.cache.frames(clip.key)) % 160 == 0


async def test_the_same_prompt_is_spoken_once(studio: Studio) -> None:
    first = await studio.clips([Prompt("begruessung")])
    written = studio.cache.frames(first[0].key)
    assert await studio.clips([Prompt("begruessung")]) == first
    assert studio.cache.frames(first[0].key) is written


async def test_an_inline_text_and_a_clip_are_spoken_in_their_order(studio: Studio) -> None:
    beep = (await studio.clips([Prompt("beep")]))[0]
    text = Prompt(text="Sie sind auf Platz {{ queue.position }}.", values=(("queue.position", "3"),))
    clips = await studio.clips([text, beep, text])
    assert [clip == beep for clip in clips] == [False, True, False]
    assert clips[0] == clips[2]


async def test_a_number_is_read_back_from_shared_digits_so_that_none_rests_in_the_cache(
    studio: Studio,
) -> None:
    other = "+491712345687"
    clips = await studio.clips([Prompt("nummer", values=(("number", NUMBER),))])
    known = set(studio.cache.keys())
    again = await studio.clips([Prompt("nummer", values=(("number", other),))])
    assert len(clips) == len(again) > 8
    new = set(studio.cache.keys()) - known
    closing = await studio.digit_clip("87", "de", final=True)
    assert new == {closing.key}


async def test_a_date_of_birth_is_spoken_in_parts_that_tell_nothing_together(studio: Studio) -> None:
    text = "Das ist der {{ date }}. Stimmt das?"
    first = await studio.clips([Prompt(text=text, values=(("date", "03.05.1950"),))])
    second = await studio.clips([Prompt(text=text, values=(("date", "04.05.1950"),))])
    assert [one == other for one, other in zip(first, second, strict=True)] == [True, False, True, True]


async def test_a_code_is_read_digit_by_digit(studio: Studio) -> None:
    clips = await studio.clips([Prompt("kennwort", values=(("code", "4829"),))])
    digits = [
        await studio.digit_clip("48", "de", final=False),
        await studio.digit_clip("29", "de", final=True),
    ]
    assert [clip for clip in clips if clip in digits] == digits


@pytest.mark.parametrize("name", ["no_such_prompt", "nummer", "leer", "riesig", "kaputt", "../../etc/passwd"])
async def test_a_prompt_that_can_not_be_spoken_becomes_the_apology(studio: Studio, name: str) -> None:
    assert await studio.clips([Prompt(name)]) == (await apology(studio),)


async def test_a_value_that_is_missing_in_an_inline_text_becomes_the_apology(studio: Studio) -> None:
    assert await studio.clips([Prompt(text="{{ practice.secret }}")]) == (await apology(studio),)


async def test_the_template_language_is_not_spoken_in_inline_texts(studio: Studio) -> None:
    for text in ("{{ 'a'*10**10 }}", "{% for x in y %}a{% endfor %}", "{{ practice.name | upper }}"):
        assert await studio.clips([Prompt(text=text)]) == (await apology(studio),)


async def test_a_language_without_a_voice_gets_the_german_apology(studio: Studio) -> None:
    assert await studio.clips([Prompt(text="Merhaba", language="tr")]) == (await apology(studio),)


async def test_a_worker_that_was_killed_is_replaced(studio: Studio) -> None:
    pid = studio.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await studio.clips([Prompt("begruessung")]) in (
        (await apology(studio),),  # the job that met the death
        await studio.clips([Prompt("begruessung")]),
    )
    assert studio.worker_pid not in (None, pid)
    assert await studio.clips([Prompt("begruessung")]) != (await apology(studio),)


async def test_a_template_that_never_ends_is_ended(shelf: Path) -> None:
    worker = SpeechProcess(shelf, VoiceChoice(), job_s=0.5)
    await worker.do(Speak("de", "Guten Tag."), 20)
    with pytest.raises(SpeechError, match="TimeoutError in job 'write'"):
        await worker.do(Write("de", "endlos", "", {}))
    assert worker.pid is None
    assert (await worker.do(Write("de", "", "Guten Tag", {}), 20)).pieces == (("text", "Guten Tag"),)
    await worker.close()


async def test_errors_name_the_prompt_and_never_a_value(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    await studio.clips([Prompt("kaputt", values=(("number", NUMBER),))])
    told = capsys.readouterr()
    assert "kaputt" in told.out + told.err
    assert NUMBER not in told.out + told.err


async def test_first_run_renders_everything_that_needs_no_call(studio: Studio, lend_digits: Lend) -> None:
    lend_digits(studio.cache.folder)
    seen: list[str] = []
    done = await studio.render_all(["de"], lambda one: seen.append(one.name))
    assert seen == [one.name for one in done]
    named = {one.name: one for one in done}
    assert named["begruessung"].problem == ""
    assert named["nummer"].needs == ("number",)
    assert named["riesig"].problem == "PromptError: prompt 'riesig': MemoryError"
    assert {f"digits {n:02d}" for n in range(100)} <= set(named)
    broken = [one for one in done if one.problem]
    assert sorted(one.name for one in broken if one.name not in PROMPTS) == []


async def test_music_is_quieter_than_speech_and_repeats_without_a_seam(studio: Studio) -> None:
    (clip,) = await studio.clips([Prompt("music")])
    facts = studio.cache.facts(clip.key)
    assert (round(facts.dbfs), facts.source) == (-30, "synthesis")
    assert 30_000 < clip.ms < 60_000

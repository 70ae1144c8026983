"""Words come back from the hearing worker, and what was heard is compared with what was said."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

import pytest
from rich.console import Console

from callflow.hearing.compare import compare
from callflow.hearing.ear import HearingError, check
from callflow.hearing.process import HearingProcess
from callflow.hearing.report import Heard, listen, summary
from callflow.hearing.worker import answer
from callflow.prompts.cache import Cache
from callflow.prompts.jobs import HEAD, Hear, pack_job, unpack_answer
from callflow.prompts.process import SpeechError
from callflow.prompts.serving import exchange
from callflow.prompts.studio import Studio


class Parrot:
    """Says how much it heard, in which language."""

    def words(self, alaw: bytes, language: str) -> str:
        return f"{language} {len(alaw)}"


class Deaf:
    def words(self, alaw: bytes, language: str) -> str:
        raise ValueError(f"{alaw!r} {language}: what the caller said must not come back in an error")


def job(alaw: bytes) -> bytes:
    return pack_job(Hear("de", base64.b64encode(alaw).decode()))


def answers(ear: Parrot | Deaf, *alaws: bytes) -> list[tuple[str, str]]:
    """Return error and words of the ready sign and of every job."""
    out = io.BytesIO()
    exchange(lambda body: answer(ear, body), io.BytesIO(b"".join(map(job, alaws))), out)
    out.seek(0)
    found = []
    while head := out.read(HEAD.size):
        told, _ = unpack_answer(out.read(HEAD.unpack(head)[0]))
        found.append((told.error, " ".join(text for _, text in told.pieces)))
    return found


def test_the_worker_says_that_it_is_ready_and_answers_job_after_job() -> None:
    assert answers(Parrot(), bytes(160), bytes(320)) == [("", ""), ("", "de 160"), ("", "de 320")]


def test_a_fault_is_named_without_what_was_said() -> None:
    assert answers(Deaf(), b"x") == [("", ""), ("ValueError", "")]


async def test_a_worker_without_a_model_fails_the_job_and_not_the_house(tmp_path: Path) -> None:
    ear = HearingProcess(tmp_path)
    async with asyncio.timeout(60):
        with pytest.raises(SpeechError, match="worker"):
            await ear.hear(bytes(160), "de")
        await ear.close()


def test_a_folder_without_a_model_is_told_in_both_languages(tmp_path: Path) -> None:
    with pytest.raises(HearingError, match=r"model\.bin fehlt") as refused:
        check(tmp_path)
    assert "is missing" in str(refused.value)


@pytest.mark.parametrize(
    ("said", "heard", "wrong", "differences"),
    [
        ("Wählen Sie 112.", "wählen sie eins eins zwei", 0, ()),
        ("Für ein Rezept die 1.", "Für ein Konzept die 1", 1, ("rezept > konzept",)),
        ("Auf Wiederhören", "auf wieder hören", 2, ("wiederhören > wieder hören",)),
        ("Guten Tag", "", 2, ("guten tag > ",)),
    ],
)
def test_words_are_compared_as_they_sound(
    said: str, heard: str, wrong: int, differences: tuple[str, ...]
) -> None:
    found = compare(said, heard, "de")
    assert (found.wrong, found.differences) == (wrong, differences)


async def test_the_report_hears_every_prompt_made_of_text(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de/gruss.j2").write_text("Guten Tag.", encoding="utf-8")
    studio = Studio(tmp_path, Cache(tmp_path / "cache"))

    async def hear(alaw: bytes, language: str) -> str:
        assert (len(alaw) > 4000, language) == (True, "de")
        return "Guten Abend"

    try:
        heard = await listen(studio, hear, ("de",), Console(file=io.StringIO()))
    finally:
        await studio.close()
    assert heard == [Heard("gruss", "de", compare("Guten Tag.", "Guten Abend", "de"))]
    assert summary(heard).startswith("1 von 2 Wörtern")

"""A voice message left at Twilio comes home sealed, and is deleted there."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from callflow import g711, voice_messages
from callflow.sealing import Sealer
from webhooks.recordings import RecordingFetchError, Recordings, to_alaw

SOUND = g711.to_alaw((np.sin(np.arange(1600) / 5) * 9000).astype(np.int16))


def _recordings(
    folder: Path, sealer: Sealer, answers: dict[str, httpx.Response], seen: list[str]
) -> Recordings:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        return answers[request.method]

    transport = httpx.MockTransport(answer)
    return Recordings(folder, sealer, lambda: httpx.AsyncClient(transport=transport), "https://api", "AC1")


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_recording_is_kept_sealed_and_deleted_at_twilio(tmp_path: Path) -> None:
    sealer, seen = Sealer(bytes(32)), list[str]()
    answers = {"GET": httpx.Response(200, content=g711.wav(SOUND)), "DELETE": httpx.Response(204)}
    await _recordings(tmp_path, sealer, answers, seen).take("RE0123")
    assert voice_messages.sound(tmp_path, sealer, "RE0123") == SOUND
    assert seen == [
        "GET /2010-04-01/Accounts/AC1/Recordings/RE0123.wav",
        "DELETE /2010-04-01/Accounts/AC1/Recordings/RE0123.json",
    ]


@pytest.mark.parametrize(
    "answer", [httpx.Response(404), httpx.Response(200, content=b"no wave"), httpx.Response(500)]
)
async def test_what_is_not_there_yet_is_left_at_twilio(tmp_path: Path, answer: httpx.Response) -> None:
    seen = list[str]()
    with pytest.raises(RecordingFetchError):
        await _recordings(tmp_path, Sealer(bytes(32)), {"GET": answer}, seen).take("RE0123")
    assert (seen[1:], _names(tmp_path)) == ([], [])


def test_sound_survives_the_way_to_wav_and_back() -> None:
    assert to_alaw(g711.wav(SOUND)) == SOUND

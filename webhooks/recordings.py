"""Voice messages from Twilio's store into ours: fetched, sealed, deleted there."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import soxr
import structlog

from callflow import g711, voice_messages
from callflow.sealing import Sealer

_log = structlog.get_logger("webhooks")
_PATIENCE = httpx.Timeout(10.0, connect=3.0)
_MOST_BYTES = 16 * 1024 * 1024  # a quarter of an hour at 8 kHz


class RecordingFetchError(Exception):
    """Twilio's recording could not be fetched (yet)."""


class Recordings:
    """Fetches recordings of one account.

    Args:
        folder: DATA/recordings.
        sealer: seals the sound.
        client: makes the HTTP client, with the account's credentials, for each fetch.
        api: base of Twilio's API, "https://api.twilio.com".
        account: account SID.
    """

    def __init__(
        self, folder: Path, sealer: Sealer, client: Callable[[], httpx.AsyncClient], api: str, account: str
    ) -> None:
        self._folder = folder
        self._sealer = sealer
        self._client = client
        self._base = f"{api}/2010-04-01/Accounts/{account}/Recordings"

    async def take(self, sid: str) -> None:
        """Bring the recording `sid` home and delete it at Twilio.

        Raises:
            RecordingFetchError: it is not there yet, or the connection failed.
        """
        try:
            async with self._client() as client:
                answer = await client.get(f"{self._base}/{sid}.wav", timeout=_PATIENCE, follow_redirects=True)
                answer.raise_for_status()
                voice_messages.keep(self._folder, self._sealer, sid, to_alaw(answer.content))
                gone = await client.delete(f"{self._base}/{sid}.json", timeout=_PATIENCE)
        except (httpx.HTTPError, wave.Error, EOFError, OSError) as error:
            raise RecordingFetchError(type(error).__name__) from error
        if gone.status_code not in {200, 204, 404}:
            _log.warning("recording not deleted at provider", recording=sid, status=gone.status_code)


def to_alaw(wav: bytes) -> bytes:
    """Return 16-bit PCM in a WAV container as A-law of 8 kHz.

    Raises:
        wave.Error, EOFError: no WAV of 16-bit samples, or too large.
    """
    if len(wav) > _MOST_BYTES:
        raise wave.Error("recording too large")
    with wave.open(io.BytesIO(wav)) as file:
        if file.getsampwidth() != 2:  # noqa: PLR2004  # bytes of a 16-bit sample
            raise wave.Error("not 16-bit samples")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        mono = samples.reshape(-1, file.getnchannels())[:, 0]
        rate = file.getframerate()
    sound = mono if rate == g711.RATE else soxr.resample(mono, rate, g711.RATE)
    return g711.to_alaw(np.asarray(sound, dtype=np.int16))

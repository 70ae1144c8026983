"""A whole line in a temporary folder: its configuration, clips that can be told apart, and a fake app."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from callflow.effects import Clip
from callflow.g711 import RATE, from_alaw, to_alaw
from callflow.prompts.cache import Cache, ClipFacts
from callflow.sealing import Sealer, load_key
from callflow.spool import SpooledCall, SpoolReader
from sip.line_config import Destination, Did, LineConfig
from sip.process import Line
from sip.signalling.core import bracketed
from sip.signalling.phone_settings import Listen, PhoneSettings
from tests.line.fake_app import Decide, FakeApp

DID = "+493055500"
TONES = {"menu": 440.0, "bye": 880.0, "fallback": 1320.0, "sorry": 1760.0}  # Hz of each clip
CLIP_MS = 600


def clip(name: str) -> Clip:
    """Return the clip that sounds like `TONES[name]`."""
    return Clip(f"clip-{name}", CLIP_MS)


def make_clips(folder: Path, ms: int = CLIP_MS) -> None:
    """Fill the prompt cache."""
    cache = Cache(folder)
    for name in TONES:
        cache.put(clip(name).key, tone(name, ms), ClipFacts(ms, -15.0, -12.0, "synthesis"))


def tone(name: str, ms: int = CLIP_MS) -> bytes:
    """Return what the clip sounds like, as A-law."""
    seconds = np.arange(RATE * ms // 1000) / RATE
    return to_alaw((8000 * np.sin(2 * np.pi * TONES[name] * seconds)).astype(np.int16))


def heard(alaw: bytes) -> list[str]:
    """Return the clips in a recording, in order."""
    names: list[str] = []
    hertz = np.fft.rfftfreq(1600, 1 / RATE)
    for at in range(0, len(alaw) - 1600, 800):
        part = from_alaw(bytes(alaw[at : at + 1600])).astype(float)
        if np.sqrt(np.mean(part**2)) < 1000:
            continue
        peak = float(hertz[int(np.argmax(np.abs(np.fft.rfft(part))))])
        name = min(TONES, key=lambda each: abs(TONES[each] - peak))
        if abs(TONES[name] - peak) < 20 and names[-1:] != [name]:
            names.append(name)
    return names


def line_config(folder: Path, destinations: dict[str, Destination], **changes: object) -> LineConfig:
    """Return the configuration of a line that lives in `folder`."""
    make_clips(folder / "prompts")
    (folder / "run").mkdir()
    config = LineConfig(
        name="test",
        phone=PhoneSettings(listen=(Listen("udp", "127.0.0.1", 0),)),
        app_socket=folder / "run" / "app.sock",
        answer_s=0.5,
        prompts=folder / "prompts",
        spool=folder / "spool",
        recordings=folder / "recordings",
        key_file=folder / "key",
        ready=folder / "run" / "ready.json",
        grace_s=20,
        dids=(
            Did(
                number=DID,
                aliases=("praxis",),
                fallback=clip("fallback").key,
                sorry=clip("sorry").key,
                destination="empfang",
            ),
        ),
        destinations=destinations,
    )
    return config.model_copy(update=changes)


@dataclass(slots=True)
class House:
    """A running line with its fake app."""

    config: LineConfig
    line: Line
    app: FakeApp
    uri: str
    stop: asyncio.Event

    def spooled(self) -> list[SpooledCall]:
        """Return what the app would read back."""
        sealer = Sealer(load_key(self.config.key_file))
        later = datetime.now(UTC) + timedelta(minutes=1)
        return [call for call, _ in SpoolReader(self.config.spool, sealer).calls(later)]


@asynccontextmanager
async def running(
    folder: Path, decide: Decide, destinations: dict[str, Destination] | None = None, **changes: object
) -> AsyncIterator[House]:
    """Run a line in this loop until the block ends."""
    config = line_config(folder, destinations or {}, **changes)
    app = FakeApp(config.app_socket, decide)
    await app.start()
    stop = asyncio.Event()
    line = Line(config)
    serving = asyncio.create_task(line.run(stop))
    try:
        await app.until(lambda: bool(app.hellos))
        yield House(config, line, app, f"sip:praxis@{_place(config)}", stop)
    finally:
        stop.set()
        await serving
        await app.stop()


def _place(config: LineConfig) -> str:
    """Return host and port as URIs have them."""
    assert config.ready is not None
    _, host, port = json.loads(config.ready.read_text(encoding="utf-8"))["sip"][0]
    return f"{bracketed(host)}:{port}"

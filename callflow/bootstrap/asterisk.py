"""The Asterisk lines of a house, joined to sessions, speech and sealed recordings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from callflow import voice_messages
from callflow.answers import first_waiting
from callflow.dialling import Dialler
from callflow.effects import Prompt
from callflow.metrics import Gauges
from callflow.plan import AsteriskLine as Entry
from callflow.plan import EmbeddedLine, PyVoipLine
from callflow.prompts.studio import Studio
from callflow.sealing import Sealer
from callflow.session import Sessions
from callflow.settings import Settings
from sip.ami import Access
from sip.asterisk import AsteriskLine
from sip.asterisk_call import Desk
from sip.signalling.certificates import client_context
from sip.sounds import Sounds

SORRY = "line_sorry"
MUSIC = "music"


def asterisk_lines(
    settings: Settings, sessions: Sessions, studio: Studio, sealer: Sealer
) -> tuple[AsteriskLine, ...]:
    """Return the lines of kind asterisk, not connected yet."""
    entries = {name: line for name, line in settings.plan.lines.items() if isinstance(line, Entry)}
    next_in = _next_in(sessions)
    return tuple(
        AsteriskLine(
            name,
            _access(settings, entry),
            _desk(settings, name, entry, sessions, studio, sealer),
            next_in=next_in,
        )
        for name, entry in entries.items()
    )


def _next_in(sessions: Sessions) -> Callable[[str], Awaitable[str]]:
    async def first(destination: str) -> str:
        now = sessions.clock()
        return await sessions.store.read(lambda tx: first_waiting(tx, destination, now))

    return first


async def announce(lines: tuple[AsteriskLine, ...], studio: Studio, language: str) -> None:
    """Give each Asterisk its hold music, and the apology for callers whom nobody answered without us."""
    sorry = await studio.clips([Prompt(SORRY, language=language)])
    music = await studio.clips([Prompt(MUSIC, language=language)])
    for line in lines:
        line.apologise(tuple(clip.key for clip in sorry))
        line.play_on_hold(tuple(clip.key for clip in music))


def diallers(lines: tuple[AsteriskLine, ...]) -> Mapping[str, Dialler]:
    """Return what makes calls for people, by line."""
    return {line.name: line.dialler for line in lines}


def trunks(lines: tuple[AsteriskLine, ...]) -> Mapping[str, bool]:
    """Return trunk -> whether it is up; a line whose Asterisk is away counts as a trunk that is down."""
    found: dict[str, bool] = {}
    for line in lines:
        live = line.live
        found |= live.trunks if live.connected else dict.fromkeys((line.name, *live.trunks), False)
    return found


def measured(lines: tuple[AsteriskLine, ...], gauges: Gauges) -> tuple[str, ...]:
    """Bring what Asterisk lines count to the gauges; returns the names of those whose Asterisk is there."""
    for line in lines:
        gauges.take(line.name, line.figures)
    return tuple(line.name for line in lines if line.live.connected)


def up(settings: Settings, lines: tuple[AsteriskLine, ...], connected: tuple[str, ...]) -> bool:
    """Say whether every telephone line is up; its trunks are told by `trunks`.

    Args:
        settings: the house's settings.
        lines: the Asterisk lines.
        connected: names of the line processes that are connected.
    """
    ours = {name for name, line in settings.plan.lines.items() if isinstance(line, EmbeddedLine | PyVoipLine)}
    away = any(not line.live.connected for line in lines)
    return ours <= set(connected) and not away and bool(ours or lines)


def _access(settings: Settings, entry: Entry) -> Access:
    tls = client_context(entry.ca_file) if entry.tls else None
    return Access(entry.host, entry.port, entry.username, settings.secrets.ami_secret.get_secret_value(), tls)


def _desk(  # noqa: PLR0913, PLR0917  # a line joins this many rooms
    settings: Settings, name: str, entry: Entry, sessions: Sessions, studio: Studio, sealer: Sealer
) -> Desk:
    place = settings.data / "asterisk" / name
    sounds = Path(entry.sounds) if entry.sounds else place / "sounds"
    recordings = Path(entry.recordings) if entry.recordings else place / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)

    async def keep(recording: str, alaw: bytes) -> bool:
        try:
            await asyncio.to_thread(
                voice_messages.keep, settings.data / "recordings", sealer, recording, alaw
            )
        except OSError:
            return False
        return True

    return Desk(
        plan=settings.plan,
        sessions=sessions,
        sounds=Sounds(sounds, entry.sounds_in_asterisk or str(sounds), studio.cache.frames),
        recordings=recordings,
        recordings_seen_as=entry.recordings_in_asterisk or str(recordings),
        keep=keep,
    )

"""What must be there before the first call: folders, key, database, the admin's account, announcements."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from callflow.bootstrap.flows import MAIN_CALENDAR
from callflow.bootstrap.line import Announcements
from callflow.effects import Prompt
from callflow.hours import Calendar
from callflow.language import load_calendars
from callflow.prompts import sound
from callflow.prompts.cache import Cache
from callflow.prompts.choice import VoiceChoice
from callflow.prompts.console import render_all
from callflow.prompts.jobs import NOBODY_WAITS_S
from callflow.prompts.studio import Facts, Studio
from callflow.prompts.timetable import week
from callflow.prompts.voice import engine
from callflow.sealing import Sealer, load_key
from callflow.settings import Settings
from callflow.store import Store
from callflow.users import invitation

FOLDERS = ("run", "prompts", "recordings", "spool", "log")


def folders(data: Path) -> None:
    """Make DATA and its folders; only their owner may look into them."""
    for folder in (data, *(data / name for name in FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def database_path(data: Path) -> Path:
    """Return where the database lies."""
    return data / "rufweiche.db"


def admin_link(settings: Settings) -> str:
    """Bring the database to its newest form; return the link to set the admin's password, "" once set.

    Raises:
        callflow.sealing.KeyFileError: the key file must not be used.
        callflow.store.database.WrongKeyError: the key belongs to another database.
    """
    store = Store(database_path(settings.data), Sealer(load_key(settings.data / "key")))
    try:
        token = store.write_now(lambda tx: invitation.first_admin(tx, now=datetime.now(UTC)))
    finally:
        store.close()
    return f"http://{settings.http}/set-password/{token}" if token else ""


def spoken_facts(settings: Settings, calendars: Mapping[str, Calendar] | None = None) -> Facts:
    """Return what every prompt may say of the practice; the hours from its file unless they are given."""
    practice = settings.practice.practice
    calendars = load_calendars(settings.config / "hours.yaml") if calendars is None else calendars
    main = calendars.get(MAIN_CALENDAR) or next(iter(calendars.values()))
    named = {
        "practice.name": practice.name,
        "practice.phone": practice.phone,
        "practice.address": practice.address,
    }
    return {"": named} | {each: {"practice.hours": week(main, each)} for each in settings.practice.languages}


def voice_choice(settings: Settings) -> VoiceChoice:
    """Return who speaks; models lie where the configuration says, seen from its folder.

    Raises:
        VoiceError: a model or program is missing.
    """
    voice = settings.practice.voice
    if voice.engine == "pico":
        return VoiceChoice(speed=voice.speed)
    models = voice.models
    if voice.engine == "piper":
        models = {language: str(settings.config / path) for language, path in models.items()}
    choice = VoiceChoice(voice.engine, voice.speed, models)
    engine(choice)
    return choice


def studio(
    settings: Settings,
    folder: Path | None = None,
    calendars: Mapping[str, Calendar] | None = None,
    job_s: float = NOBODY_WAITS_S,
) -> Studio:
    """Return the studio of this house; its clips lie in DATA/prompts or in `folder`.

    Args:
        settings: the house's settings.
        folder: where its clips lie, None for DATA/prompts.
        calendars: the opening hours it may speak of, None for those of the file.
        job_s: longest time for one job of its worker in seconds.

    Raises:
        VoiceError: a model or program is missing.
    """
    cache, facts = Cache(folder or settings.data / "prompts"), spoken_facts(settings, calendars)
    return Studio(settings.prompts, cache, facts, voice_choice(settings), job_s)


async def announcements(
    settings: Settings, calendars: Mapping[str, Calendar], console: Console
) -> Announcements:
    """Render all prompts under a progress bar and return those that a line speaks on its own."""
    room = studio(settings, calendars=calendars)
    try:
        await render_all(room, settings.practice.languages, console)
        return Announcements(
            fallback=await _joined(room, settings, ("line_fallback",)),
            sorry=await _joined(room, settings, ("line_sorry",)),
        )
    finally:
        await room.close()


async def _joined(room: Studio, settings: Settings, names: Sequence[str]) -> str:
    """Return one clip that holds the prompts' clips one after another: a line plays only ready sound."""
    language = settings.practice.language
    clips = await room.clips([Prompt(name, language=language) for name in names])
    whole = b"".join(room.cache.frames(clip.key) for clip in clips)
    key = hashlib.sha256(whole).hexdigest()[:40]
    return room.cache.put(key, whole, sound.facts(whole, "voice")).key

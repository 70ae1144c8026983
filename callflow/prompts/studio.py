"""The studio: prompts in, clips out. What the caller hears is made here, and nothing here may end a call."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from callflow import g711
from callflow.effects import Clip, Prompt, Spoken
from callflow.prompts import apology, manifest, recordings, shelf, sound
from callflow.prompts.cache import Cache, NoClip
from callflow.prompts.choice import VoiceChoice
from callflow.prompts.digits import pairs
from callflow.prompts.jobs import NOBODY_WAITS_S, Convert, Digits, Job, Speak, Synthesise, Write
from callflow.prompts.normalise.dates import spoken_date
from callflow.prompts.process import CONVERT_S, START_S, SpeechError, SpeechProcess
from callflow.prompts.templates import Piece
from callflow.prompts.tones import SOUNDS

PIPELINE = "1"  # raise it when the way from text to sound changes: all clips are then made anew
_log = structlog.get_logger(__name__)

Facts = Mapping[str, Mapping[str, str]]
"""Language -> values every prompt may speak ("practice.name"); "" holds those of all languages."""


NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One prompt after rendering.

    Args:
        name: the prompt's name.
        language: its language.
        text: what is spoken, "" for recordings and sounds.
        ms: duration.
        dbfs: active level.
        peak_dbfs: highest sample.
        source: "voice:pico", "recording", "synthesis".
        problem: "" or why it can't be heard.
        needs: values the prompt gets in a call only; it is rendered then.
    """

    name: str
    language: str
    text: str = ""
    ms: int = 0
    dbfs: float = -99.0
    peak_dbfs: float = -99.0
    source: str = ""
    problem: str = ""
    needs: tuple[str, ...] = ()


@dataclass(slots=True)
class Studio:
    """Turns prompts into clips of the cache.

    Args:
        folder: ivr_prompts.
        cache: where clips are kept.
        facts: values that every prompt may use.
        choice: the voice.
        job_s: longest time for one job of the worker in seconds.
    """

    folder: Path
    cache: Cache
    facts: Facts = field(default_factory=dict)
    choice: VoiceChoice = field(default_factory=VoiceChoice)
    job_s: float = NOBODY_WAITS_S
    _worker: SpeechProcess = field(init=False)
    _unreadable: dict[str, str] = field(init=False, default_factory=dict)
    _making: dict[str, asyncio.Task[Clip]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare the worker; it starts with the first job."""
        self._worker = SpeechProcess(self.folder, self.choice, job_s=self.job_s)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the speech worker, None while none runs."""
        return self._worker.pid

    async def start(self, languages: Sequence[str] = ("de",)) -> None:
        """Start the worker and put the apology of each language into the cache."""
        for language in languages:
            await self._apologise(language, START_S)

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()

    async def clips(self, spoken: Sequence[Spoken]) -> tuple[Clip, ...]:
        """Return the clips for what is to be spoken, in order; never raises.

        A prompt that can't be rendered is replaced by an apology that names the way to a human.
        """
        parts = [await self._safe_clips(item) for item in spoken]
        return tuple(clip for part in parts for clip in part)

    async def _safe_clips(self, item: Spoken) -> tuple[Clip, ...]:
        if isinstance(item, Clip):
            return (item,)
        try:
            return await self.prompt_clips(item)
        except Exception as error:  # noqa: BLE001 - the caller must hear something, whatever broke
            _log.error("prompt_failed", prompt=item.name or "inline", language=item.language, why=str(error))
            return (await self._apologise(item.language),)

    async def prompt_clips(self, prompt: Prompt) -> tuple[Clip, ...]:
        """Return the clips of one prompt.

        Raises:
            SpeechError: it can't be rendered.
            OSError: the cache can't be written.
        """
        if prompt.name and (recorded := await self._recorded(prompt)):
            return (recorded,)
        if prompt.name in SOUNDS:
            return (await self._make(self._key("sound", prompt.name), Synthesise(prompt.name)),)
        pieces = await self.pieces(prompt)
        if not pieces:
            raise SpeechError("nothing to say")
        parts = [await self._piece_clips(piece, prompt.language) for piece in pieces]
        return tuple(clip for part in parts for clip in part)

    async def pieces(self, prompt: Prompt) -> tuple[Piece, ...]:
        """Return the text of a prompt in its pieces.

        Raises:
            SpeechError: unknown prompt, missing value or a fault in its template.
        """
        values = (
            dict(self.facts.get("", {})) | dict(self.facts.get(prompt.language, {})) | dict(prompt.values)
        )
        answer = await self._worker.do(Write(prompt.language, prompt.name, prompt.text, values))
        return tuple(Piece(kind, text) for kind, text in answer.pieces)

    async def _piece_clips(self, piece: Piece, language: str) -> tuple[Clip, ...]:
        if piece.kind == "text":
            return (await self._text_clip(piece.text, language),)
        if piece.kind == "date":
            phrases = spoken_date(piece.text, language)
            return tuple([await self._text_clip(phrase, language) for phrase in phrases])
        row: list[Clip] = []
        for pair in pairs(piece.text):
            row += [
                await self.digit_clip(pair.digits, language, final=pair.final),
                self._pause(pair.pause_ms),
            ]
        return tuple(clip for clip in row if clip.ms)

    async def _text_clip(self, text: str, language: str) -> Clip:
        key = self._key("text", self.choice.identity(language), language, text)
        return await self._make(key, Speak(language, text))

    async def digit_clip(self, digits: str, language: str, *, final: bool) -> Clip:
        """Return the clip of one or two digits in going-on or closing tone."""
        key = self._key("digits", self.choice.identity(language), language, digits, str(final))
        return await self._make(key, Digits(language, digits, final))

    def _pause(self, ms: int) -> Clip:
        """Return silence of `ms` milliseconds, rounded to frames of 20 ms."""
        key = f"pause-{ms:04d}"
        if not ms:
            return Clip(key, 0)
        quiet = bytes([g711.SILENCE]) * (ms * g711.RATE // 1000 // g711.FRAME * g711.FRAME)
        return self.cache.get(key) or self.cache.put(key, quiet, sound.facts(quiet, "synthesis"))

    async def _recorded(self, prompt: Prompt) -> Clip | None:
        """Return the practice's own recording of a prompt, None where the voice must speak."""
        path = recordings.find(self.folder, prompt.language, prompt.name)
        if path is None:
            return None
        key = self._key("recording", recordings.fingerprint(path))
        if key in self._unreadable:
            return None
        try:
            return await self._make(key, Convert(str(path)), CONVERT_S)
        except SpeechError as error:
            self._unreadable[key] = str(error)
            _log.error("recording_unreadable", prompt=prompt.name, language=prompt.language, why=str(error))
            return None

    def _recording_fault(self, entry: shelf.Entry) -> str:
        path = recordings.find(self.folder, entry.language, entry.name)
        return self._unreadable.get(self._key("recording", recordings.fingerprint(path)), "") if path else ""

    async def _make(self, key: str, job: Job, limit_s: float | None = None) -> Clip:
        """Return the clip `key`, made by `job` if the cache lacks it, and only once at a time."""
        if clip := self.cache.get(key):
            return clip
        if key not in self._making:
            self._making[key] = asyncio.create_task(self._done(key, job, limit_s))
        try:
            return await asyncio.shield(self._making[key])
        finally:
            self._making.pop(key, None)

    async def _done(self, key: str, job: Job, limit_s: float | None) -> Clip:
        answer = await self._worker.do(job, limit_s)
        if not answer.sound:
            raise SpeechError(f"no sound from job {job.op!r}")
        return self.cache.put(key, answer.sound, sound.facts(answer.sound, answer.source))

    async def _apologise(self, language: str, limit_s: float | None = None) -> Clip:
        """Return the apology in `language`, in German, or as a tone: something that is always there."""
        for speech in dict.fromkeys((language, "de")):
            text = apology.TEXTS.get(speech)
            if text is None:
                continue
            key = self._key("text", self.choice.identity(speech), speech, text)
            try:
                return await self._make(key, Speak(speech, text), limit_s)
            except (SpeechError, OSError) as error:
                _log.error("apology_failed", language=speech, why=str(error))
        return self._tone()

    def _tone(self) -> Clip:
        tone = sound.to_alaw(SOUNDS["beep"]())
        try:
            return self.cache.put(apology.TONE_KEY, tone, sound.facts(tone, "synthesis"))
        except OSError:  # disk full: the clip is still held in memory by nobody, but the call goes on
            return Clip(apology.TONE_KEY, len(tone) // 8)

    def _key(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((PIPELINE, *parts)).encode()).hexdigest()[:40]

    async def touch(self, prompts: Iterable[Prompt], languages: Sequence[str]) -> None:
        """Render what calls may need, `prompts` and all of ivr_prompts, so that a sweep leaves it alone.

        Prompts that need a call's own values are left out.
        """
        await self.render_all(languages)
        for prompt in prompts:
            with contextlib.suppress(SpeechError, OSError):
                await self.prompt_clips(prompt)

    async def render_all(
        self,
        languages: Sequence[str],
        progress: Callable[[Rendered], None] = lambda _: None,
        *,
        with_samples: bool = False,
    ) -> tuple[Rendered, ...]:
        """Render every prompt of ivr_prompts that needs no value of a call, the digits and the sounds.

        Args:
            languages: two-letter codes.
            progress: told of each prompt when it is done.
            with_samples: render prompts that need values of a call with the manifest's samples.
        """
        done: list[Rendered] = []
        known = manifest.load(self.folder) if with_samples else manifest.Manifest()
        for entry in shelf.entries(self.folder, languages):
            samples = known.values(entry.language, entry.name) if with_samples else NOTHING
            rendered = await self.render(entry, samples)
            progress(rendered)
            done.append(rendered)
        return tuple(done)

    async def render(self, entry: shelf.Entry, samples: Mapping[str, str] = NOTHING) -> Rendered:
        """Render one prompt and measure it; faults end in `problem`.

        Args:
            entry: what to render.
            samples: stand in for the values that only a call brings; without one of them it is not rendered.
        """
        known = set(self.facts.get("", {})) | set(self.facts.get(entry.language, {}))
        needs = tuple(sorted(set(entry.needs) - known))
        if unknown := set(needs) - set(samples):
            return Rendered(entry.name, entry.language, entry.text, needs=tuple(sorted(unknown)))
        try:
            return await self._rendered(entry, {name: samples[name] for name in needs})
        except (SpeechError, NoClip, OSError) as error:
            return Rendered(entry.name, entry.language, entry.text, problem=str(error))

    async def _rendered(self, entry: shelf.Entry, values: Mapping[str, str]) -> Rendered:
        if entry.digits:
            clip = await self.digit_clip(entry.digits, entry.language, final=entry.final)
            return self._measured(entry, (clip,))
        prompt = Prompt(entry.name, language=entry.language, values=tuple(values.items()))
        spoken = await self.pieces(prompt) if entry.text else ()
        text = " ".join(piece.text for piece in spoken)
        return self._measured(replace(entry, text=text), await self.prompt_clips(prompt))

    def _measured(self, entry: shelf.Entry, clips: Sequence[Clip]) -> Rendered:
        whole = b"".join(self.cache.frames(clip.key) for clip in clips)
        facts = sound.facts(whole, self.cache.facts(clips[0].key).source)
        return Rendered(
            entry.name,
            entry.language,
            entry.text,
            ms=facts.ms,
            dbfs=facts.dbfs,
            peak_dbfs=facts.peak_dbfs,
            source=facts.source,
            problem=self._recording_fault(entry),
        )

"""Simulated, replayed and drawn calls: the practice's configuration handed to `callflow.simulate`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from callflow import journal
from callflow.bootstrap.first_run import database_path, spoken_facts, studio
from callflow.bootstrap.flows import flow_path, known_flow, surroundings
from callflow.drawing.mermaid import mermaid
from callflow.drawing.picture import ENDINGS, EndingError, picture
from callflow.drawing.svg import svg
from callflow.effects import Prompt
from callflow.events import Event
from callflow.flow import Flow
from callflow.golden import ZONE, written
from callflow.hours import Calendar
from callflow.kinds.wait import Wait
from callflow.language import FlowErrors, load_calendars, look
from callflow.prompts import manifest
from callflow.prompts.console import play
from callflow.prompts.studio import Studio
from callflow.prompts.wording import Wording
from callflow.sealing import Sealer, load_key
from callflow.settings import Settings, load
from callflow.simulate import script, suite
from callflow.simulate.replay import NoSuchCallError
from callflow.simulate.replay import replay as tell_again
from callflow.simulate.screen import Screen, Speaker
from callflow.simulate.walk import Setting, Walk
from callflow.store import Call, Store, Tx


def calendars(settings: Settings) -> dict[str, Calendar]:
    """Return the opening hours by name.

    Raises:
        FlowErrors: hours.yaml has a fault.
    """
    return dict(load_calendars(settings.config / "hours.yaml"))


def flow(settings: Settings, name: str) -> Flow:
    """Return the flow of that name, or of that file.

    Raises:
        FlowErrors: it does not exist or has an error.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else flow_path(settings, known_flow(settings, name))
    found, problems = look(path, surroundings(settings, calendars(settings)))
    if found is None:
        raise FlowErrors(problems)
    return found


def setting(at: str, number: str, queue: str) -> Setting:
    """Read who calls when and how busy the practice is.

    Args:
        at: local time "2026-12-24 10:00", "" for now.
        number: as the caller would write it, or "withheld".
        queue: answers to questions about the queue, "busy:2:4 free" (with place and minutes).

    Raises:
        ScriptError: `at` is no time, or the queue gives no such answer.
    """
    try:
        moment = datetime.fromisoformat(at) if at else datetime.now(ZONE)
    except ValueError:
        raise script.ScriptError(
            f'--at: {at!r} ist keine Ortszeit; zum Beispiel "2026-12-24 10:00".\n'
            f'--at: {at!r} is no local time, e.g. "2026-12-24 10:00".'
        ) from None
    return Setting(moment.replace(tzinfo=None), number, queue=script.queue(queue))


def simulate(  # noqa: PLR0913 - the command's options
    settings: Settings,
    name: str,
    setting: Setting,
    keys: str | None,
    console: Console,
    *,
    aloud: bool = False,
    save: Path | None = None,
) -> int:
    """Walk through a call: by `keys`, and where they are None by the person at the keyboard.

    Raises:
        FlowErrors: the flow or the hours have a fault.
        ScriptError: `keys` hold an unknown word, or nobody waits in a flow whose queue is told.
    """
    called = flow(settings, name)
    if setting.queue and not any(isinstance(node, Wait) for node in called.nodes.values()):
        raise script.ScriptError(
            f"--queue: im Ablauf {called.name} wartet niemand (kein Knoten `wait`).\n"
            f"--queue: nobody waits in the flow {called.name} (it has no node `wait`)."
        )
    with _speaker(settings, aloud=aloud) as speaker:
        screen = Screen(console, Wording(settings.prompts, spoken_facts(settings)), speaker)
        asked = screen.ask if keys is None else None
        deeds = script.read(keys or "")
        case = Walk(called, calendars(settings), setting, screen, deeds, asked).run()
    screen.outcome(case.expects.outcome)
    if save:
        save.write_text(written(case.model_copy(update={"call": save.stem})), encoding="utf-8")
        console.print(f"{save} geschrieben / written", markup=False)
    return 0


def simulate_all(settings: Settings, folder: Path | None, console: Console) -> int:
    """Run every golden call below `folder`; return the exit status.

    Without a folder these are calls/ of the configuration, and those of each example practice still in it.
    """
    if folder:
        return suite.show(*_rehearsed(settings, folder), console)
    verdicts, missing = _rehearsed(settings, settings.config / "calls")
    for each in sorted((settings.config / "examples").glob("*/calls")):
        found, ways = _rehearsed(_of_example(settings, each.parent), each)
        verdicts, missing = verdicts + found, missing + [f"{each.parent.name}/{way}" for way in ways]
    return suite.show(verdicts, missing, console)


def _rehearsed(settings: Settings, folder: Path) -> tuple[list[suite.Verdict], list[str]]:
    flows = cache(lambda name: flow(settings, name))
    verdicts = suite.run(folder, flows, calendars(settings))
    return verdicts, suite.missed(verdicts, flows)


def _of_example(settings: Settings, config: Path) -> Settings:
    return load(
        data=settings.data, config=config, prompts=settings.prompts, sip=settings.sip, http=settings.http
    )


def draw(settings: Settings, name: str, out: Path) -> int:
    """Draw a flow as SVG, or as Mermaid text if the file is named .mmd; return the exit status.

    Raises:
        EndingError: the file's name ends in neither.
        FlowErrors: the flow has an error.
        OSError: the file can't be written.
    """
    if out.suffix.lower() not in ENDINGS:
        raise EndingError(out.name)
    found = flow(settings, name)
    facts, samples = spoken_facts(settings), manifest.load(settings.prompts).values(found.language)
    wording = Wording(settings.prompts, {**facts, found.language: {**facts[found.language], **samples}})
    drawn = picture(found, wording.of)
    text = mermaid(drawn) if out.suffix.lower() == ".mmd" else svg(drawn, settings.practice.practice.name)
    out.write_text(text, encoding="utf-8")
    return 0


def replay(settings: Settings, call_id: str, console: Console) -> int:
    """Tell a recorded call again, and whether the present flow goes the same way.

    Raises:
        NoSuchCallError: nothing is known of the call.
        FlowErrors: its flow has an error now.
    """
    store = Store(database_path(settings.data), Sealer(load_key(settings.data / "key")))
    try:
        name, version, events, steps = store.read_now(lambda tx: _recorded(tx, call_id))
    finally:
        store.close()
    present = flow(settings, name)
    screen = Screen(console, Wording(settings.prompts, spoken_facts(settings)))
    passed = tell_again(present, call_id, events, screen, console)
    if passed == steps:
        return 0
    why = "" if present.version == version else " (der Ablauf wurde seitdem geändert / the flow has changed)"
    console.print(f"[yellow]Der Anruf ginge heute anders{why} / would go differently now")
    return 1


def _recorded(tx: Tx, call_id: str) -> tuple[str, str, list[Event], list[tuple[str, str]]]:
    call = tx.get(Call, call_id)
    events = journal.events(tx, call_id)
    if call is None or not events:
        raise NoSuchCallError(f"Anruf {call_id} ist nicht aufgezeichnet / call {call_id} is not recorded")
    return call.flow, call.version, events, journal.steps(tx, call_id)


@contextmanager
def _speaker(settings: Settings, *, aloud: bool) -> Iterator[Speaker | None]:
    """Give a speaker that plays what is heard, None when nothing is to be heard."""
    if not aloud:
        yield None
        return
    with asyncio.Runner() as runner, TemporaryDirectory() as room:
        booth = studio(settings, Path(room))
        yield _voice(runner, booth)
        runner.run(booth.close())


def _voice(runner: asyncio.Runner, booth: Studio) -> Callable[[tuple[Prompt, ...]], None]:
    def speak(heard: tuple[Prompt, ...]) -> None:
        clips = runner.run(booth.clips(heard))
        play(b"".join(booth.cache.frames(clip.key) for clip in clips))

    return speak

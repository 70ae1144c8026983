"""A house whose processes are slow to come up says which, and stays."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from callflow.bootstrap import first_run, serve
from callflow.bootstrap.line import embedded_lines, ready_path
from callflow.bootstrap.places import Options, settings
from callflow.plan import EmbeddedLine, SipTrunk


class Screen(io.StringIO):
    """A terminal that tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    def write(self, text: str) -> int:
        """Take text."""
        self.told.set()
        return super().write(text)


async def test_a_process_that_is_late_is_named_with_its_log_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = settings(Options(tmp_path / "data"))
    first_run.folders(house.data)
    for name in embedded_lines(house.plan):
        ready_path(house.data, name).touch()
    monkeypatch.setattr(serve, "UP_WITHIN", 0.0)
    screen, running = Screen(), asyncio.create_task(asyncio.Event().wait())
    up = asyncio.create_task(serve._House(house, {}, (), Console(file=screen))._up(running))  # type: ignore[arg-type]  # noqa: SLF001
    async with asyncio.timeout(20):
        await screen.told.wait()
        (house.data / "run" / "app.ready").touch()
        assert await up is True
    assert str(house.data / "log" / "app.log") in screen.getvalue()
    assert "line-" not in screen.getvalue()
    running.cancel()


def test_a_newcomer_is_told_to_call_over_the_trunk_where_the_line_hears_nobody_else(tmp_path: Path) -> None:
    """A line without trunks hears this machine, and the command that calls from it is printed."""
    shipped = settings(Options(tmp_path / "data"))
    trunk = SipTrunk(kind="pbx", host="192.0.2.1")
    lines = {"telefon": EmbeddedLine(trunks=("anlage",))}
    plan = shipped.plan.model_copy(update={"lines": lines, "trunks": {"anlage": trunk}})
    joined = shipped.model_copy(update={"plan": plan})
    told = []
    for house in (shipped, joined):
        screen = io.StringIO()
        Console(file=screen, width=200).print(serve.box(house, ""))
        told.append(("call --from" in screen.getvalue(), "über / over anlage" in screen.getvalue()))
    assert told == [(True, False), (False, True)]

"""Every golden call in this folder goes as it is written."""

from pathlib import Path

import pytest

from callflow.golden import read_case, rehearse
from callflow.language import FolderPrompts, load, load_calendars

ROOT = Path(__file__).parents[2]
CALLS = sorted(Path(__file__).parent.glob("*/*.yaml"))


@pytest.mark.parametrize("path", CALLS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_call_goes_as_written(path: Path) -> None:
    case = read_case(path)
    calendars = load_calendars(ROOT / "config/hours.yaml")
    flow = load(
        ROOT / f"config/flows/{case.flow}.yaml",
        prompts=FolderPrompts(ROOT / "ivr_prompts"),
        destinations={"empfang"},
        concerns={"rezept", "ueberweisung", "termin", "befund", "au", "frage", "dringend", "sonstiges"},
        calendars=calendars,
    )
    assert rehearse(flow, calendars, case).faults == []

"""A machine without Asterisk: one loud line and a skip, under CI=true a failure."""

from __future__ import annotations

import subprocess

import pytest

from tests.support import asterisk_box


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_root_that_cannot_be_built_is_told_in_one_line(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    failed = subprocess.CompletedProcess([], 1, "", "some\nno Debian mirror\n")
    monkeypatch.setattr(asterisk_box.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(outcome) as told:
        asterisk_box.root.__wrapped__()
    assert str(told.value) == "THIS MACHINE LACKS A REAL ASTERISK: no Debian mirror"

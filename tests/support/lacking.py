"""What a test does on a machine that lacks a program it needs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(what: str) -> NoReturn:
    """Skip and say so loudly; under CI=true fail, for there nothing may be left out."""
    reason = f"THIS MACHINE LACKS {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

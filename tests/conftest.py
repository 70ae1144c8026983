"""What holds for all tests: on a busy machine nothing fails because it took long.

`make test` starts two workers (pytest-xdist). Rooms with real calls are one group, which one worker runs in
order, so that calls are never disturbed by other calls; every other room goes to whoever is free.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Health checks judge dice and the machine, not the house: by them a test would fail once in a thousand runs.
DICE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("calm", deadline=None, suppress_health_check=DICE)
settings.load_profile("calm")

# Every peer of the tests is on this machine; what people read is compared without colours, as wide as told.
for asked in ("NO_PROXY", "no_proxy"):
    os.environ[asked] = ",".join(filter(None, (os.environ.get(asked), "localhost,127.0.0.1,::1")))
for asked in ("FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "COLUMNS", "LINES"):
    os.environ.pop(asked, None)

ROOMS = Path(__file__).parent
TELEPHONES = {
    "asterisk",
    "calls_live",
    "line",
    "sip",
}  # calls in real time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each room's tests together, since they share servers, browsers and rendered speech."""
    for item in items:
        room = item.path.relative_to(ROOMS).parts[0]
        item.add_marker(pytest.mark.xdist_group("telephones" if room in TELEPHONES else room))

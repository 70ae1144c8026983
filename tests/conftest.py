"""What holds for all tests: on a busy machine nothing fails because it took long.

`make test` starts two workers (pytest-xdist). Rooms with real calls are one group, which one worker runs in
order, so that calls are never disturbed by other calls; every other room goes to whoever is free.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

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

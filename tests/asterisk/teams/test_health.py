"""The health checks of Kamailio's image, beside a front that no data centre answers."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Daemon, Folder, root
from tests.support.certificates import Authority
from tests.support.teams_front import FQDN, Front, FrontPorts
from tests.support.teams_site import certificates, teams_plan

SCRIPTS = ("kamailio/health.sh", "kamailio/health-media.sh")


@pytest.fixture
def front() -> Iterator[Front]:
    ports, front_ports, folder = practice.Ports(), FrontPorts(), Folder("health")
    plan = teams_plan(ports, front_ports, str(folder.inside))
    started = Front(
        plan, front_ports, f"{practice.OURS}:{ports.sip}", certificates(Authority(), FQDN), folder
    )
    yield started
    started.stop()


def healthy(front: Front) -> list[bool]:
    """Run both checks beside each other, as the images do."""
    inside = str(front.folder.inside)
    asked = [
        subprocess.Popen(
            ["chroot", str(root()), front.folder.script(script), inside],
            stderr=subprocess.DEVNULL,
        )
        for script in SCRIPTS
    ]
    return [each.wait(30) == 0 for each in asked]


def send(what: signal.Signals, *daemons: Daemon) -> None:
    for daemon in daemons:
        os.killpg(daemon.process.pid, what)


def hanging(front: Front) -> bool:
    """Stop both; say whether both checks notice. Somebody else may let them go on meanwhile."""
    send(signal.SIGSTOP, front.proxy, front.media)
    return healthy(front) == [False, False]


def test_the_front_is_healthy_while_its_programs_answer_and_not_while_they_hang_or_are_gone(
    front: Front,
) -> None:
    front.media.until(lambda: healthy(front) == [True, True])
    front.media.until(lambda: hanging(front))
    send(signal.SIGCONT, front.proxy, front.media)
    front.media.until(lambda: healthy(front) == [True, True])
    front.proxy.stop()
    front.media.stop()
    assert healthy(front) == [False, False]

"""Real Asterisk, Kamailio and rtpengine for tests, out of the root that asterisk_root.sh builds.

Every instance has its own folder below ROOT/srv, its own ports and its own process group; nothing that
somebody else started is touched.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest

from sip.render.asterisk import version
from tests.support.lacking import lacking

SCRIPT = Path(__file__).with_name("asterisk_root.sh")
DOCKER = Path(__file__).parents[2] / "docker"
NEXT = "/opt/asterisk-next"
ABLE = (22, 11)  # the first Asterisk that can speak to Teams by itself
# Inside the root, Microsoft's names lead to the stand-ins on loopback.
HOSTS = """127.0.0.1 localhost
127.0.1.1 sip.pstnhub.microsoft.com
127.0.1.2 sip2.pstnhub.microsoft.com
127.0.1.3 sip3.pstnhub.microsoft.com
"""


@cache
def root() -> Path:
    """Return the Debian root; without one, fail under CI and skip loudly elsewhere."""
    built = subprocess.run([str(SCRIPT)], capture_output=True, text=True, check=False, timeout=600)
    if built.returncode != 0:
        lacking(f"A REAL ASTERISK: {built.stderr.strip().splitlines()[-1]}")
    found = Path(built.stdout.strip().splitlines()[-1])
    (found / "etc" / "hosts").write_text(HOSTS)
    return found


@cache
def newer() -> str:
    """Return where the root has an Asterisk that can speak to Teams by itself: "" is the root's own.

    Without one the test says so and is skipped: no release that Debian calls stable or unstable has it yet.
    """
    for prefix, told in (("", root() / ".rufweiche-ready"), (NEXT, root() / f".{NEXT}" / ".version")):
        if told.exists() and version(told.read_text()) >= ABLE:
            return prefix
    return pytest.skip("NO ASTERISK 22.11 OR LATER ON THIS MACHINE: Debian's experimental suite gave none")


class Folder:
    """A fresh folder inside the root; `inside` is its path as the chrooted process sees it."""

    def __init__(self, name: str) -> None:
        (root() / "srv").mkdir(exist_ok=True)
        self.outside = Path(tempfile.mkdtemp(prefix=f"rw-{name}-", dir=root() / "srv"))
        self.outside.chmod(0o755)
        self.inside = Path("/") / self.outside.relative_to(root())

    def script(self, name: str) -> str:
        """Put the start script docker/NAME where the root sees it; return its path there."""
        copied = self.outside / name.replace("/", "-")
        shutil.copy(DOCKER / name, copied)
        return str(self.inside / copied.name)

    def owned_by(self, user: str) -> None:
        subprocess.run(["chroot", str(root()), "chown", "-R", user, str(self.inside)], check=True)

    def remove(self) -> None:
        shutil.rmtree(self.outside, ignore_errors=True)


class Daemon:
    """One process in the root, ended by its own id."""

    def __init__(self, command: list[str], log: Path, **env: str) -> None:
        self._log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                ["chroot", str(root()), *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**os.environ, **env},
                start_new_session=True,
            )

    def until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.process.args} is not ready:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)

    def kill(self) -> None:
        """End it as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)


class Asterisk:
    """One Asterisk with its own configuration folder.

    Args:
        name: shown in folder names.
        files: makes the configuration, given the folder: file name -> text.
        prefix: where in the root this Asterisk lies, see `newer`.
    """

    living: ClassVar[list[Asterisk]] = []

    def __init__(self, name: str, files: Callable[[Folder], Mapping[str, str]], *, prefix: str = "") -> None:
        self.folder = Folder(name)
        self._program = f"{prefix}/usr/sbin/asterisk"
        self._script = self.folder.script("asterisk/start.sh")
        for sub in (
            "etc",
            "run",
            "log",
            "state/keys/keys",
            "state/spool/recording",
            "sounds",
            "recordings",
        ):
            (self.folder.outside / sub).mkdir(parents=True)
        for file, text in files(self.folder).items():
            (self.folder.outside / "etc" / file).write_text(text)
        self.folder.owned_by("asterisk:asterisk")
        (self.folder.outside / "sounds").chmod(0o755)
        self.daemon = self._start()
        self.living.append(self)

    def _start(self) -> Daemon:
        daemon = Daemon(
            [self._script, str(self.folder.inside / "etc")],
            self.folder.outside / "log/stdout",
            ASTERISK=self._program,
        )
        try:
            daemon.until(lambda: "fully booted" in self.cli("core waitfullybooted"))
        except BaseException:
            daemon.kill()
            raise
        return daemon

    def cli(self, command: str) -> str:
        """Return what Asterisk's console answers."""
        conf = str(self.folder.inside / "etc/asterisk.conf")
        done = subprocess.run(
            ["chroot", str(root()), self._program, "-C", conf, "-rx", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout

    def log(self) -> str:
        """Return warnings and errors so far."""
        path = self.folder.outside / "log/messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def restart(self) -> None:
        """Kill and start again with the same configuration and database."""
        self.daemon.kill()
        self.daemon = self._start()

    def end_calls(self) -> int:
        """Hang up whatever is up; return how many channels there were."""
        channels = re.match(r"(\d+) active", self.cli("core show channels count"))
        count = int(channels[1]) if channels else 0  # who does not answer has none
        if count:
            self.cli("channel request hangup all")
        return count

    def forget_calls(self) -> None:
        """Drop the notes of calls that the dialplan handled alone: the next line would make cards of them."""
        self.cli("database deltree rufweiche-alone")

    def stop(self) -> None:
        self.living.remove(self)
        self.daemon.stop()
        self.folder.remove()

"""The house as docker/compose.yaml puts it together, by whatever engine is there."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from tests.calls_live.served import ALWAYS_OPEN
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker" / "compose.yaml"
SECRET = "manager-secret-of-the-tests"
Row = dict[str, Any]  # a JSON object of the API
_PROCESSES = 'cd /proc; for each in [0-9]*; do printf "%s " $each; tr "\\0" " " <$each/cmdline; echo; done'


@cache
def engine() -> tuple[str, tuple[str, ...]]:
    """Return the engine and how its compose is called; fail loudly where there is none."""
    for name, compose in (("docker", ("docker", "compose")), ("podman", ("podman-compose",))):
        wished = name in os.environ.get("ENGINE", "docker podman").split()
        if wished and _works(name, "info") and _works(*compose, "version"):
            return name, compose
    raise AssertionError("NO CONTAINER ENGINE WITH COMPOSE ON THIS MACHINE: docker or podman is needed")


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


@dataclass
class Composed:
    """One house of its own: project, volumes, configuration and ports.

    Args:
        folder: for its configuration.
        profile: of compose.yaml.
        http: port of its web.
        project: name that its containers and volumes begin with.
    """

    folder: Path
    profile: str
    http: int
    project: str = field(default_factory=lambda: f"rufweiche-test-{secrets.token_hex(3)}")

    @property
    def certificates(self) -> Path:
        return self.folder / "certificates"

    def configure(self, plan: Mapping[str, object], flow: str, services: Mapping[str, object]) -> None:
        """Write the example practice, always open, with this number plan, and what differs per service."""
        config = self.folder / "config"
        shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns(".env"))
        (config / "hours.yaml").write_text(ALWAYS_OPEN, encoding="utf-8")
        (config / "lines.yaml").write_text(json.dumps(plan), encoding="utf-8")  # JSON is YAML
        if flow:
            (config / "flows" / "praxis.yaml").write_text(flow, encoding="utf-8")
        self.certificates.mkdir()
        (self.folder / "override.yaml").write_text(json.dumps({"services": services}), encoding="utf-8")

    def compose(self, *arguments: str, patience: float = 180) -> str:
        """Run compose for this house and return what it prints."""
        files = ("-p", self.project, "-f", str(COMPOSE), "-f", str(self.folder / "override.yaml"))
        return _run(
            (*engine()[1], *files, "--profile", self.profile, *arguments),
            patience,
            RUFWEICHE_CONFIG_FOLDER=str(self.folder / "config"),
            RUFWEICHE_CERTIFICATES=str(self.certificates),
        )

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        joint = "_" if engine()[0] == "podman" else "-"
        return joint.join((self.project, service, "1"))

    def run(self, service: str, *command: str) -> str:
        """Run a command in a service's container, as its user."""
        return _run((engine()[0], "exec", self.container(service), *command), 60)

    def facts(self, service: str) -> Row:
        """Return what the engine knows of a service's container."""
        found: list[Row] = json.loads(_run((engine()[0], "inspect", self.container(service)), 60))
        return found[0]

    def health(self, service: str) -> str:
        """Return "healthy", "unhealthy" or "starting": podman without systemd asks only when told to."""
        if engine()[0] == "podman":
            asked = subprocess.run(
                ["podman", "healthcheck", "run", self.container(service)], capture_output=True, check=False
            )
            return "unhealthy" if asked.returncode else "healthy"
        state: Row = self.facts(service)["State"]
        return str(state["Health"]["Status"])

    def until_health(self, wanted: str, *services: str, patience: float = 150) -> None:
        """Wait until the health of the services is as wanted."""
        for service in services:
            until(lambda: self.health(service) == wanted, f"{service} {wanted}", patience)  # noqa: B023  # awaited

    def processes(self, service: str) -> dict[int, str]:
        """Return the container's processes: id there -> command line."""
        lines = (line.split(maxsplit=1) for line in self.run(service, "sh", "-c", _PROCESSES).splitlines())
        return {int(parts[0]): parts[1] for parts in lines if len(parts) > 1}

    def pid(self, service: str, words: str) -> int:
        """Return the id of the container's first process whose command line holds these words; 0 for none."""
        found = (pid for pid, line in self.processes(service).items() if words in line and "init" not in line)
        return min(found, default=0)

    def rights(self, service: str) -> tuple[str, str, str]:
        """Return effective and possible capabilities, and whether there is no way to new ones ("1")."""
        status = self.run(service, "cat", "/proc/self/status").splitlines()
        facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
        return facts["CapEff"], facts["CapBnd"], facts["NoNewPrivs"]

    def signal(self, service: str, name: str, pid: int) -> None:
        """Send a signal to one process of the container, as the container's user."""
        self.run(service, "sh", "-c", f"kill -{name} {pid}")

    def kill(self, service: str, words: str) -> None:
        """Kill a service's main process, and wait until the engine has started it again and it is healthy."""
        before = self.facts(service)["State"]["StartedAt"]
        self.signal(service, "KILL", self.pid(service, words))
        until(lambda: self.facts(service)["State"]["StartedAt"] != before, f"another start of {service}", 60)
        self.until_health("healthy", service)

    def rows(self, what: str, **query: str) -> list[Row]:
        """Return what /api/`what` lists."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.http}/api/{what}",
            params=query,
            headers={"Authorization": f"Bearer {self._token()}"},
            timeout=20,
        )
        answer.raise_for_status()
        found: list[Row] = answer.json()
        return found

    def _token(self) -> str:
        if not hasattr(self, "_known"):
            self._known = self.run("rufweiche", "rufweiche", "token", "tests").split()[-1]
        return self._known


def until(true: Callable[[], bool], what: str, patience: float) -> None:
    """Wait for something that no event tells."""
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:.0f} s: {what}")
        time.sleep(0.5)


def _run(command: tuple[str, ...], patience: float, **env: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=patience, env={**os.environ, **env}
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    return done.stdout


@contextmanager
def composed(  # noqa: PLR0913  # each is one fact of the house
    folder: Path,
    profile: str,
    plan: Mapping[str, object],
    *,
    flow: str = "",
    certificates: Mapping[str, str] | None = None,
    beside: Mapping[str, str] | None = None,
    services: Mapping[str, Mapping[str, object]] | None = None,
) -> Iterator[Composed]:
    """Bring a house up and take it down with its volumes.

    Args:
        folder: for its configuration.
        profile: of compose.yaml.
        plan: the number plan.
        flow: the flow "praxis"; "" for the example's.
        certificates: files of the folder /certificates, name -> text.
        beside: further files of the configuration, name -> text.
        services: service -> what differs from compose.yaml.
    """
    house = Composed(folder, profile, free_port())
    environment = {"RUFWEICHE_HTTP": f"127.0.0.1:{house.http}", "RUFWEICHE_AMI_SECRET": SECRET}
    told: dict[str, dict[str, object]] = {
        name: {"healthcheck": {"interval": "2s"}}
        for name in ("rufweiche", "asterisk", "kamailio", "rtpengine")
    }
    for name in ("rufweiche", "asterisk-configuration", "kamailio-configuration"):
        told[name] = told.get(name, {}) | {"environment": environment}
    for name, more in (services or {}).items():
        told[name] |= more
    house.configure(plan, flow, told)
    for name, text in (certificates or {}).items():
        (house.certificates / name).write_text(text, encoding="utf-8")
    for name, text in (beside or {}).items():
        (folder / "config" / name).write_text(text, encoding="utf-8")
    try:
        house.compose("up", "-d", "--no-build")
        yield house
    except BaseException:
        print(house.compose("logs"))  # noqa: T201  # pytest shows it with the failure
        raise
    finally:
        house.compose("down", "--volumes", "--timeout", "1")

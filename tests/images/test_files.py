"""What can be said of docker/ without an engine: nothing that it names is missing."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
SERVICES = YAML(typ="safe").load(ROOT / "docker" / "compose.yaml")["services"]


def copied() -> list[tuple[str, str]]:
    """Return (source, destination) of every file that comes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [(source, line.split()[-1]) for line in lines for source in line.split()[:-1]]


def test_everything_that_the_images_copy_is_there_and_let_through() -> None:
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    tops = {source.split("/")[0] for source, _ in copied()}
    assert [source for source, _ in copied() if not (ROOT / source).exists()] == []
    assert tops == {line.removeprefix("!") for line in let_through if line.startswith("!")}


@pytest.mark.parametrize("secret", ["**/.env", "docker/certificates"])
def test_secrets_stay_out_of_the_images(secret: str) -> None:
    assert secret in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_every_program_that_images_and_services_start_is_one_of_theirs() -> None:
    ours = {Path(destination).name for _, destination in copied()} | {"asterisk", "rufweiche"}
    started = set(re.findall(r'CMD \["([^"]+)"', DOCKERFILE))
    started |= {service["command"][0] for service in SERVICES.values() if "command" in service}
    started |= {
        service["healthcheck"]["test"][1]
        for service in SERVICES.values()
        if "test" in service.get("healthcheck", {})
    }
    assert started <= ours
    scripts = [source for source, destination in copied() if destination.startswith("/usr/local/bin/")]
    assert [script for script in scripts if not os.access(ROOT / script, os.X_OK)] == []


def test_every_service_is_guarded() -> None:
    for name, service in SERVICES.items():
        guards = (service["read_only"], service["cap_drop"], service["security_opt"], service["init"])
        assert (name, *guards) == (name, True, ["ALL"], ["no-new-privileges:true"], True)


def test_the_profiles_are_those_that_the_documents_name() -> None:
    profiles = {profile for service in SERVICES.values() for profile in service["profiles"]}
    assert profiles == {"embedded", "asterisk", "teams", "cluster"}


def test_building_says_loudly_where_no_engine_is() -> None:
    told = subprocess.run(
        [ROOT / "docker" / "build.sh"],
        env={**os.environ, "ENGINE": "no-such-engine"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr.startswith("NO CONTAINER ENGINE ON THIS MACHINE")) == (3, True)

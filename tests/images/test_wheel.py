"""What is built beside a running practice holds everything that is shipped, and none of its secrets."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "geheim-4711"
SECRETS = (
    *("config/.env", "config/.env.alt", "config/tls/praxis.key", "config/tls/praxis.pem", "config/sbc.pfx"),
    *("config/examples/mvz/.env", "docker/.env", "docker/certificates/sbc.key", "docker/asterisk/sbc.pem"),
    *(".env", "var/data/key", "callflow/.env"),
)
MINE = (".env*", "*.pem", "*.key", "*.pfx", "__pycache__")
"""What may lie in this checkout itself and is not copied."""
SHIPPED = {"config": "config", "ivr_prompts": "ivr_prompts"} | {
    f"docker/{name}": f"docker/{name}" for name in ("asterisk", "kamailio")
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of everything that is under version control or would be, with secrets beside it."""
    copy = tmp_path_factory.mktemp("built") / "rufweiche"
    copy.mkdir()
    for name in ("callflow", "sip", "webhooks", "config", "ivr_prompts", "docker"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*MINE))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    for name in SECRETS:
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET, encoding="utf-8")
    return copy


def build(tree: Path, kind: str) -> Path:
    command = (sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(tree.parent / kind))
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (made,) = (tree.parent / kind).iterdir()
    return made


def in_wheel(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def in_sdist(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            if file := archive.extractfile(member):
                yield member.name.partition("/")[2], file.read()


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Mapping[str, bytes]:
    """The files of a wheel that was built in the tree."""
    return dict(in_wheel(build(tree, "wheel")))


def test_a_wheel_holds_what_is_shipped_and_no_secret(tree: Path, wheel: Mapping[str, bytes]) -> None:
    assert [name for name, raw in wheel.items() if SECRET.encode() in raw] == []
    for source, target in SHIPPED.items():
        there = {
            str(PurePosixPath("callflow/_defaults", target, path.relative_to(tree / source).as_posix()))
            for path in (tree / source).rglob("*")
            if path.is_file() and path.read_text(encoding="utf-8") != SECRET
        }
        assert {name for name in wheel if name.startswith(f"callflow/_defaults/{target}/")} == there
    assert {"callflow/cli.py", "callflow/web/static/staff.css", "sip/process.py"} <= set(wheel)
    own = {name.partition("/")[0] for name in wheel if ".dist-info" not in name}
    assert own == {"callflow", "sip", "webhooks"}


def test_a_source_archive_holds_no_secret_and_builds_the_same_wheel(
    tree: Path, wheel: Mapping[str, bytes], tmp_path: Path
) -> None:
    sdist = build(tree, "sdist")
    assert [name for name, raw in in_sdist(sdist) if SECRET.encode() in raw] == []
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert {name for name, _ in in_wheel(build(unpacked, "wheel"))} == set(wheel)

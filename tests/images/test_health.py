"""What the health check of the reception's image takes for healthy."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.small_web import Answering, listening

SCRIPT = Path(__file__).parents[2] / "docker" / "app" / "health.py"


@pytest.fixture(scope="module")
def health() -> ModuleType:
    spec = importlib.util.spec_from_file_location("health", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """Serve this answer to every request; gives the port."""

    class Handler(Answering):
        def answer(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(body if self.path == "/health" else b"{}")

    with listening(Handler) as port:
        yield port


@pytest.mark.parametrize(
    ("body", "healthy"),
    [
        (b'{"status": "ok"}', True),
        (b'{"status": "degraded"}', True),
        (b'{"status": "down"}', False),
        (b"{}", False),
        (b'{"status": true}', False),
        (b"", False),
    ],
)
def test_only_a_house_that_says_it_works_is_healthy(
    body: bytes, *, healthy: bool, health: ModuleType
) -> None:
    with answering(body) as port:
        assert health.healthy(f"127.0.0.1:{port}") is healthy


@pytest.mark.parametrize("host", ["0.0.0.0", "", "localhost"])  # noqa: S104  # asked, not bound
def test_a_house_that_listens_everywhere_is_asked_on_loopback(host: str, health: ModuleType) -> None:
    with answering(b'{"status": "ok"}') as port:
        assert health.healthy(f"{host}:{port}")


def test_a_house_that_is_away_is_not_healthy(health: ModuleType) -> None:
    with answering(b"") as port:
        pass
    assert not health.healthy(f"127.0.0.1:{port}")


def test_a_house_that_hangs_is_not_healthy(health: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # the system accepts, nobody answers
        assert not health.healthy(f"127.0.0.1:{mute.getsockname()[1]}")

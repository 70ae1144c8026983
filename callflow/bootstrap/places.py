"""Where things lie: the checkout, the installed defaults, DATA."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from callflow import settings as rules
from callflow.settings import Settings

_PACKAGE = Path(__file__).resolve().parent.parent
_LONGEST_SOCKET = 100  # bytes; Unix socket addresses end at 104 (macOS) or 108 (Linux)


def default(name: str) -> Path:
    """Return the folder `name` ("config", "ivr_prompts"): of the checkout, else inside the wheel."""
    checkout = _PACKAGE.parent / name
    return checkout if checkout.is_dir() else _PACKAGE / "_defaults" / name


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    Args:
        data: folder for everything that is written.
        config: configuration, None for the example practice.
        prompts: prompt texts, None for those beside the configuration or the ones that we ship.
        sip: HOST:PORT of the embedded line, "" for what lines.yaml says.
        http: HOST:PORT of the web.
    """

    data: Path
    config: Path | None = None
    prompts: Path | None = None
    sip: str = ""
    http: str = "127.0.0.1:8080"

    @property
    def config_folder(self) -> Path:
        """Where the configuration lies."""
        return self.config or default("config")

    @property
    def prompts_folder(self) -> Path:
        """Where the prompt texts lie: as told, beside a configuration of its own, or ours."""
        if self.prompts is not None:
            return self.prompts
        beside = self.config_folder / "ivr_prompts"
        return beside if beside.is_dir() else default("ivr_prompts")

    def arguments(self) -> tuple[str, ...]:
        """Return the options that start another process of the same house, without its addresses."""
        named = (("--data", self.data), ("--config", self.config_folder), ("--prompts", self.prompts_folder))
        return tuple(text for name, path in named for text in (name, str(path.resolve())))


def settings(options: Options, files: Path | None = None) -> Settings:
    """Read the settings of a house.

    Args:
        options: what the command line says.
        files: folder with other practice.yaml, lines.yaml and forms/ than the configuration's.

    Raises:
        FlowErrors: what is wrong in which file, line and column.
        AddressError: --sip or --http is no HOST:PORT.
    """
    return rules.load(
        data=options.data,
        config=options.config_folder,
        prompts=options.prompts_folder,
        sip=rules.address(options.sip) if options.sip else None,
        http=rules.address(options.http),
        files=files,
    )


def app_socket(data: Path) -> Path:
    """Return the socket between lines and app: in DATA, or in a short place when DATA's path is too long."""
    path = data / "run" / "app.sock"
    if len(str(path).encode()) <= _LONGEST_SOCKET:
        return path
    short = hashlib.sha256(str(data).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"rufweiche-{short}" / "app.sock"

"""How every process logs: JSON lines, ids only, never a person's data."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO, cast

import structlog

# Libraries that print numbers, addresses or bodies below WARNING.
TALKATIVE = ("twilio", "twilio.http_client", "httpx", "httpcore", "urllib3", "asyncio", "uvicorn.access")


@dataclass(frozen=True, eq=False)
class _Forgiving:
    """A file whose full disk costs log lines and nothing else: no call ends for want of a line."""

    to: TextIO

    def write(self, text: str) -> None:
        with suppress(OSError):
            self.to.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.to.flush()


def configure(to: TextIO) -> None:
    """Send this process's log to `to`, one JSON object a line; libraries may only warn.

    Tracebacks are written without local variables: those may hold a caller's number. What cannot be written
    is lost; logging never raises.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Forgiving(to))),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s", force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)

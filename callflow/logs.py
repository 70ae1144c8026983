"""How every process logs: JSON lines, ids only, never a person's data."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

# Libraries that print numbers, addresses or bodies below WARNING.
TALKATIVE = ("twilio", "twilio.http_client", "httpx", "httpcore", "urllib3", "asyncio", "uvicorn.access")


def configure(to: TextIO) -> None:
    """Send this process's log to `to`, one JSON object a line; libraries may only warn.

    Tracebacks are written without local variables: those may hold a caller's number.
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
        logger_factory=structlog.WriteLoggerFactory(to),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s", force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)

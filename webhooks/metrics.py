"""Figures for programs that watch the house: GET /metrics in Prometheus' text form, without personal data."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

FORM = "text/plain; version=0.0.4; charset=utf-8"


def router(text: Callable[[], str]) -> APIRouter:
    """Serve what `text` gives."""
    made = APIRouter()

    @made.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Tell what the lines have counted; holds no personal data and needs no token."""
        return PlainTextResponse(text(), media_type=FORM)

    return made

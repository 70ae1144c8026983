"""The live list: no change falls between a page and its stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from callflow.web.staff import COOKIE
from tests.support.practice import Practice


@pytest.fixture
def anna(served: Practice) -> Iterator[httpx.Client]:
    cookies = {COOKIE: served.session("anna")[0]}
    with httpx.Client(base_url=served.house.public_url, cookies=cookies, timeout=30) as client:
        yield client


def first_event(anna: httpx.Client, address: str, headers: dict[str, str] | None = None) -> str:
    with anna.stream("GET", address, headers=headers) as stream:
        return next(line for line in stream.iter_lines() if line.startswith("id:"))


def stream_of(page: str) -> str:
    found = re.search(r'sse:connect="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_card_that_comes_before_the_stream_is_told_to_the_page_that_lacks_it(
    served: Practice, anna: httpx.Client
) -> None:
    served.card("rezept")
    address = stream_of(anna.get("/inbox").text)
    newest = int(address.partition("after=")[2])
    served.card("termin", "+493512345678")
    assert first_event(anna, address) == f"id: {newest + 1}"


def test_a_stream_that_broke_goes_on_after_the_last_event_it_told(
    served: Practice, anna: httpx.Client
) -> None:
    address = stream_of(anna.get("/inbox").text)
    newest = int(address.partition("after=")[2])
    for number in ("+493512345678", "+493512345679"):
        served.card("termin", number)
    assert first_event(anna, address, {"Last-Event-ID": str(newest + 1)}) == f"id: {newest + 2}"

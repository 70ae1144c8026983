"""What every page promises: security headers, complete catalogues, quiet faults, small size."""

from __future__ import annotations

import gzip
import logging
import re
import string
from pathlib import Path

import httpx
import pytest
import structlog

from callflow.web import pages
from callflow.web.app import create_app
from callflow.web.body import FORM_BYTES
from callflow.web.catalogue import PATIENT_LANGUAGES, STAFF_LANGUAGES, preferred, read
from callflow.web.throttle import Throttle
from tests.support.practice import Practice

TEMPLATES = Path(pages.__file__).parent / "templates"


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


@pytest.mark.parametrize(
    ("area", "language"),
    [("staff", code) for code in STAFF_LANGUAGES] + [("form", code) for code in PATIENT_LANGUAGES],
)
def test_every_language_has_every_text_with_the_same_placeholders(area: str, language: str) -> None:
    german, other = read(area, "de"), read(area, language)
    assert set(other) == set(german)
    assert {name: placeholders(text) for name, text in other.items()} == {
        name: placeholders(text) for name, text in german.items()
    }


def test_templates_name_only_texts_that_exist() -> None:
    known = set(read("staff", "de")) | set(read("form", "de"))
    for template in TEMPLATES.glob("*.html"):
        named = set(re.findall(r"\bt\('([a-z_]+\.[a-z_0-9]+)'[,)]", template.read_text(encoding="utf-8")))
        assert named - known == set(), template.name


def test_templates_hold_no_inline_script_or_style() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert re.findall(r"<style|style=|<script>|\son[a-z]+=|javascript:", text) == [], template.name


@pytest.mark.parametrize("path", ["/sign-in", "/f/nope", "/health", "/nowhere", "/static/base.css"])
async def test_every_answer_carries_the_security_headers(web: httpx.AsyncClient, path: str) -> None:
    headers = (await web.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex, nofollow, noarchive"
    assert headers["x-content-type-options"] == "nosniff"
    kept = "public, max-age=31536000, immutable" if path.startswith("/static") else "no-store"
    assert headers["cache-control"] == kept


async def test_a_form_and_everything_it_loads_stay_under_60_kb_uncompressed(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    answer = await web.get(f"/f/{practice.link('termin')}", follow_redirects=True)
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
    sizes = [len((await web.get(path)).content) for path in loaded]
    assert len(loaded) == 3
    assert sum(sizes) + len(answer.content) < 60_000


async def test_too_large_a_body_is_refused_before_it_is_read(web: httpx.AsyncClient) -> None:
    answer = await web.post("/sign-in", content=b"x" * (FORM_BYTES + 1))
    assert answer.status_code == 413

    async def endless() -> object:
        for _ in range(100):
            yield b"x" * 10_000

    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await web.post("/sign-in", content=endless(), headers=typed)).status_code == 413


async def test_a_fault_of_ours_shows_a_page_and_logs_no_word_of_the_patient(
    practice: Practice, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> object:
        raise ValueError("Frau Geheim hat Brustschmerz")

    app = create_app(practice.house)
    monkeypatch.setattr("callflow.web.routes.form.links.by_token", broken)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    with structlog.testing.capture_logs() as logs, caplog.at_level(logging.DEBUG):
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
            answer = await web.get("/f/abc")
    assert answer.status_code == 500
    assert "Das hat nicht geklappt" in answer.text
    assert [(entry["event"], entry["fault"], entry["route"]) for entry in logs] == [
        ("web.broken", "ValueError", "/f/{token}")
    ]
    assert "Geheim" not in str(logs) + caplog.text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("tr-TR,tr;q=0.9,de;q=0.8", "tr"),
        ("pl,en;q=0.4,de;q=0.3", "en"),
        ("pl", "de"),
        ("", "de"),
        ("en;q=0, de;q=0.1", "de"),
        ("en;q=x,*", "de"),
    ],
)
def test_the_phones_language_is_followed_where_we_speak_it(header: str, expected: str) -> None:
    assert preferred(header, ("de", "en", "tr"), "de") == expected


def test_a_throttle_lets_again_after_its_window_and_forgets_the_oldest_key() -> None:
    throttle = Throttle(2, 10.0, keys=2)
    throttle.count("a", 0.0)
    throttle.count("a", 4.0)
    assert [throttle.wait("a", now) for now in (5.0, 9.0, 10.0)] == [5.0, 1.0, 0.0]
    throttle.count("b", 4.0)
    throttle.count("c", 4.0)
    assert throttle.wait("a", 5.0) == 0.0


def test_texts_compress_well_enough_for_a_slow_line() -> None:
    styles = b"".join((pages.STATIC / name).read_bytes() for name in ("base.css", "form.css"))
    assert len(gzip.compress(styles)) < 6_000

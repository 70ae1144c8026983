"""How many SMS a text takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.outbox import preview, segments, texts
from callflow.outbox.segments import Size

URL = "https://praxis.example/f/" + "x" * 22


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", Size("GSM-7", 0, 1)),
        ("a" * 160, Size("GSM-7", 160, 1)),
        ("a" * 161, Size("GSM-7", 161, 2)),
        ("a" * 306, Size("GSM-7", 306, 2)),
        ("a" * 307, Size("GSM-7", 307, 3)),
        ("Grüße, Straße, Ähre", Size("GSM-7", 19, 1)),
        ("€" * 80, Size("GSM-7", 160, 1)),
        ("€" * 81, Size("GSM-7", 162, 2)),
        # an escaped character is not split: 152 + (2) does not fit 153
        ("a" * 152 + "€" + "a" * 152, Size("GSM-7", 306, 3)),
        ("é" * 70, Size("GSM-7", 70, 1)),
        ("ñ–", Size("UCS-2", 2, 1, "–")),
        ("ж" * 70, Size("UCS-2", 70, 1, "ж")),
        ("ж" * 71, Size("UCS-2", 71, 2, "ж")),
        ("😀" * 35, Size("UCS-2", 70, 1, "😀")),
        # a surrogate pair is not split: 66 + (2) does not fit 67
        ("ж" * 66 + "😀" * 3, Size("UCS-2", 72, 2, "ж😀")),
    ],
)
def test_sizes(text: str, size: Size) -> None:
    assert segments.count(text) == size


@given(st.text(max_size=400))
def test_more_text_never_takes_fewer_messages(text: str) -> None:
    sizes = [segments.count(text[:end]).segments for end in range(0, len(text) + 1, 40)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("language", ["de", "en", "fr", "it", "es", "tr"])
@pytest.mark.parametrize("text", [texts.link, texts.reply])
def test_our_latin_texts_fit_one_message(language: str, text: object) -> None:
    assert segments.count(text(language, "Praxis am Lindenplatz", URL)).segments == 1  # type: ignore[operator]


@pytest.mark.parametrize("language", ["ar", "uk"])
def test_our_other_texts_fit_two_messages(language: str) -> None:
    assert segments.count(texts.link(language, "Praxis am Lindenplatz", URL)).segments == 2


def test_an_unknown_language_is_german() -> None:
    assert texts.link("xx", "Praxis", URL) == texts.link("de", "Praxis", URL)


def test_the_preview_shows_every_text_with_a_link_as_long_as_a_real_one() -> None:
    rows = preview.previews("Praxis am Lindenplatz", "https://praxis.example", ("de", "uk", "xx"), 7.5)
    assert [(row.kind, row.language, row.size.encoding, row.size.segments, row.cents) for row in rows] == [
        ("link", "de", "GSM-7", 1, 7.5),
        ("link", "uk", "UCS-2", 2, 15.0),
        ("reply", "de", "GSM-7", 1, 7.5),
        ("reply", "uk", "UCS-2", 2, 15.0),
    ]
    assert len(rows[0].text) == len(texts.link("de", "Praxis am Lindenplatz", URL))


def test_a_practice_name_that_makes_every_message_dearer_is_named() -> None:
    (row, _) = preview.previews("Praxis Łódź", "https://praxis.example", ("de",))
    assert (row.strange, row.size.encoding) == ("Łóź", "UCS-2")
    assert preview.table([row], "de").splitlines()[1].strip().startswith("Die Zeichen „Łóź“")
    assert len(preview.table([row], "en").splitlines()) == 2

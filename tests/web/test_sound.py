"""Voice messages: sealed on disk, played by the team alone, in parts if the player wants."""

from __future__ import annotations

import io
import wave

import httpx
import pytest

from callflow import voice_messages
from callflow.store import Card
from callflow.transcripts import Message, keep
from tests.support.practice import Practice
from tests.support.stores import NOW

ALAW = bytes(range(256)) * 50


def spoken(practice: Practice) -> Card:
    voice_messages.keep(practice.house.recordings, practice.store.sealer, "call-1", ALAW)
    return practice.card(kind="voice", recording="call-1")


async def play(web: httpx.AsyncClient, practice: Practice, card: Card, **headers: str) -> httpx.Response:
    web.cookies.set("rufweiche_session", practice.session()[0])
    return await web.get(f"/inbox/{card.id}/sound", headers=headers)


async def test_the_message_is_played_as_wav_to_the_team_alone(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    card = spoken(practice)
    assert (await web.get(f"/inbox/{card.id}/sound")).headers["location"] == "/sign-in"
    answer = await play(web, practice, card)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert (answer.headers["cache-control"], answer.headers["accept-ranges"]) == ("no-store", "bytes")
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnframes()) == (8000, 2, len(ALAW))
    assert f'src="/inbox/{card.id}/sound"' in (await web.get(f"/inbox/{card.id}")).text


async def test_on_disk_the_message_is_sealed(web: httpx.AsyncClient, practice: Practice) -> None:
    spoken(practice)
    (file,) = practice.house.recordings.iterdir()
    assert ALAW[:256] not in file.read_bytes()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert (
        await play(web, practice, practice.card("au", kind="voice", recording="call-1"))
    ).status_code == 500


@pytest.mark.parametrize(
    ("wanted", "status", "told", "part"),
    [
        ("bytes=0-99", 206, "bytes 0-99/25644", slice(0, 100)),
        ("bytes=25600-", 206, "bytes 25600-25643/25644", slice(25600, None)),
        ("bytes=-44", 206, "bytes 25600-25643/25644", slice(25600, None)),
        ("bytes=100-99999", 206, "bytes 100-25643/25644", slice(100, None)),
        ("bytes=25644-", 416, "bytes */25644", slice(0, 0)),
        ("bytes=0-1,5-6", 200, None, slice(None)),
        ("bytes=-", 200, None, slice(None)),
        ("Sekunden=1", 200, None, slice(None)),
    ],
)
async def test_a_player_gets_the_part_that_it_asks_for(  # noqa: PLR0913, PLR0917  a table's columns
    web: httpx.AsyncClient, practice: Practice, wanted: str, status: int, told: str | None, part: slice
) -> None:
    card = spoken(practice)
    whole = (await play(web, practice, card)).content
    answer = await play(web, practice, card, Range=wanted)
    assert (answer.status_code, answer.headers.get("content-range")) == (status, told)
    assert answer.content == whole[part]


@pytest.mark.parametrize("recording", ["", "weg-1", "../../key"])
async def test_no_message_is_no_page(web: httpx.AsyncClient, practice: Practice, recording: str) -> None:
    card = practice.card(kind="voice", recording=recording)
    assert (await play(web, practice, card)).status_code == 404


async def test_a_transcript_says_that_a_machine_wrote_it(web: httpx.AsyncClient, practice: Practice) -> None:
    card = spoken(practice)
    message = Message(card.id, "call-1", "de")
    await practice.store.write(lambda tx: keep(tx, message, "Bitte <b>rufen</b> Sie an.", NOW))
    web.cookies.set("rufweiche_session", practice.session()[0])
    page = (await web.get(f"/inbox/{card.id}")).text
    assert "Von einer Maschine aufgeschrieben, bitte nachhören" in page
    assert "Bitte &lt;b&gt;rufen&lt;/b&gt; Sie an." in page

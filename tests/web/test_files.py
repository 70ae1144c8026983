"""Attachments: recognised by content, freed from metadata, sealed, and shown to the team alone."""

from __future__ import annotations

import io
import re

import httpx
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlmodel import select

from callflow import inbox
from callflow.links import attachment
from callflow.store import Attachment, Tx
from callflow.web.forms.files import MOST_BYTES, FileError, take
from tests.support.practice import Practice
from tests.support.stores import database_bytes

SECRET = "Kamera von Frau Geheim"


def photo(kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
    picture = Image.new("RGB", size, "teal")
    exif = picture.getexif()
    exif[0x010F] = SECRET
    exif[0x0112] = 6  # lies on its side
    written = io.BytesIO()
    picture.save(written, kind, exif=exif, comment=SECRET.encode())
    return written.getvalue()


def document(pages: int = 1) -> bytes:
    pdf = pikepdf.new()
    for _ in range(pages):
        pdf.add_blank_page(page_size=(200, 200))
    pdf.docinfo["/Author"] = SECRET
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    pdf.attachments["geheim.txt"] = SECRET.encode()
    written = io.BytesIO()
    pdf.save(written)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photo_loses_its_metadata_and_stands_upright(kind: str) -> None:
    file = take("IMG 1.HEIC", photo(kind))
    assert (file.name, file.media_type) == ("IMG 1.jpg", "image/jpeg")
    assert SECRET.encode() not in file.content
    with Image.open(io.BytesIO(file.content)) as kept:
        assert kept.size == (30, 40)
        assert dict(kept.getexif()) == {}


def test_a_photo_inside_a_document_loses_its_metadata_and_keeps_its_picture() -> None:
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 200))
    picture = pikepdf.Stream(
        pdf, photo(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=40, Height=30
    )
    picture.Filter, picture.ColorSpace, picture.BitsPerComponent = (
        pikepdf.Name.DCTDecode,
        pikepdf.Name.DeviceRGB,
        8,
    )
    picture.Metadata = pdf.make_stream(SECRET.encode())
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(P=picture))
    page.Contents = pdf.make_stream(b"40 0 0 30 0 0 cm /P Do")
    written = io.BytesIO()
    pdf.save(written)
    file = take("Scan.pdf", written.getvalue())
    assert SECRET.encode() not in file.content
    with pikepdf.open(io.BytesIO(file.content)) as kept:
        image = kept.pages[0].Resources.XObject.P
        with Image.open(io.BytesIO(image.read_raw_bytes())) as shown:
            assert (shown.size, dict(shown.getexif())) == ((40, 30), {})
            assert shown.convert("RGB").getpixel((20, 15))[1] > 100


def test_a_large_photo_is_made_smaller() -> None:
    with Image.open(io.BytesIO(take("a", photo(size=(4000, 1000))).content)) as kept:
        assert kept.size == (750, 3000)


def test_a_document_loses_author_scripts_and_embedded_files() -> None:
    file = take("Brief.pdf", document())
    assert (file.name, file.media_type) == ("Brief.pdf", "application/pdf")
    with pikepdf.open(io.BytesIO(file.content)) as kept:
        assert len(kept.pages) == 1
        assert sorted(kept.Root.keys()) == ["/Pages", "/Type"]
        assert "/Author" not in kept.docinfo


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "fault.file_kind"),
        (b"<html>", "fault.file_kind"),
        (b"GIF89a", "fault.file_kind"),
        (b"\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heic", "fault.file_heic"),
        (b"MZ\x90\x00", "fault.file_kind"),
        (b"\xff\xd8\xff" + b"x" * 50, "fault.file_broken"),
        (b"\x89PNG\r\n\x1a\n", "fault.file_broken"),
        (b"%PDF-1.7 nothing", "fault.file_broken"),
        (b"\xff\xd8\xff" + b"x" * MOST_BYTES, "fault.file_size"),
    ],
)
def test_what_is_no_photo_and_no_document_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(FileError, match=said):
        take("harmlos.pdf", content)


def test_a_picture_that_unpacks_to_too_much_is_refused() -> None:
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    with pytest.raises(FileError):
        take("klein.png", bomb.getvalue())


@given(st.binary(max_size=300), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-", b""]))
def test_no_bytes_whatsoever_do_more_than_be_refused(rest: bytes, start: bytes) -> None:
    with pytest.raises(FileError):
        take("x", start + rest)


@given(st.text(max_size=200))
def test_every_file_name_becomes_a_short_one_without_folders(name: str) -> None:
    kept = take(name, PHOTO).name
    assert len(kept) <= 84
    assert "/" not in kept
    assert "\n" not in kept


PHOTO = photo()


async def test_an_attachment_reaches_the_team_and_lies_sealed(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    page = await web.get(f"/f/{practice.link()}", follow_redirects=True)
    handle = re.findall(r'name="handle" value="([^"]+)"', page.text)[0]
    sent = {"handle": handle, "medikamente": "Ramipril 5 mg"}
    upload = {"fotos": ("Packung.jpg", photo(), "image/jpeg")}
    assert (await web.post("/form/page/1", data=sent, files=upload)).status_code == 303
    assert "Packung.jpg" in (await web.get("/form/page/1")).text

    rest = [
        ("2", {"ausgabe": "abholen", "karte": "ja"}),
        (
            "3",
            {"fuer": "selbst", "name": "T. L.", "kasse": "privat"}
            | {"geburt.day": "1", "geburt.month": "2", "geburt.year": "1990"},
        ),
        ("4", {"einwilligung": "2026-11"}),
    ]
    for number, answers in rest:
        assert (await web.post(f"/form/page/{number}", data=answers | {"handle": handle})).status_code == 303
    assert "Packung.jpg" in (await web.get("/form/review")).text
    await web.post("/form/send", data={"handle": handle})

    (card,) = practice.store.read_now(lambda tx: inbox.queue(tx, now=practice.clock()))
    (file,) = practice.store.read_now(lambda tx: attachment.of_card(tx, card.id))
    assert (await web.get(f"/inbox/{card.id}/file/{file.id}")).status_code == 303
    web.cookies.set("rufweiche_session", practice.session()[0])
    answer = await web.get(f"/inbox/{card.id}/file/{file.id}")
    assert answer.content == file.content
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert (await web.get(f"/inbox/other/file/{file.id}")).status_code == 404
    practice.store.close()
    assert bytes(file.content)[:64] not in database_bytes(practice.folder)


async def test_files_can_be_taken_back_until_the_form_is_sent_and_never_exceed_their_number(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    page = await web.get(f"/f/{practice.link()}", follow_redirects=True)
    handle = re.findall(r'name="handle" value="([^"]+)"', page.text)[0]
    sent = {"handle": handle, "medikamente": "Ramipril"}
    four = [("fotos", (f"{n}.jpg", photo(), "image/jpeg")) for n in range(4)]
    refused = await web.post("/form/page/1", data=sent, files=four, follow_redirects=True)
    assert "Mehr Dateien können wir nicht annehmen." in refused.text
    await web.post("/form/page/1", data=sent, files=four[:2])
    page = await web.get("/form/page/1")
    drop = re.findall(r'formaction="(/form/page/1/drop/[^"]+)"', page.text)
    assert len(drop) == 2
    await web.post(drop[0], data={"handle": handle})
    assert practice.store.read_now(_names) == ["1.jpg"]


def _names(tx: Tx) -> list[str]:
    return [str(file.name) for file in tx.exec(select(Attachment))]

"""What patients attach: recognised by content, decoded, and written anew without metadata.

Nothing of the sender's file is kept as it came: photos are decoded and encoded again (place, device and
thumbnails are gone), PDF files are rewritten without document information, scripts and embedded files.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from pathlib import PurePath

import pikepdf
from PIL import Image, ImageOps

from callflow.links.attachment import File
from callflow.web.forms.answers import clean

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
MOST_EDGE = 3000
MOST_PAGES = 60
_QUALITY = 85
_NAME_MOST = 80
_SCRIPTS = ("/OpenAction", "/AA", "/AcroForm", "/Metadata", "/PieceInfo", "/Collection")
_SCAN = 0xDA
_NOTES = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_NAMES = ("/JavaScript", "/EmbeddedFiles")

# ISO 14496-12: a file type box, its size before it and its brand after it. Most phones turn such photos into
# JPEG when the page asks for that, but not all do.
_HEIC = re.compile(rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|avif)", re.DOTALL)


class FileError(ValueError):
    """A file that is not taken; holds the name of the text that says why."""


def take(name: str, content: bytes) -> File:
    """Return the file as it is kept. Slow: call it in a thread.

    Raises:
        FileError: too large, neither photo nor PDF, or not readable.
    """
    if len(content) > MOST_BYTES:
        raise FileError("fault.file_size")
    for magic, (media_type, ending, rewrite) in _KINDS.items():
        if content.startswith(magic):
            return File(_called(name, ending), media_type, rewrite(content))
    raise FileError("fault.file_heic" if _HEIC.match(content) else "fault.file_kind")


def _photo(content: bytes) -> bytes:
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a picture that unpacks to far too many pixels.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _drawn_anew(content)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ) as error:
        raise FileError("fault.file_broken") from error


def _drawn_anew(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as sent:
        if sent.width * sent.height > MOST_PIXELS:
            raise FileError("fault.file_size")
        upright = ImageOps.exif_transpose(sent).convert("RGB")
    upright.thumbnail((MOST_EDGE, MOST_EDGE))
    bare = Image.new("RGB", upright.size)
    bare.paste(upright)
    written = io.BytesIO()
    bare.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()


def _document(content: bytes) -> bytes:
    try:
        with pikepdf.open(io.BytesIO(content)) as sent:
            return _written_anew(sent)
    except (pikepdf.PdfError, pikepdf.PasswordError, ValueError, RecursionError) as error:
        raise FileError("fault.file_broken") from error


def _written_anew(sent: pikepdf.Pdf) -> bytes:
    if not 0 < len(sent.pages) <= MOST_PAGES:
        raise FileError("fault.file_size")
    fresh = pikepdf.new()
    fresh.pages.extend(sent.pages)
    for key in _SCRIPTS:
        if key in fresh.Root:
            del fresh.Root[key]
    for key in _NAMES:
        if "/Names" in fresh.Root and key in fresh.Root.Names:
            del fresh.Root.Names[key]
    _bare_pages(fresh)
    for part in fresh.objects:
        if isinstance(part, pikepdf.Stream):
            _bare_stream(part)
    written = io.BytesIO()
    fresh.save(written, deterministic_id=True)
    return written.getvalue()


def _bare_pages(fresh: pikepdf.Pdf) -> None:
    for page in fresh.pages:
        # Annotations carry actions, attached files and their authors' names.
        for key in ("/AA", "/Annots", "/Metadata", "/PieceInfo"):
            if key in page.obj:
                del page.obj[key]


def _bare_stream(stream: pikepdf.Stream) -> None:
    """Free a photo inside a document of place and device; its picture stays as it is."""
    for key in ("/Metadata", "/PieceInfo"):
        if key in stream:
            del stream[key]
    if stream.get("/Filter") == pikepdf.Name.DCTDecode:
        stream.write(_bare_jpeg(stream.read_raw_bytes()), filter=pikepdf.Name.DCTDecode)


def _bare_jpeg(content: bytes) -> bytes:
    """Return a JPEG without its notes (APP1 to APP13, APP15, COM); APP0 and APP14 say how colours are meant.

    ITU-T T.81, annex B: segments of marker and length up to the scan, which goes on to the end.
    """
    kept, at = [content[:2]], 2
    while content[at : at + 1] == b"\xff" and len(content) >= at + 4:
        marker = content[at + 1]
        if marker == _SCAN:
            break
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker not in _NOTES:
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _called(name: str, ending: str) -> str:
    words = clean(PurePath(name.replace("\\", "/")).stem).split()
    stem = " ".join(words)[:_NAME_MOST] or "Datei"
    return stem + ending


_KINDS: dict[bytes, tuple[str, str, Callable[[bytes], bytes]]] = {
    b"\xff\xd8\xff": ("image/jpeg", ".jpg", _photo),
    b"\x89PNG\r\n\x1a\n": ("image/jpeg", ".jpg", _photo),
    b"%PDF-": ("application/pdf", ".pdf", _document),
}

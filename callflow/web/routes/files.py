"""What patients attached and said: shown to the team alone, never as a page of ours."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from callflow import g711, inbox, voice_messages
from callflow.links import attachment
from callflow.store import Attachment, Tx
from callflow.voice_messages import NoRecordingError
from callflow.web.house import House
from callflow.web.ranges import ranged
from callflow.web.staff import HouseDep, StaffDep

router = APIRouter(prefix="/inbox", include_in_schema=False)
# A file stays a file, even if a browser took it for a page: no script, no form, no origin.
_POLICY = "default-src 'none'; sandbox"


@router.get("/{card_id}/file/{file_id}")
async def attached(_staff: StaffDep, house: HouseDep, card_id: str, file_id: str) -> Response:
    """Hand out one attachment of the card."""

    def find(tx: Tx) -> Attachment | None:
        return next((file for file in attachment.of_card(tx, card_id) if file.id == file_id), None)

    file = await house.store.read(find)
    if file is None:
        raise HTTPException(404)
    shown = "inline" if file.media_type.startswith("image/") else "attachment"
    headers = {
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(file.name)}",
        "Content-Security-Policy": _POLICY,
    }
    return Response(bytes(file.content), media_type=file.media_type, headers=headers)


@router.get("/{card_id}/sound")
async def sound(request: Request, _staff: StaffDep, house: HouseDep, card_id: str) -> Response:
    """Hand out the card's voice message as WAV; players may ask for parts of it."""
    card = await house.store.read(lambda tx: inbox.find(tx, card_id))
    try:
        wav = await asyncio.to_thread(_sound, house, str(card.recording))
    except NoRecordingError:
        raise HTTPException(404) from None
    return ranged(wav, "audio/wav", request.headers.get("range"), {"Content-Security-Policy": _POLICY})


def _sound(house: House, recording: str) -> bytes:
    return g711.wav(voice_messages.sound(house.recordings, house.store.sealer, recording))

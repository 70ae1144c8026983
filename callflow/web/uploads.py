"""Files out of a posted page: checked in a thread, kept with the link, their faults told at the question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.datastructures import FormData, UploadFile

from callflow.links import attachment
from callflow.links.attachment import File
from callflow.web.forms.answers import Fault
from callflow.web.forms.files import MOST_BYTES, FileError, take
from callflow.web.forms.question import Question
from callflow.web.visit import Visit


async def keep_files(visit: Visit, questions: Mapping[str, Question], sent: FormData) -> dict[str, Fault]:
    """Keep what was attached on this page; returns the faults by question."""
    faults: dict[str, Fault] = {}
    for name, question in questions.items():
        uploads = [part for part in sent.getlist(name) if isinstance(part, UploadFile) and part.filename]
        if question.kind == "files" and uploads:
            fault = await _keep_all(visit, uploads, question.max)
            if fault:
                faults[name] = Fault(fault)
    return faults


async def _keep_all(visit: Visit, uploads: list[UploadFile], most: int) -> str:
    kept = await visit.house.store.read(lambda tx: len(attachment.of_link(tx, visit.link.id)))
    if kept + len(uploads) > most:
        return "fault.file_many"
    for place, upload in enumerate(uploads):
        try:
            file = await _taken(upload)
        except FileError as error:
            return str(error)
        # Files of one page came at one time; a microsecond each keeps them in the order of the page.
        await _write(visit, file, visit.now + timedelta(microseconds=place))
    return ""


async def _taken(upload: UploadFile) -> File:
    content = await upload.read(MOST_BYTES + 1)
    return await asyncio.to_thread(take, upload.filename or "", content)


async def _write(visit: Visit, file: File, at: datetime) -> None:
    await visit.house.store.write(lambda tx: attachment.keep(tx, visit.link.id, file, now=at))

"""Faults that the people who run the house can mend, in their words."""

from __future__ import annotations

import errno
import socket

from callflow.bootstrap.line import PasswordMissingError
from callflow.bootstrap.ports import PortTakenError
from callflow.drawing.picture import EndingError
from callflow.hearing.ear import HearingError
from callflow.language.messages import LANGUAGES
from callflow.language.problems import FlowErrors, Problem
from callflow.prompts.manifest import ManifestError
from callflow.prompts.voice import VoiceError
from callflow.sealing import KeyFileError
from callflow.settings import AddressError
from callflow.simulate.replay import NoSuchCallError
from callflow.simulate.script import ScriptError
from callflow.store.database import DatabaseFileError, WrongKeyError
from callflow.users.account import AccountError
from callflow.users.api_token import ScopeError
from sip.render.files import RenderError


class AlreadyRunningError(RuntimeError):
    """Another server works on the same data folder."""


MENDABLE = (
    FlowErrors,
    PortTakenError,
    PasswordMissingError,
    AlreadyRunningError,
    KeyFileError,
    WrongKeyError,
    DatabaseFileError,
    AddressError,
    NoSuchCallError,
    ManifestError,
    VoiceError,
    HearingError,
    ScriptError,
    EndingError,
    RenderError,
    AccountError,
    ScopeError,
    OSError,
)

_SYSTEM = {
    errno.ENOENT: (
        "gibt es nicht; bitte den Ordner anlegen oder den Namen prüfen",
        "does not exist; make the folder or check the name",
    ),
    errno.EACCES: (
        "darf dieser Benutzer nicht lesen oder schreiben; bitte die Rechte prüfen",
        "may not be read or written by this user; check its permissions",
    ),
    errno.EPERM: (
        "darf dieser Benutzer nicht ändern; bitte die Rechte prüfen",
        "may not be changed by this user; check its permissions",
    ),
    errno.EROFS: ("liegt auf einem schreibgeschützten Dateisystem", "lies on a read-only file system"),
    errno.ENOSPC: ("lässt sich nicht schreiben: die Platte ist voll", "cannot be written: the disk is full"),
    errno.EDQUOT: (
        "lässt sich nicht schreiben: das Kontingent ist erschöpft",
        "cannot be written: the quota is used up",
    ),
    errno.EEXIST: ("ist schon da und kein Ordner", "exists and is no folder"),
    errno.ENOTDIR: ("liegt nicht in einem Ordner", "does not lie in a folder"),
    errno.EISDIR: ("ist ein Ordner und keine Datei", "is a folder and no file"),
}


def words(fault: BaseException) -> str:
    """Say what is wrong and how to mend it, German first."""
    if isinstance(fault, FlowErrors):
        return "\n".join(_problem(problem) for problem in fault.problems if problem.severity == "error")
    if isinstance(fault, RenderError):
        return _told(Problem("", 1, 1, fault.code, tuple(fault.values.items())))
    if isinstance(fault, OSError):
        return _system(fault)
    return str(fault)


def _system(fault: OSError) -> str:
    if isinstance(fault, socket.gaierror):
        return (
            f"Der Rechnername ist unbekannt ({fault.strerror}).\nThe host name is unknown ({fault.strerror})."
        )
    where = fault.filename or "DATA"
    told = _SYSTEM.get(fault.errno or 0)
    if told is None:
        return f"{where}: {fault.strerror or fault}"
    return "\n".join(f"{where} {each}." for each in told)


def _problem(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    return "\n".join((place, *(f"  {line}" for line in _told(problem).splitlines())))


def _told(problem: Problem) -> str:
    said = dict.fromkeys(f"{problem.message(language)} {problem.hint(language)}" for language in LANGUAGES)
    return "\n".join(said)

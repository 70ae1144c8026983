"""Faults that the people who run the house can mend, in their words."""

from __future__ import annotations

from callflow.bootstrap.line import PasswordMissingError
from callflow.bootstrap.ports import PortTakenError
from callflow.hearing.ear import HearingError
from callflow.language.problems import FlowErrors, Problem
from callflow.prompts.manifest import ManifestError
from callflow.prompts.voice import VoiceError
from callflow.sealing import KeyFileError
from callflow.settings import AddressError
from callflow.simulate.replay import NoSuchCallError
from callflow.simulate.script import ScriptError
from callflow.store.database import WrongKeyError
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
    AddressError,
    NoSuchCallError,
    ManifestError,
    VoiceError,
    HearingError,
    ScriptError,
    RenderError,
    AccountError,
    ScopeError,
)


def words(fault: BaseException) -> str:
    """Say what is wrong and how to mend it, German first."""
    if isinstance(fault, FlowErrors):
        return "\n".join(_problem(problem) for problem in fault.problems if problem.severity == "error")
    return str(fault)


def _problem(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    told = dict.fromkeys(
        f"  {problem.message(language)} {problem.hint(language)}" for language in ("de", "en")
    )
    return "\n".join((place, *told))

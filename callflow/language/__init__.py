"""YAML text -> checked, compiled `Flow`, with every problem named by file, line and column."""

from callflow.language.calendars import load_calendars
from callflow.language.load import load, look
from callflow.language.problems import FlowErrors, Problem
from callflow.language.surroundings import FolderPrompts, PromptIndex, Surroundings

__all__ = [
    "FlowErrors",
    "FolderPrompts",
    "Problem",
    "PromptIndex",
    "Surroundings",
    "load",
    "load_calendars",
    "look",
]

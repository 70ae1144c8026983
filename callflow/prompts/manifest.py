"""The manifest of ivr_prompts: what each prompt is for, how long it may last, values to hear it with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

LONGEST_S = 20.0
"""Limit of a prompt that the manifest does not know; after that callers forget the beginning."""


class ManifestError(ValueError):
    """The manifest can't be read; the message names file and place."""


class Purpose(BaseModel):
    """What a prompt is for.

    Args:
        purpose: in the practice's words.
        longest: seconds.
        samples: values to hear it with, over the general ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: str
    longest: float = Field(default=LONGEST_S, gt=0)
    samples: dict[str, str] = Field(default_factory=dict)


class Manifest(BaseModel):
    """The manifest.

    Args:
        samples: language ("all" for every one) -> values to hear prompts with.
        prompts: name -> what it is for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: dict[str, dict[str, str]] = Field(default_factory=dict)
    prompts: dict[str, Purpose] = Field(default_factory=dict)

    def values(self, language: str, name: str = "") -> Mapping[str, str]:
        """Return sample values for a language and, where given, one prompt."""
        own = self.prompts[name].samples if name in self.prompts else {}
        return {**self.samples.get("all", {}), **self.samples.get(language, {}), **own}

    def longest_ms(self, name: str) -> float:
        """Return how long a prompt may last in milliseconds."""
        return 1000 * (self.prompts[name].longest if name in self.prompts else LONGEST_S)


def load(folder: Path) -> Manifest:
    """Read the manifest of ivr_prompts; without one every prompt has the same limits.

    Raises:
        ManifestError: it is no manifest.
    """
    path = folder / "manifest.yaml"
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return Manifest.model_validate(raw or {})
    except (YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = ("/".join(map(str, fault["loc"])) + f": {fault['msg']}" for fault in error.errors())
        raise ManifestError(f"{path}: {'; '.join(faults)}") from None

"""Text as people write it -> text as a voice reads it: numbers, times, dates, phone numbers, short forms.

`normalise` is pure, total and idempotent on what it has written: its output holds no digit.
"""

from __future__ import annotations

from callflow.prompts.normalise.rules import normalise

__all__ = ["normalise"]

"""Column types: `Sealed` for everything personal, `Utc` for every time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from sqlalchemy import DateTime, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator


class Placed(str):
    """A text together with its sealed form; reads like the text.

    Made by the row hooks just before a row is written: only they know table, column and row. A value handed
    on to another row still names its old place, and is sealed anew there.
    """

    __slots__ = ("place", "sealed")
    sealed: bytes
    place: bytes

    def __new__(cls, text: str, sealed: bytes, place: bytes) -> Self:
        """Join `text` with the bytes that stand for it at `place` in the database."""
        placed = super().__new__(cls, text)
        placed.sealed = sealed
        placed.place = place
        return placed


class PlacedBytes(bytes):
    """As `Placed`, for binary values."""

    sealed: bytes
    place: bytes

    def __new__(cls, plain: bytes, sealed: bytes, place: bytes) -> Self:
        """Join `plain` with the bytes that stand for it at `place` in the database."""
        placed = super().__new__(cls, plain)
        placed.sealed = sealed
        placed.place = place
        return placed


class Envelope(bytes):
    """A sealed value as it came from the database, not yet opened."""


class Sealed(TypeDecorator[str | bytes]):
    """A column that stands encrypted in the database.

    Args:
        blind: name of the row's column that takes the blind index of this one, "" for none.
        binary: the values are bytes instead of text.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, blind: str = "", *, binary: bool = False) -> None:
        super().__init__()
        self.blind = blind
        self.binary = binary

    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002  SQLAlchemy's signature
        """Give the database the sealed form; a bare value never passes."""
        if value is None:
            return None
        if isinstance(value, (Placed, PlacedBytes)):
            return value.sealed
        raise TypeError(
            "sealed columns are written and read through their rows, never compared or bulk-updated"
        )

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Envelope | None:  # noqa: ARG002  SQLAlchemy's signature
        """Hand the sealed bytes to the row hooks; a bare column select stays sealed."""
        return None if value is None else Envelope(value)


class Utc(TypeDecorator[datetime]):
    """An instant; aware on our side, UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Refuse times without a zone, turn others to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Return the instant as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

"""Tables of the directory and of small facts."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from callflow.store.row import Row, instant, sealed


class Person(Row, table=True):
    """Someone the practice knows, by number. `urgent` people always reach a human."""

    __tablename__ = "people"

    number: str = sealed(blind="number_blind")
    number_blind: str = Field(default="", index=True)
    name: str = sealed()
    urgent: bool = False
    language: str = ""
    note: str = sealed()
    source: str = ""
    updated_at: datetime = instant()


class Fact(SQLModel, table=True):
    """A named fact about this installation, e.g. the check value of the key."""

    __tablename__ = "facts"

    name: str = Field(primary_key=True)
    value: str = ""

"""The exact JSON form of events, effects and call states."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from callflow.effects import LineEffect
from callflow.events import Event
from callflow.flow import State

EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
LINE_EFFECTS: TypeAdapter[LineEffect] = TypeAdapter(Annotated[LineEffect, Field(discriminator="kind")])
STATES: TypeAdapter[State] = TypeAdapter(State)

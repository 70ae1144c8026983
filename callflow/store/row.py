"""The base of all tables: ids, sealed columns, and a `repr` that shows no personal datum."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_bytes
from typing import Any, cast

from sqlalchemy import Column, Connection, Table, event, inspect
from sqlalchemy.orm import Mapper, QueryContext, Session, object_session
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Field, SQLModel

from callflow.sealing import Sealer
from callflow.store.columns import Envelope, Placed, PlacedBytes, Sealed, Utc

_UNLOADED = object()


def new_id() -> str:
    """Return a fresh row id: 32 hexadecimal digits, random."""
    return token_bytes(16).hex()


def sealed(blind: str = "", *, binary: bool = False, later: bool = False) -> Any:  # noqa: ANN401  Field() must fit every annotation
    """Declare a personal column; see `Sealed`.

    Args:
        blind: as for `Sealed`.
        binary: as for `Sealed`.
        later: added to a table that had rows: theirs is NULL until they are written, and reads as empty.
    """
    default: str | bytes = b"" if binary else ""
    return Field(default=default, sa_column=Column(Sealed(blind, binary=binary), nullable=later))


def instant(*, index: bool = False, nullable: bool = False) -> Any:  # noqa: ANN401  as above
    """Declare a time; an optional one starts as None."""
    if nullable:
        return Field(default=None, sa_column=Column(Utc(), index=index, nullable=True))
    return Field(sa_column=Column(Utc(), index=index, nullable=False))


class Row(SQLModel):
    """A table row whose id is ours and known before it is written."""

    id: str = Field(default_factory=new_id, primary_key=True, max_length=64)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id})"

    __str__ = __repr__

    def __rich_repr__(self) -> Iterator[tuple[str, str]]:
        """Show rich (tracebacks with locals) the id alone."""
        yield "id", self.id


def sealer_of(tx: Session) -> Sealer:
    """Return the sealer that the transaction's store was opened with."""
    sealer = tx.info["sealer"]
    assert isinstance(sealer, Sealer)  # noqa: S101  the store alone opens sessions
    return sealer


def place(table: str, column: str, row: str) -> bytes:
    """Return the associated data of a sealed value: table|column|row."""
    return f"{table}|{column}|{row}".encode()


def _sealed_columns(mapper: Mapper[Row]) -> Iterator[tuple[str, Sealed]]:
    for attribute in mapper.column_attrs:
        kind = attribute.columns[0].type
        if isinstance(kind, Sealed):
            yield attribute.key, kind


def _table(mapper: Mapper[Row]) -> str:
    return cast("Table", mapper.local_table).name


def _placed(plain: bytes, sealed: bytes, where: bytes, *, binary: bool) -> Placed | PlacedBytes:
    return PlacedBytes(plain, sealed, where) if binary else Placed(plain.decode(), sealed, where)


@event.listens_for(Row, "before_insert", propagate=True)
@event.listens_for(Row, "before_update", propagate=True)
def _seal(mapper: Mapper[Row], _connection: Connection, row: Row) -> None:
    tx = object_session(row)
    if tx is None:
        raise RuntimeError("a row is written without a session")
    sealer = sealer_of(tx)
    for name, column in _sealed_columns(mapper):
        plain = getattr(row, name)
        where = place(_table(mapper), name, row.id)
        if isinstance(plain, (Placed, PlacedBytes)) and plain.place == where:
            continue
        value = plain if column.binary else plain.encode()
        setattr(row, name, _placed(value, sealer.seal(value, where), where, binary=column.binary))
        if column.blind:
            setattr(row, column.blind, sealer.blind(plain))


@event.listens_for(Row, "load", propagate=True, restore_load_context=True)
def _unseal(row: Row, context: QueryContext) -> None:
    mapper = inspect(type(row))
    for name, column in _sealed_columns(mapper):
        envelope = row.__dict__.get(name, _UNLOADED)
        if envelope is None:
            set_committed_value(row, name, b"" if column.binary else "")
        elif isinstance(envelope, Envelope):
            where = place(_table(mapper), name, row.id)
            plain = sealer_of(context.session).unseal(envelope, where)
            set_committed_value(row, name, _placed(plain, envelope, where, binary=column.binary))


@event.listens_for(Row, "refresh", propagate=True, restore_load_context=True)
def _unseal_again(row: Row, context: QueryContext, _names: object) -> None:
    _unseal(row, context)

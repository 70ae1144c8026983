"""Statements of the way that every event of every call takes: compiled once, run without a unit of work.

The tables stay the one definition: statements are made from them, and personal columns are sealed and opened
here exactly as the row hooks do. Rows that wait to be flushed are not seen here, and what is written here is
not seen by rows that the transaction holds already.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from pydantic_core import PydanticUndefined
from sqlalchemy import ColumnElement, Select, Table, bindparam, insert, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel

from callflow.sealing import Sealer
from callflow.store.columns import Sealed, Utc
from callflow.store.row import place, sealer_of

Values = Mapping[str, object]
_DIALECT = sqlite.dialect(paramstyle="named")
_UTC = Utc().dialect_impl(_DIALECT).bind_processor(_DIALECT)


class Writing:
    """An INSERT of whole rows or an UPDATE of some columns of one; see `inserting` and `updating`."""

    def __init__(self, table: str, compiled: SQLCompiler, defaults: Values) -> None:
        self._table = table
        self._sql = str(compiled)
        self._defaults = dict(defaults)
        self._binds = _binds(compiled)
        self._sealed = [
            (name, bind.type.blind)
            for name, bind in compiled.binds.items()
            if isinstance(bind.type, Sealed) and not bind.type.binary
        ]

    def run(self, tx: Session, values: Values) -> int:
        """Run it once; returns how many rows there were.

        Args:
            tx: a write transaction.
            values: by column, texts for personal ones; an INSERT knows the model's defaults.
        """
        return _driver(tx).execute(self._sql, self._ready(sealer_of(tx), values)).rowcount

    def run_many(self, tx: Session, rows: Iterable[Values]) -> None:
        """Run it for each of these rows."""
        sealer = sealer_of(tx)
        _driver(tx).executemany(self._sql, [self._ready(sealer, row) for row in rows])

    def _ready(self, sealer: Sealer, values: Values) -> dict[str, Any]:
        ready: dict[str, Any] = {**self._defaults, **values}
        for name, blind in self._sealed:
            text = ready[name]
            ready[name] = sealer.seal(text.encode(), place(self._table, name, ready["id"]))
            if blind:
                ready[blind] = sealer.blind(text)
        for name, bind in self._binds:
            ready[name] = bind(ready[name])
        return ready


class Look:
    """A SELECT of columns by named parameters.

    Args:
        statement: of columns of one table, "id" among them if any of them is personal.
    """

    def __init__(self, statement: Select[Any]) -> None:
        compiled = _compiled(statement)
        columns = list(statement.selected_columns)
        self._sql = str(compiled)
        self._binds = _binds(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._names = [str(column.key) for column in columns]
        self._opened = [(str(column.key), *_of(column)) for column in columns if _personal(column)]
        self._results = [(str(each.key), made) for each in columns if (made := _result(each.type))]

    def rows(self, tx: Session, values: Values) -> list[dict[str, Any]]:
        """Return what is found, personal columns opened."""
        given = self._fixed | dict(values)
        for name, bind in self._binds:
            given[name] = bind(given[name])
        found = _driver(tx).execute(self._sql, given).fetchall()
        return [self._made(sealer_of(tx), dict(zip(self._names, row, strict=True))) for row in found]

    def number(self, tx: Session, values: Values) -> int:
        """Return the one number that is asked for."""
        return int(next(iter(self.rows(tx, values)[0].values())))

    def _made(self, sealer: Sealer, row: dict[str, Any]) -> dict[str, Any]:
        for name, table, binary in self._opened:
            plain = sealer.unseal(row[name], place(table, name, row["id"]))
            row[name] = plain if binary else plain.decode()
        for name, made in self._results:
            row[name] = made(row[name])
        return row


def inserting(model: type[SQLModel], but: Collection[str] = ()) -> Writing:
    """Prepare the INSERT of a row without the columns `but`; blind indexes are filled in by themselves."""
    table = _table(model)
    columns = [column.key for column in table.columns if column.key not in but]
    fields = model.model_fields
    defaults = {name: fields[name].default for name in columns if _has_default(fields[name].default)}
    statement = insert(table).values({name: bindparam(name) for name in columns})
    return Writing(table.name, _compiled(statement), defaults)


def updating(model: type[SQLModel], columns: Collection[str], *, guard: str = "") -> Writing:
    """Prepare the UPDATE of the row named by "id"; with a `guard`, if that column still is "was_<guard>"."""
    table = _table(model)
    statement = update(table).where(table.c.id == bindparam("id"))
    if guard:
        statement = statement.where(table.c[guard] == bindparam(f"was_{guard}"))
    return Writing(table.name, _compiled(statement.values({name: bindparam(name) for name in columns})), {})


def _compiled(statement: Any) -> SQLCompiler:  # noqa: ANN401  SQLAlchemy's Insert and Update share no typed base
    return cast("SQLCompiler", statement.compile(dialect=_DIALECT))


def _has_default(default: object) -> bool:
    return default is not PydanticUndefined


def _binds(compiled: SQLCompiler) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return what turns values into what the driver takes, for those parameters that need it."""
    found = ((name, _bind(each.type)) for name, each in compiled.binds.items())
    return [(name, bind) for name, bind in found if bind is not None]


def _bind(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, Sealed):
        return None
    return _written if isinstance(kind, Utc) else kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)


@lru_cache(256)
def _written(moment: datetime | None) -> object:
    # All rows of one event carry the same moment.
    return _UTC(moment) if _UTC else moment


def _result(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    return None if isinstance(kind, Sealed) else kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)


def _personal(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, Sealed)


def _of(column: Any) -> tuple[str, bool]:  # noqa: ANN401  a table's column, which a Select's typing does not know
    return column.table.name, column.type.binary


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", model.__table__)  # type: ignore[attr-defined]  # SQLModel gives it to each table


def _driver(tx: Session) -> sqlite3.Connection:
    """Return SQLite's own connection of a transaction; a reader's has none at hand."""
    driver = tx.info.get("driver") or tx.connection().connection.driver_connection
    return cast("sqlite3.Connection", driver)

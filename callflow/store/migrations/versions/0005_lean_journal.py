"""Keep a call's events and steps in one tree instead of three: every event of a call writes there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = {"call_events": ("turn", "event"), "call_steps": ("node", "exit")}


def upgrade() -> None:
    """Copy both tables into their new form."""
    for name, (one, other) in _TABLES.items():
        new = f"{name}_new"
        op.create_table(
            new,
            sa.Column("call_id", sa.String(), sa.ForeignKey("calls.id"), primary_key=True),
            sa.Column("position", sa.Integer(), primary_key=True),
            sa.Column("id", sa.String(length=64), nullable=False),
            sa.Column("at", sa.DateTime(timezone=True), nullable=False),
            sa.Column(one, sa.Integer() if one == "turn" else sa.LargeBinary(), nullable=False),
            sa.Column(other, sa.LargeBinary(), nullable=False),
            sqlite_with_rowid=False,
        )
        columns = f"call_id, position, id, at, {one}, {other}"
        op.execute(f"INSERT INTO {new} ({columns}) SELECT {columns} FROM {name}")  # noqa: S608  our own names
        op.drop_table(name)
        op.rename_table(new, name)

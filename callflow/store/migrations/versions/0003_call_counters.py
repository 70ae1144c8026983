"""Count a call's events and steps on the call itself, so that noting one needs no look at the others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counters and set them for the calls there are."""
    with op.batch_alter_table("calls") as table:
        table.add_column(sa.Column("events", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("steps", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE calls SET events = (SELECT count(*) FROM call_events WHERE call_id = calls.id),"
        " steps = (SELECT count(*) FROM call_steps WHERE call_id = calls.id)"
    )

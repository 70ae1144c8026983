"""Keep with each call how good its sound was."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of the calls there are, nobody knows any more."""
    with op.batch_alter_table("calls") as table:
        for name in ("loss", "jitter_ms", "remote_loss", "round_trip_ms"):
            table.add_column(sa.Column(name, sa.Float(), nullable=True))

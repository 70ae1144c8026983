"""Let members of the team name their own telephone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody has named one yet."""
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("device", sa.LargeBinary(), nullable=True))

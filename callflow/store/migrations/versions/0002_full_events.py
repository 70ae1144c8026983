"""Let an endpoint take whole cards."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; endpoints that exist get ids only."""
    with op.batch_alter_table("endpoints") as table:
        table.add_column(sa.Column("full", sa.Boolean(), nullable=False, server_default=sa.false()))

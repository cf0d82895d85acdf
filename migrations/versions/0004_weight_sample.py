"""The norm of a sample of the weights."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("weight_sample_norm", sa.Double()))


def downgrade() -> None:
    op.drop_column("steps", "weight_sample_norm")

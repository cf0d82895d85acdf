"""The error of outputs that are not classes; optimizers that call back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("mean_squared_error", sa.Double()))
    op.add_column("steps", sa.Column("label_input_dependence", sa.Double()))
    op.add_column("loops", sa.Column("in_closure", sa.Boolean()))


def downgrade() -> None:
    op.drop_column("loops", "in_closure")
    op.drop_column("steps", "label_input_dependence")
    op.drop_column("steps", "mean_squared_error")

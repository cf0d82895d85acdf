"""What stretches of long runs hold."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COUNTS = (
    *("num_steps", "num_losses", "num_accuracies", "num_grads", "num_norms", "num_zero_norms"),
    *("num_updates", "num_still_updates", "num_ratios"),
)
_NUMBERS = (
    *("loss_sum", "least_loss", "greatest_loss", "accuracy_sum", "greatest_accuracy"),
    *("norm_sum", "least_norm", "greatest_norm", "greatest_grad"),
    *("ratio_sum", "least_ratio", "greatest_ratio"),
)


def upgrade() -> None:
    op.create_table(
        "stretches",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("low_seq", sa.BigInteger(), nullable=False),
        sa.Column("high_seq", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.BigInteger()) for name in ("first_step", "last_step")),
        *(sa.Column(name, sa.Double()) for name in _NUMBERS),
        sa.ForeignKeyConstraint(
            ["run", "segment"],
            ["segments.run", "segments.id"],
            name=op.f("fk_stretches_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "segment", "low_seq", name=op.f("pk_stretches")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("stretches")

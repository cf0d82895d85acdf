"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_TABLES = (
    "optimizer_groups",
    "module_activations",
    "param_changes",
    "grad_norms",
    "events",
    "logger_errors",
    "fit_ends",
    "validations",
    "activations",
    "loops",
    "wiring",
    "sanity",
    "param_updates",
    "grads",
    "steps",
    "epochs",
    "fit_starts",
    "rejects",
    "params",
    "sources",
    "segments",
    "runs",
)
"""Those that refer to others first."""


def _identity() -> list[Any]:
    return [
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger()),
        sa.Column("timestamp", sa.Double()),
    ]


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind()) for name in names]


def _remainder() -> list[Any]:
    return _columns(sa.Text, "nonfinite", "extra", "envelope")


def _of_segment(table: str) -> sa.ForeignKeyConstraint:
    target = ["segments.run", "segments.id"]
    return sa.ForeignKeyConstraint(["run", "segment"], target, name=f"fk_{table}_run", ondelete="CASCADE")


def _event_table(name: str, *fields: Any) -> None:
    key = sa.PrimaryKeyConstraint("run", "segment", "seq", name=f"pk_{name}")
    op.create_table(name, *_identity(), *fields, _of_segment(name), key, sqlite_with_rowid=False)


def _part_table(name: str, *fields: Any, key: str) -> None:
    keyed = sa.PrimaryKeyConstraint("run", "segment", "seq", key, name=f"pk_{name}")
    op.create_table(name, *_identity()[:3], *fields, keyed, sqlite_with_rowid=False)


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        *_columns(sa.Text, "name", "status"),
        sa.Column("started_at", sa.Double()),
        *_columns(sa.Text, "config", "optimizer", "environment"),
        *_columns(sa.BigInteger, "trainable_params", "frozen_params", "total_params", "world_size"),
        *_columns(sa.Text, "tags", "notes"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("run_id", name="uq_runs_run_id"),
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("started_at", sa.Double()),
        *_columns(sa.BigInteger, "first_step", "last_step"),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("num_events", sa.BigInteger(), nullable=False),
        sa.Column("num_steps", sa.BigInteger(), nullable=False),
        sa.Column("superseded_from", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_segments_run", ondelete="CASCADE"),
        sa.UniqueConstraint("run", "id", name="uq_segments_run_id"),
        sa.UniqueConstraint("run", "rank", "key", name="uq_segments_run_rank_key"),
    )
    op.create_index("ix_segments_key", "segments", ["key"])
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False),
        sa.Column("read_lines", sa.BigInteger(), nullable=False),
        sa.Column("num_events", sa.BigInteger(), nullable=False),
        sa.Column("num_rejects", sa.BigInteger(), nullable=False),
        sa.Column("head_digest", sa.Text(), nullable=False),
        sa.Column("tail_digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("host", "path", name="uq_sources_host_path"),
    )
    op.create_table(
        "params",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_params"),
        sa.UniqueConstraint("name", name="uq_params_name"),
    )
    op.create_table(
        "rejects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("line_number", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rejects"),
        sa.UniqueConstraint("digest", name="uq_rejects_digest"),
    )
    _event_table(
        "fit_starts",
        sa.Column("schema_version", sa.BigInteger()),
        sa.Column("run_name", sa.Text()),
        *_columns(sa.BigInteger, "trainable_params", "frozen_params", "total_params"),
        sa.Column("frozen_modules", sa.Text()),
        *_columns(sa.BigInteger, "max_epochs", "total_steps", "batch_size"),
        *_columns(sa.Text, "config", "optimizer", "scheduler_type"),
        sa.Column("scheduler_steps", sa.BigInteger()),
        *_columns(sa.Boolean, "scheduler_restarts", "scaler_enabled"),
        *_columns(sa.Double, "loss_scale", "max_dropout"),
        sa.Column("environment", sa.Text()),
        *_columns(
            sa.BigInteger,
            "num_classes",
            "ignore_index",
            "accumulation_steps",
            "world_size",
            "start_step",
            "step_every",
            "grad_every",
            "update_every",
            "optimizer_step_count",
            "num_params_with_state",
            "scheduler_step_count",
        ),
        *_columns(sa.Text, "parameter_fingerprint", "buffer_fingerprint"),
        *_columns(sa.BigInteger, "num_zero_params", "num_constant_params"),
        sa.Column("is_sharded", sa.Boolean()),
        *_remainder(),
    )
    _event_table(
        "epochs",
        sa.Column("optimizer_state", sa.Text()),
        *_remainder(),
    )
    _event_table(
        "steps",
        *_columns(sa.Double, "loss", "accuracy", "learning_rate"),
        *_columns(sa.Text, "learning_rates", "sample_predictions", "sample_labels", "target_shape", "labels_shape"),
        *_columns(sa.BigInteger, "num_valid_tokens", "batch_idx"),
        sa.Column("loss_scale", sa.Double()),
        *_columns(sa.Text, "batch_fingerprint", "input_dtype"),
        *_columns(sa.Double, "input_mean", "input_std", "input_abs_max", "input_sample_std"),
        sa.Column("num_nonfinite_inputs", sa.BigInteger()),
        *_columns(sa.Double, "label_min", "label_max", "label_entropy", "label_majority_share", "label_variance"),
        sa.Column("num_ignored", sa.BigInteger()),
        *_columns(
            sa.Double,
            "label_input_match",
            "output_min",
            "output_max",
            "output_std",
            "output_sample_std",
            "output_zero_share",
        ),
        *_columns(sa.BigInteger, "output_width", "num_nonfinite_outputs"),
        *_columns(sa.Double, "row_sum_error", "column_sum_error", "top_prediction_share", "cross_entropy"),
        *_columns(sa.BigInteger, "num_eval_modules", "num_mode_modules"),
        sa.Column("weight_norm", sa.Double()),
        *_columns(sa.BigInteger, "graph_nodes", "allocated_bytes"),
        *_remainder(),
    )
    _event_table(
        "grads",
        *_columns(sa.Double, "total_norm", "clipped_norm", "entry_norm", "max_grad", "min_grad"),
        *_columns(sa.BigInteger, "num_params_with_grad", "num_params_total", "num_zero_grad", "num_nonfinite"),
        sa.Column("first_nonfinite_param", sa.Text()),
        *_columns(sa.Double, "first_param_norm", "last_param_norm"),
        sa.Column("gradient_fingerprint", sa.Text()),
        *_columns(sa.Double, "loss_scale", "loss_gradient"),
        *_remainder(),
    )
    _event_table(
        "param_updates",
        *_columns(sa.BigInteger, "num_params_updated", "num_params_total"),
        sa.Column("no_updates", sa.Boolean()),
        *_columns(
            sa.Double,
            "update_norm",
            "weight_norm",
            "update_ratio",
            "share_entries_changed",
            "decay_norm",
            "update_gradient_cosine",
        ),
        sa.Column("num_nonfinite_params", sa.BigInteger()),
        *_columns(sa.Text, "first_nonfinite_param", "parameter_fingerprint", "buffer_fingerprint"),
        *_remainder(),
    )
    _event_table(
        "sanity",
        *_columns(sa.Double, "label_min", "label_max"),
        sa.Column("expected_max", sa.BigInteger()),
        sa.Column("labels_valid", sa.Boolean()),
        *_columns(sa.BigInteger, "num_out_of_range", "num_valid", "num_ignored"),
        sa.Column("label_entropy", sa.Double()),
        *_remainder(),
    )
    _event_table(
        "wiring",
        sa.Column("loss_is_leaf", sa.Boolean()),
        sa.Column("loss_function", sa.Text()),
        sa.Column("graph_nodes", sa.BigInteger()),
        sa.Column("may_hide_leaves", sa.Boolean()),
        *_columns(
            sa.BigInteger,
            "num_model_params",
            "num_trainable",
            "num_in_optimizer",
            "num_reached",
            "num_trainable_not_in_optimizer",
            "num_optimizer_not_in_model",
            "num_optimizer_same_shape",
            "num_reached_not_in_model",
            "num_reached_not_in_optimizer",
            "num_trainable_not_reached",
            "num_not_reached_used",
            "num_frozen",
            "num_frozen_in_optimizer",
            "num_scheduler_mismatch",
        ),
        *_columns(sa.Text, "trainable_not_in_optimizer", "trainable_not_reached", "last_used_module", "param_dtypes"),
        *_remainder(),
    )
    _event_table(
        "loops",
        sa.Column("call_order", sa.Text()),
        *_columns(
            sa.BigInteger,
            "num_backward",
            "num_zero_grad",
            "num_optimizer_steps",
            "num_scheduler_steps",
            "num_skipped_steps",
            "num_total_backward",
            "num_total_zero_grad",
            "num_total_optimizer_steps",
            "num_total_scheduler_steps",
        ),
        *_columns(
            sa.Double,
            "step_seconds",
            "data_seconds",
            "forward_seconds",
            "backward_seconds",
            "optimizer_seconds",
            "logger_seconds",
        ),
        sa.Column("peak_bytes", sa.BigInteger()),
        *_remainder(),
    )
    _event_table(
        "activations",
        *_remainder(),
    )
    _event_table(
        "validations",
        *_columns(sa.Double, "loss", "accuracy"),
        *_columns(sa.BigInteger, "num_forwards", "num_train_mode_forwards"),
        *_columns(sa.Double, "overlap_share", "input_mean", "input_std"),
        *_remainder(),
    )
    _event_table(
        "fit_ends",
        *_columns(sa.Text, "status", "error"),
        sa.Column("steps", sa.BigInteger()),
        *_columns(sa.Double, "seconds", "logger_seconds"),
        *_remainder(),
    )
    _event_table(
        "logger_errors",
        *_columns(sa.Text, "part", "error"),
        sa.Column("num_lost", sa.BigInteger()),
        *_remainder(),
    )
    _event_table(
        "events",
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("envelope", sa.Text()),
    )
    _part_table(
        "grad_norms",
        sa.Column("param", sa.Integer(), nullable=False),
        sa.Column("norm", sa.Double()),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("nonfinite", sa.Text()),
        key="param",
    )
    _part_table(
        "param_changes",
        sa.Column("param", sa.Integer(), nullable=False),
        *_columns(sa.Double, "change", "ratio"),
        sa.Column("nonfinite", sa.Text()),
        key="param",
    )
    _part_table(
        "module_activations",
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("forward_idx", sa.BigInteger()),
        sa.Column("type", sa.Text()),
        *_columns(sa.Double, "std", "abs_max", "inactive_share", "input_inactive_share", "saturated_share"),
        sa.Column("num_nonfinite", sa.BigInteger()),
        sa.Column("nonfinite", sa.Text()),
        key="module",
    )
    _part_table(
        "optimizer_groups",
        sa.Column("idx", sa.Integer(), nullable=False),
        *_columns(sa.BigInteger, "optimizer_idx", "group_idx"),
        sa.Column("type", sa.Text()),
        *_columns(sa.Double, "lr", "weight_decay", "eps", "momentum"),
        sa.Column("maximize", sa.Boolean()),
        sa.Column("num_params", sa.BigInteger()),
        key="idx",
    )


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)

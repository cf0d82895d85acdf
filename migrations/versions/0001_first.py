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


def _remainder() -> list[Any]:
    return [sa.Column(name, sa.Text()) for name in ("nonfinite", "extra", "envelope")]


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
        sa.Column("name", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("started_at", sa.Double()),
        sa.Column("config", sa.Text()),
        sa.Column("optimizer", sa.Text()),
        sa.Column("environment", sa.Text()),
        sa.Column("trainable_params", sa.BigInteger()),
        sa.Column("frozen_params", sa.BigInteger()),
        sa.Column("total_params", sa.BigInteger()),
        sa.Column("world_size", sa.BigInteger()),
        sa.Column("tags", sa.Text()),
        sa.Column("notes", sa.Text()),
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
        sa.Column("first_step", sa.BigInteger()),
        sa.Column("last_step", sa.BigInteger()),
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
        sa.Column("trainable_params", sa.BigInteger()),
        sa.Column("frozen_params", sa.BigInteger()),
        sa.Column("total_params", sa.BigInteger()),
        sa.Column("frozen_modules", sa.Text()),
        sa.Column("max_epochs", sa.BigInteger()),
        sa.Column("total_steps", sa.BigInteger()),
        sa.Column("batch_size", sa.BigInteger()),
        sa.Column("config", sa.Text()),
        sa.Column("optimizer", sa.Text()),
        sa.Column("scheduler_type", sa.Text()),
        sa.Column("scheduler_steps", sa.BigInteger()),
        sa.Column("scheduler_restarts", sa.Boolean()),
        sa.Column("scaler_enabled", sa.Boolean()),
        sa.Column("loss_scale", sa.Double()),
        sa.Column("max_dropout", sa.Double()),
        sa.Column("environment", sa.Text()),
        sa.Column("num_classes", sa.BigInteger()),
        sa.Column("ignore_index", sa.BigInteger()),
        sa.Column("accumulation_steps", sa.BigInteger()),
        sa.Column("world_size", sa.BigInteger()),
        sa.Column("start_step", sa.BigInteger()),
        sa.Column("step_every", sa.BigInteger()),
        sa.Column("grad_every", sa.BigInteger()),
        sa.Column("update_every", sa.BigInteger()),
        sa.Column("optimizer_step_count", sa.BigInteger()),
        sa.Column("num_params_with_state", sa.BigInteger()),
        sa.Column("scheduler_step_count", sa.BigInteger()),
        sa.Column("parameter_fingerprint", sa.Text()),
        sa.Column("buffer_fingerprint", sa.Text()),
        sa.Column("num_zero_params", sa.BigInteger()),
        sa.Column("num_constant_params", sa.BigInteger()),
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
        sa.Column("loss", sa.Double()),
        sa.Column("accuracy", sa.Double()),
        sa.Column("learning_rate", sa.Double()),
        sa.Column("learning_rates", sa.Text()),
        sa.Column("sample_predictions", sa.Text()),
        sa.Column("sample_labels", sa.Text()),
        sa.Column("target_shape", sa.Text()),
        sa.Column("labels_shape", sa.Text()),
        sa.Column("num_valid_tokens", sa.BigInteger()),
        sa.Column("batch_idx", sa.BigInteger()),
        sa.Column("loss_scale", sa.Double()),
        sa.Column("batch_fingerprint", sa.Text()),
        sa.Column("input_dtype", sa.Text()),
        sa.Column("input_mean", sa.Double()),
        sa.Column("input_std", sa.Double()),
        sa.Column("input_abs_max", sa.Double()),
        sa.Column("input_sample_std", sa.Double()),
        sa.Column("num_nonfinite_inputs", sa.BigInteger()),
        sa.Column("label_min", sa.Double()),
        sa.Column("label_max", sa.Double()),
        sa.Column("label_entropy", sa.Double()),
        sa.Column("label_majority_share", sa.Double()),
        sa.Column("label_variance", sa.Double()),
        sa.Column("num_ignored", sa.BigInteger()),
        sa.Column("label_input_match", sa.Double()),
        sa.Column("output_min", sa.Double()),
        sa.Column("output_max", sa.Double()),
        sa.Column("output_std", sa.Double()),
        sa.Column("output_sample_std", sa.Double()),
        sa.Column("output_zero_share", sa.Double()),
        sa.Column("output_width", sa.BigInteger()),
        sa.Column("num_nonfinite_outputs", sa.BigInteger()),
        sa.Column("row_sum_error", sa.Double()),
        sa.Column("column_sum_error", sa.Double()),
        sa.Column("top_prediction_share", sa.Double()),
        sa.Column("cross_entropy", sa.Double()),
        sa.Column("num_eval_modules", sa.BigInteger()),
        sa.Column("num_mode_modules", sa.BigInteger()),
        sa.Column("weight_norm", sa.Double()),
        sa.Column("graph_nodes", sa.BigInteger()),
        sa.Column("allocated_bytes", sa.BigInteger()),
        *_remainder(),
    )
    _event_table(
        "grads",
        sa.Column("total_norm", sa.Double()),
        sa.Column("clipped_norm", sa.Double()),
        sa.Column("entry_norm", sa.Double()),
        sa.Column("max_grad", sa.Double()),
        sa.Column("min_grad", sa.Double()),
        sa.Column("num_params_with_grad", sa.BigInteger()),
        sa.Column("num_params_total", sa.BigInteger()),
        sa.Column("num_zero_grad", sa.BigInteger()),
        sa.Column("num_nonfinite", sa.BigInteger()),
        sa.Column("first_nonfinite_param", sa.Text()),
        sa.Column("first_param_norm", sa.Double()),
        sa.Column("last_param_norm", sa.Double()),
        sa.Column("gradient_fingerprint", sa.Text()),
        sa.Column("loss_scale", sa.Double()),
        sa.Column("loss_gradient", sa.Double()),
        *_remainder(),
    )
    _event_table(
        "param_updates",
        sa.Column("num_params_updated", sa.BigInteger()),
        sa.Column("num_params_total", sa.BigInteger()),
        sa.Column("no_updates", sa.Boolean()),
        sa.Column("update_norm", sa.Double()),
        sa.Column("weight_norm", sa.Double()),
        sa.Column("update_ratio", sa.Double()),
        sa.Column("share_entries_changed", sa.Double()),
        sa.Column("decay_norm", sa.Double()),
        sa.Column("update_gradient_cosine", sa.Double()),
        sa.Column("num_nonfinite_params", sa.BigInteger()),
        sa.Column("first_nonfinite_param", sa.Text()),
        sa.Column("parameter_fingerprint", sa.Text()),
        sa.Column("buffer_fingerprint", sa.Text()),
        *_remainder(),
    )
    _event_table(
        "sanity",
        sa.Column("label_min", sa.Double()),
        sa.Column("label_max", sa.Double()),
        sa.Column("expected_max", sa.BigInteger()),
        sa.Column("labels_valid", sa.Boolean()),
        sa.Column("num_out_of_range", sa.BigInteger()),
        sa.Column("num_valid", sa.BigInteger()),
        sa.Column("num_ignored", sa.BigInteger()),
        sa.Column("label_entropy", sa.Double()),
        *_remainder(),
    )
    _event_table(
        "wiring",
        sa.Column("loss_is_leaf", sa.Boolean()),
        sa.Column("loss_function", sa.Text()),
        sa.Column("graph_nodes", sa.BigInteger()),
        sa.Column("may_hide_leaves", sa.Boolean()),
        sa.Column("num_model_params", sa.BigInteger()),
        sa.Column("num_trainable", sa.BigInteger()),
        sa.Column("num_in_optimizer", sa.BigInteger()),
        sa.Column("num_reached", sa.BigInteger()),
        sa.Column("num_trainable_not_in_optimizer", sa.BigInteger()),
        sa.Column("num_optimizer_not_in_model", sa.BigInteger()),
        sa.Column("num_optimizer_same_shape", sa.BigInteger()),
        sa.Column("num_reached_not_in_model", sa.BigInteger()),
        sa.Column("num_reached_not_in_optimizer", sa.BigInteger()),
        sa.Column("num_trainable_not_reached", sa.BigInteger()),
        sa.Column("num_not_reached_used", sa.BigInteger()),
        sa.Column("num_frozen", sa.BigInteger()),
        sa.Column("num_frozen_in_optimizer", sa.BigInteger()),
        sa.Column("num_scheduler_mismatch", sa.BigInteger()),
        sa.Column("trainable_not_in_optimizer", sa.Text()),
        sa.Column("trainable_not_reached", sa.Text()),
        sa.Column("last_used_module", sa.Text()),
        sa.Column("param_dtypes", sa.Text()),
        *_remainder(),
    )
    _event_table(
        "loops",
        sa.Column("call_order", sa.Text()),
        sa.Column("num_backward", sa.BigInteger()),
        sa.Column("num_zero_grad", sa.BigInteger()),
        sa.Column("num_optimizer_steps", sa.BigInteger()),
        sa.Column("num_scheduler_steps", sa.BigInteger()),
        sa.Column("num_skipped_steps", sa.BigInteger()),
        sa.Column("num_total_backward", sa.BigInteger()),
        sa.Column("num_total_zero_grad", sa.BigInteger()),
        sa.Column("num_total_optimizer_steps", sa.BigInteger()),
        sa.Column("num_total_scheduler_steps", sa.BigInteger()),
        sa.Column("step_seconds", sa.Double()),
        sa.Column("data_seconds", sa.Double()),
        sa.Column("forward_seconds", sa.Double()),
        sa.Column("backward_seconds", sa.Double()),
        sa.Column("optimizer_seconds", sa.Double()),
        sa.Column("logger_seconds", sa.Double()),
        sa.Column("peak_bytes", sa.BigInteger()),
        *_remainder(),
    )
    _event_table(
        "activations",
        *_remainder(),
    )
    _event_table(
        "validations",
        sa.Column("loss", sa.Double()),
        sa.Column("accuracy", sa.Double()),
        sa.Column("num_forwards", sa.BigInteger()),
        sa.Column("num_train_mode_forwards", sa.BigInteger()),
        sa.Column("overlap_share", sa.Double()),
        sa.Column("input_mean", sa.Double()),
        sa.Column("input_std", sa.Double()),
        *_remainder(),
    )
    _event_table(
        "fit_ends",
        sa.Column("status", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("steps", sa.BigInteger()),
        sa.Column("seconds", sa.Double()),
        sa.Column("logger_seconds", sa.Double()),
        *_remainder(),
    )
    _event_table(
        "logger_errors",
        sa.Column("part", sa.Text()),
        sa.Column("error", sa.Text()),
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
        sa.Column("change", sa.Double()),
        sa.Column("ratio", sa.Double()),
        sa.Column("nonfinite", sa.Text()),
        key="param",
    )
    _part_table(
        "module_activations",
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("forward_idx", sa.BigInteger()),
        sa.Column("type", sa.Text()),
        sa.Column("std", sa.Double()),
        sa.Column("abs_max", sa.Double()),
        sa.Column("inactive_share", sa.Double()),
        sa.Column("input_inactive_share", sa.Double()),
        sa.Column("saturated_share", sa.Double()),
        sa.Column("num_nonfinite", sa.BigInteger()),
        sa.Column("nonfinite", sa.Text()),
        key="module",
    )
    _part_table(
        "optimizer_groups",
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("optimizer_idx", sa.BigInteger()),
        sa.Column("group_idx", sa.BigInteger()),
        sa.Column("type", sa.Text()),
        sa.Column("lr", sa.Double()),
        sa.Column("weight_decay", sa.Double()),
        sa.Column("eps", sa.Double()),
        sa.Column("momentum", sa.Double()),
        sa.Column("maximize", sa.Boolean()),
        sa.Column("num_params", sa.BigInteger()),
        key="idx",
    )


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)

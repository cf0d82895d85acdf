"""What the model made of the batch: predictions, accuracy, the form of the outputs."""

import torch
from torch import Tensor
from torch.nn import functional

from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.probes.labels import SAMPLES, whole
from debugstore.logger.tensors import (
    are_classes,
    argmax,
    class_dim,
    count_nonzero,
    finite_range,
    first_columns,
    first_rows,
    share,
    spreads,
    top_share,
)


class Outputs(Probe):
    """Output fields of `training_step`: predictions over all logits, the rest over the first rows.

    As many rows as hold 2^15 logits, 16 at least: enough for the form, and no second softmax of a large vocabulary.
    """

    name = "outputs"
    cost = "an argmax; nine passes over at most 2^15 logits, or over 16 rows"

    def step_facts(self, batch: Batch) -> Facts:
        """Describe the logits, and compare them with the labels where both fit."""
        logits, labels = batch.logits, whole(batch.labels)
        if logits is None or logits.numel() == 0:
            return {}
        facts: Facts = {"target_shape": list(logits.shape)}
        if not logits.is_floating_point():
            return facts
        dim = None
        if labels is not None and batch.labels is not None:
            dim = class_dim(logits, batch.labels, self.context.settings.num_classes)
        rows = first_rows(logits, dim).float()
        facts["output_width"] = rows.shape[1]
        if batch.plan.close:
            facts |= _form(rows)
            if logits.dim() > 0 and logits.shape[0] > 1:
                facts["column_sum_error"] = (first_columns(logits).float().sum(0) - 1).abs_().mean()
        wanted = answers(batch.labels, logits)
        if wanted is not None:
            facts["mean_squared_error"] = (rows - wanted[: rows.shape[0]]).square_().mean()
        if dim is not None and labels is not None and logits.shape[dim] > 1:
            facts |= self._predictions(argmax(logits, dim).reshape(-1), rows, labels)
        return facts

    def _predictions(self, chosen: Tensor, rows: Tensor, labels: Tensor) -> Facts:
        ignored = self.context.settings.ignore_index
        facts: Facts = {"sample_predictions": chosen[:SAMPLES], "top_prediction_share": top_share(chosen)}
        first = labels[: rows.shape[0]]
        if are_classes(labels, rows.shape[1], ignored):
            right, losses = (chosen == labels).sum(), functional.cross_entropy(rows, first)
            return {**facts, "accuracy": share(right, labels.numel()), "cross_entropy": losses}
        valid = labels != ignored
        possible = valid[: rows.shape[0]] & (first >= 0) & (first < rows.shape[1])
        losses = -rows.log_softmax(1).gather(1, torch.where(possible, first, 0)[:, None])[:, 0]
        return {
            **facts,
            "accuracy": ((chosen == labels) & valid).sum() / valid.sum(),
            "cross_entropy": torch.where(possible, losses, 0.0).sum() / possible.sum(),
            "num_possible": possible.sum(),
        }

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Leave out what a batch without a valid label does not have."""
        if facts.pop("num_possible", None) == 0:
            facts = {key: value for key, value in facts.items() if key not in ("accuracy", "cross_entropy")}
        return facts


def _form(rows: Tensor) -> Facts:
    """Describe the numbers themselves, whatever they are to mean."""
    low, high, num_nonfinite = finite_range(rows)
    std, sample_std = spreads(rows)
    facts: Facts = {
        "output_min": low,
        "output_max": high,
        "output_std": std,
        "output_zero_share": 1 - share(count_nonzero(rows), rows.numel()),
        "num_nonfinite_outputs": num_nonfinite,
        "row_sum_error": (rows.sum(1) - 1).abs_().mean(),
    }
    if rows.shape[0] > 1:
        facts["output_sample_std"] = sample_std
    return facts


def answers(labels: Tensor | None, logits: Tensor) -> Tensor | None:
    """Return floating labels as (N, D), D the logits' last dimension; None where their shapes differ.

    A dimension of one entry makes no difference: what a loss makes of (N, 1) beside (N,) is not asked here.
    """
    if labels is None or not labels.is_floating_point() or _without_ones(labels) != _without_ones(logits):
        return None
    return labels.detach().reshape(-1, logits.shape[-1] if logits.dim() > 1 else 1)


def _without_ones(values: Tensor) -> list[int]:
    return [size for size in values.shape if size != 1]

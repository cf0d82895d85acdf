"""The labels of a batch, and their sanity against the number of classes at the first step."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.tensors import column_variance, entropy, first_columns, number, on_host

SAMPLES = 10
MAX_PAIRS = 1024
MAX_BINS = 1 << 16
PAIRING = 1_000_003
"""A prime above most vocabularies: `input * PAIRING + label` is another number for each pair of them."""
OF_VALID_LABELS = (
    *("label_min", "label_max", "label_entropy", "label_majority_share"),
    *("label_input_match", "label_input_dependence"),
)


class Labels(Probe):
    """Label fields of `training_step`, and `data_sanity_check`."""

    name = "labels"
    cost = "a sort of the batch's labels"

    def start_events(self, batch: Batch) -> Iterable[tuple[str, Facts]]:
        """Check the first batch's labels against `num_classes`."""
        labels = whole(batch.labels) if batch.first else None
        if labels is None:
            return
        facts = self._range(labels)
        classes = self.context.settings.num_classes
        if classes is not None:
            valid = labels != self.context.settings.ignore_index
            facts["num_out_of_range"] = (((labels < 0) | (labels >= classes)) & valid).sum()
        yield "data_sanity_check", facts

    def step_facts(self, batch: Batch) -> Facts:
        """Describe the batch's labels."""
        labels = batch.labels
        if labels is None or labels.numel() == 0:
            return {}
        facts: Facts = {"labels_shape": list(labels.shape), "sample_labels": labels.reshape(-1)[:SAMPLES]}
        flat = whole(labels)
        if flat is None:
            real = labels.detach().float()
            low, high = torch.aminmax(real)
            facts |= {"label_min": low, "label_max": high, "label_variance": column_variance(first_columns(real))}
            return {**facts, "num_valid": torch.isfinite(real).sum(), "num_ignored": 0}
        return {**facts, **self._range(flat), **(self._match(batch, flat) if batch.plan.close else {})}

    def _range(self, labels: Tensor) -> Facts:
        ignored = self.context.settings.ignore_index
        if on_host(labels):
            return _range_on_host(labels, ignored)
        valid = labels != ignored
        most, least = torch.iinfo(labels.dtype).max, torch.iinfo(labels.dtype).min
        nats, share = entropy(labels, valid)
        return {
            "label_min": torch.where(valid, labels, most).amin(),
            "label_max": torch.where(valid, labels, least).amax(),
            "num_valid": valid.sum(),
            "num_ignored": labels.numel() - valid.sum(),
            "label_entropy": nats,
            "label_majority_share": share,
        }

    def _match(self, batch: Batch, labels: Tensor) -> Facts:
        inputs = whole(batch.inputs)
        if inputs is None or batch.inputs is None or batch.labels is None or batch.inputs.shape != batch.labels.shape:
            return {}
        valid = labels != self.context.settings.ignore_index
        facts: Facts = {"label_input_match": ((inputs == labels) & valid).sum() / valid.sum()}
        half = min(labels.numel(), MAX_PAIRS) // 2
        if half:
            facts["label_input_dependence"] = _dependence(inputs[: 2 * half], labels[: 2 * half], valid[: 2 * half])
        return facts

    def finish(self, event_type: str, facts: Facts) -> Facts:
        """Leave out what a batch without a valid label does not have."""
        num_valid = facts.pop("num_valid", None)
        if num_valid is None:
            return facts
        if num_valid == 0:
            facts = {key: None if key in OF_VALID_LABELS else value for key, value in facts.items()}
        if event_type == "training_step":
            if math.isnan(facts.get("label_input_dependence") or 0.0):  # no label and its counterpart were both valid
                facts["label_input_dependence"] = None
            return {**facts, "num_valid_tokens": num_valid}
        facts.pop("label_majority_share")
        out_of_range = facts.get("num_out_of_range")
        classes = self.context.settings.num_classes
        return {
            **facts,
            "num_valid": num_valid,
            "expected_max": classes - 1 if classes is not None else None,
            "labels_valid": out_of_range == 0 if out_of_range is not None else None,
            "num_out_of_range": out_of_range,
        }


def whole(tensor: Tensor | None) -> Tensor | None:
    """Return whole-number values as a flat int64 tensor; None for anything else."""
    if tensor is None or tensor.numel() == 0 or tensor.is_floating_point() or tensor.is_complex():
        return None
    return tensor.detach().reshape(-1).long()


def _range_on_host(labels: Tensor, ignored: int) -> Facts:
    """Return the same as plain numbers: a histogram is a fifth of a sort, and the host may look at how long it gets."""
    low, high = map(number, torch.aminmax(labels))
    kept = labels[labels != ignored] if low <= ignored <= high else labels
    facts: Facts = {"num_valid": kept.numel(), "num_ignored": labels.numel() - kept.numel()}
    if not kept.numel():
        return {**facts, **dict.fromkeys(("label_min", "label_max", "label_entropy", "label_majority_share"))}
    if kept is not labels:
        low, high = map(number, torch.aminmax(kept))
    times = (
        torch.bincount(kept - low) if high - low < MAX_BINS else torch.unique(kept, return_counts=True)[1]
    ).double()
    return {
        **facts,
        "label_min": low,
        "label_max": high,
        "label_entropy": math.log(kept.numel()) - number(torch.special.xlogy(times, times).sum()) / kept.numel(),
        "label_majority_share": number(times.amax()) / kept.numel(),
    }


def _dependence(inputs: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Return by how many of (2 N) labels there are fewer pairs of input and label than by chance, as a share of them.

    Chance is the same labels half a batch away; a label counts where it and that one are valid. Without dependence it
    is 0 in the mean; text has 0.05 to 0.15. Cost: two sorts.
    """
    half = labels.numel() // 2
    away, both = labels.roll(half), valid & valid.roll(half)
    found, by_chance = (_distinct(torch.where(both, inputs * PAIRING + other, -1)) for other in (labels, away))
    return (by_chance - found) / both.sum()


def _distinct(values: Tensor) -> Tensor:
    ordered = values.sort().values
    return (ordered[1:] != ordered[:-1]).sum()

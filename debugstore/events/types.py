"""The event contract: every known event, every field of it, with unit and moment.

A class is one event type; `table` names the table its rows go to. A field that an event may lack is `UNSET` there:
absent, null and zero are three different things. The store's columns and `docs/events.md` are made from these classes,
so a new fact is added here, by a migration, and nowhere else.

"At the start of a step" is the moment of the `training_step` call: after the forward pass, before backward.
Fractions are 0..1. Fingerprints are 16 hex digits of a 64-bit hash: equal data, equal fingerprint.
"""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

SCHEMA_VERSION = 1

Real = int | float | None | UnsetType
Whole = int | None | UnsetType
Flag = bool | None | UnsetType
Text = str | None | UnsetType
Json = Any  # a list or object kept as JSON text
PerParam = dict[str, int | float | None] | None | UnsetType


def doc(description: str, unit: str = "", *, close: bool = False) -> msgspec.Meta:
    """Describe a field for the reference pages; `unit` is empty where the number has none.

    `close` fields come at close steps only: the first five of a segment, then about as often as updates are logged,
    after step 100 half as often.
    """
    return msgspec.Meta(
        description=f"{description}; at close steps" if close else description, extra={"unit": unit, "close": close}
    )


def close_fields(event: type["EventData"]) -> frozenset[str]:
    """Return the names of an event's fields that come at close steps only."""
    return frozenset(
        name
        for name, kind in event.__annotations__.items()
        if any((meta.extra or {}).get("close") for meta in getattr(kind, "__metadata__", ()))
    )


class EventData(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of the `data` of a known event."""

    event_type: ClassVar[str]
    table: ClassVar[str]
    nonfinite: Json = UNSET


class FitStart(EventData):
    """The training begins: step 0, once a segment. The first line of its file."""

    event_type = "fit_start"
    table = "fit_starts"

    schema_version: Annotated[Whole, doc("version of this contract")] = UNSET
    segment: Annotated[Text, doc("key of the segment that this line opens")] = UNSET
    run_name: Annotated[Text, doc("name given by the user")] = UNSET
    trainable_params: Annotated[Whole, doc("elements of parameters that require a gradient", "elements")] = UNSET
    frozen_params: Annotated[Whole, doc("elements of parameters that do not", "elements")] = UNSET
    total_params: Annotated[Whole, doc("elements of all parameters", "elements")] = UNSET
    frozen_modules: Annotated[Json, doc("names of modules whose own parameters are all frozen")] = UNSET
    max_epochs: Annotated[Whole, doc("epochs planned, if the config says")] = UNSET
    total_steps: Annotated[Whole, doc("optimizer steps planned")] = UNSET
    batch_size: Annotated[Whole, doc("batch size, if the config says", "samples")] = UNSET
    config: Annotated[Json, doc("the user's config, as given")] = UNSET
    optimizer: Annotated[Json, doc("a parameter group each: optimizer_idx, group_idx, type, lr, betas, ...")] = UNSET
    scheduler_type: Annotated[Text, doc("class of the learning-rate scheduler")] = UNSET
    scheduler_steps: Annotated[Whole, doc("scheduler steps until its schedule ends, where the class says")] = UNSET
    scheduler_restarts: Annotated[Flag, doc("the learning rate rises again by design")] = UNSET
    scaler_enabled: Annotated[Flag, doc("a gradient scaler is in use")] = UNSET
    loss_scale: Annotated[Real, doc("scale of the gradient scaler")] = UNSET
    max_dropout: Annotated[Real, doc("largest dropout probability of the model", "0..1")] = UNSET
    environment: Annotated[Json, doc("python, torch, device, host, commit")] = UNSET
    num_classes: Annotated[Whole, doc("classes the labels may name")] = UNSET
    ignore_index: Annotated[Whole, doc("label that the loss leaves out")] = UNSET
    accumulation_steps: Annotated[Whole, doc("micro-steps per optimizer step")] = UNSET
    world_size: Annotated[Whole, doc("processes of the training")] = UNSET
    start_step: Annotated[Whole, doc("first step of this segment")] = UNSET
    step_every: Annotated[Whole, doc("cadence of training_step", "steps")] = UNSET
    grad_every: Annotated[Whole, doc("cadence of gradient_stats", "steps")] = UNSET
    update_every: Annotated[Whole, doc("cadence of param_updates", "steps")] = UNSET
    optimizer_step_count: Annotated[Whole, doc("steps the optimizer's state has seen at the start")] = UNSET
    num_params_with_state: Annotated[Whole, doc("parameters the optimizers keep state for at the start", "tensors")] = (
        UNSET
    )
    scheduler_step_count: Annotated[Whole, doc("steps the scheduler has done at the start")] = UNSET
    parameter_fingerprint: Annotated[Text, doc("fingerprint of all parameters at the start")] = UNSET
    buffer_fingerprint: Annotated[Text, doc("fingerprint of all buffers at the start")] = UNSET
    num_zero_params: Annotated[Whole, doc("trainable matrices that are all zero at the start", "tensors")] = UNSET
    num_constant_params: Annotated[Whole, doc("trainable matrices of one repeated value", "tensors")] = UNSET
    is_sharded: Annotated[Flag, doc("parameters are sharded: norms are of this rank's shards")] = UNSET


class EpochStart(EventData):
    """An epoch begins."""

    event_type = "epoch_start"
    table = "epochs"

    optimizer_state: Annotated[Json, doc("a parameter group each: optimizer_idx, group_idx, lr, betas, ...")] = UNSET


class TrainingStep(EventData):
    """One logged step at its start: the loss, the batch and what the model made of it."""

    event_type = "training_step"
    table = "steps"

    loss: Annotated[Real, doc("the loss backward will start from")] = UNSET
    accuracy: Annotated[Real, doc("share of valid labels predicted", "0..1")] = UNSET
    learning_rate: Annotated[Real, doc("learning rate of the first parameter group")] = UNSET
    learning_rates: Annotated[Json, doc("learning rate of every group, where there are several")] = UNSET
    sample_predictions: Annotated[Json, doc("first ten predictions")] = UNSET
    sample_labels: Annotated[Json, doc("first ten labels")] = UNSET
    target_shape: Annotated[Json, doc("shape of the logits")] = UNSET
    labels_shape: Annotated[Json, doc("shape of the labels")] = UNSET
    num_valid_tokens: Annotated[Whole, doc("labels that are not ignored", "labels")] = UNSET
    batch_idx: Annotated[Whole, doc("batch within the epoch")] = UNSET
    loss_scale: Annotated[Real, doc("scale of the gradient scaler")] = UNSET
    batch_fingerprint: Annotated[Text, doc("fingerprint of the inputs")] = UNSET
    input_dtype: Annotated[Text, doc("dtype of the inputs")] = UNSET
    input_mean: Annotated[Real, doc("mean of floating inputs")] = UNSET
    input_std: Annotated[Real, doc("standard deviation of floating inputs")] = UNSET
    input_abs_max: Annotated[Real, doc("largest finite absolute input")] = UNSET
    input_sample_std: Annotated[Real, doc("mean over features of the standard deviation over samples")] = UNSET
    num_nonfinite_inputs: Annotated[Whole, doc("NaN or infinite inputs", "elements")] = UNSET
    label_min: Annotated[Real, doc("smallest valid label")] = UNSET
    label_max: Annotated[Real, doc("largest valid label")] = UNSET
    label_entropy: Annotated[Real, doc("entropy of the batch's label histogram", "nats")] = UNSET
    label_majority_share: Annotated[Real, doc("share of the most frequent label", "0..1")] = UNSET
    label_variance: Annotated[
        Real, doc("mean over outputs of floating labels' variance over samples: what the best constant answer leaves")
    ] = UNSET
    num_ignored: Annotated[Whole, doc("labels equal to ignore_index", "labels")] = UNSET
    label_input_match: Annotated[
        Real, doc("share of labels equal to the input at the same place", "0..1", close=True)
    ] = UNSET
    label_input_dependence: Annotated[
        Real,
        doc(
            "how much rarer different pairs of input and label are than with labels half a batch away",
            "0..1",
            close=True,
        ),
    ] = UNSET
    output_min: Annotated[Real, doc("smallest finite logit", close=True)] = UNSET
    output_max: Annotated[Real, doc("largest finite logit", close=True)] = UNSET
    output_std: Annotated[Real, doc("standard deviation of the logits", close=True)] = UNSET
    output_sample_std: Annotated[Real, doc("mean over classes of the standard deviation over samples", close=True)] = (
        UNSET
    )
    output_zero_share: Annotated[Real, doc("share of logits that are exactly zero", "0..1", close=True)] = UNSET
    output_width: Annotated[Whole, doc("size of the class dimension")] = UNSET
    num_nonfinite_outputs: Annotated[Whole, doc("NaN or infinite logits", "elements", close=True)] = UNSET
    row_sum_error: Annotated[Real, doc("mean |1 - sum over classes|: near 0 for probabilities", close=True)] = UNSET
    column_sum_error: Annotated[
        Real, doc("mean |1 - sum over the first dimension|: near 0 for a softmax over the batch", close=True)
    ] = UNSET
    top_prediction_share: Annotated[Real, doc("share of the most predicted class", "0..1")] = UNSET
    cross_entropy: Annotated[Real, doc("mean cross entropy of the logits, computed by the probe", "nats")] = UNSET
    mean_squared_error: Annotated[
        Real, doc("mean squared error of the outputs on floating labels of their shape, computed by the probe")
    ] = UNSET
    num_eval_modules: Annotated[
        Whole, doc("dropout and norm modules in eval mode with trainable parameters around")
    ] = UNSET
    num_mode_modules: Annotated[Whole, doc("dropout and norm modules of the model, in whichever mode")] = UNSET
    weight_norm: Annotated[Real, doc("L2 of all trainable parameters at the start of the step", close=True)] = UNSET
    weight_sample_norm: Annotated[
        Real, doc("L2 of about 1,024 entries of each trainable parameter at the start of the step")
    ] = UNSET
    graph_nodes: Annotated[Whole, doc("nodes in the autograd graph of the loss", close=True)] = UNSET
    allocated_bytes: Annotated[Whole, doc("memory held: CUDA allocator, else resident set", "bytes")] = UNSET


class GradientStats(EventData):
    """The gradients of one step, as backward left them: after unscaling, before clipping."""

    event_type = "gradient_stats"
    table = "grads"

    total_norm: Annotated[Real, doc("L2 over all gradients as one vector, before clipping")] = UNSET
    clipped_norm: Annotated[
        Real, doc("the same as the optimizer saw it, after clipping; where the loss or an update is logged")
    ] = UNSET
    entry_norm: Annotated[
        Real, doc("the same when backward was entered: not zero if gradients pile up; where the loss is logged")
    ] = UNSET
    max_grad: Annotated[Real, doc("largest finite absolute entry; where the gradients are fingerprinted")] = UNSET
    min_grad: Annotated[Real, doc("smallest absolute entry; where the gradients are fingerprinted")] = UNSET
    num_params_with_grad: Annotated[Whole, doc("trainable parameters that have a gradient", "tensors")] = UNSET
    num_params_total: Annotated[Whole, doc("trainable parameters", "tensors")] = UNSET
    num_zero_grad: Annotated[Whole, doc("gradients that are zero in every entry", "tensors")] = UNSET
    num_nonfinite: Annotated[Whole, doc("gradients with a NaN or infinite entry", "tensors")] = UNSET
    first_nonfinite_param: Annotated[Text, doc("first such parameter in model order")] = UNSET
    first_param_norm: Annotated[Real, doc("L2 of the gradient of the first trainable matrix in model order")] = UNSET
    last_param_norm: Annotated[Real, doc("L2 of the gradient of the last trainable matrix in model order")] = UNSET
    gradient_fingerprint: Annotated[Text, doc("fingerprint of all gradients, before clipping; every 500 steps")] = UNSET
    loss_scale: Annotated[Real, doc("scale that was divided out")] = UNSET
    loss_gradient: Annotated[
        Real, doc("what backward started from at the logged loss: 1, the loss scale, 1 / accumulation_steps")
    ] = UNSET
    top_10_grad_norms: Annotated[PerParam, doc("the ten largest gradients: L2 by parameter")] = UNSET
    bottom_10_grad_norms: Annotated[PerParam, doc("the ten smallest gradients: L2 by parameter")] = UNSET


class ParamUpdates(EventData):
    """What one optimizer step changed.

    Of a parameter with 8,192 numbers or more 4,096 are looked at, in blocks spread over it, and stand for the others;
    `weight_norm` and what is not finite come from all numbers.
    """

    event_type = "param_updates"
    table = "param_updates"

    num_params_updated: Annotated[Whole, doc("trainable parameters of which an entry changed", "tensors")] = UNSET
    num_params_total: Annotated[Whole, doc("trainable parameters", "tensors")] = UNSET
    no_updates: Annotated[Flag, doc("nothing changed at all")] = UNSET
    update_norm: Annotated[Real, doc("L2 of the whole change")] = UNSET
    weight_norm: Annotated[Real, doc("L2 of all trainable parameters before the step")] = UNSET
    update_ratio: Annotated[Real, doc("update_norm / weight_norm")] = UNSET
    share_entries_changed: Annotated[Real, doc("share of the entries with a gradient that changed", "0..1")] = UNSET
    decay_norm: Annotated[Real, doc("L2 of the part that weight decay explains: lr * weight_decay * weights")] = UNSET
    update_gradient_cosine: Annotated[Real, doc("cosine between the change and minus the gradient", "-1..1")] = UNSET
    num_nonfinite_params: Annotated[Whole, doc("parameters with a NaN or infinite entry after it", "tensors")] = UNSET
    first_nonfinite_param: Annotated[Text, doc("first such parameter in model order")] = UNSET
    parameter_fingerprint: Annotated[Text, doc("fingerprint of all parameters after the step; every 500 steps")] = UNSET
    buffer_fingerprint: Annotated[Text, doc("fingerprint of all buffers after the step")] = UNSET
    top_10_param_changes: Annotated[PerParam, doc("the ten largest changes: mean absolute change by parameter")] = UNSET
    top_10_update_ratios: Annotated[PerParam, doc("the ten largest update ratios by parameter")] = UNSET


class DataSanityCheck(EventData):
    """The labels of the first batch against the number of classes."""

    event_type = "data_sanity_check"
    table = "sanity"

    label_min: Annotated[Real, doc("smallest valid label")] = UNSET
    label_max: Annotated[Real, doc("largest valid label")] = UNSET
    expected_max: Annotated[Whole, doc("num_classes - 1")] = UNSET
    labels_valid: Annotated[Flag, doc("every label lies in 0..expected_max")] = UNSET
    num_out_of_range: Annotated[Whole, doc("valid labels outside it", "labels")] = UNSET
    num_valid: Annotated[Whole, doc("labels that are not ignored", "labels")] = UNSET
    num_ignored: Annotated[Whole, doc("labels equal to ignore_index", "labels")] = UNSET
    label_entropy: Annotated[Real, doc("entropy of the label histogram", "nats")] = UNSET


class Wiring(EventData):
    """What the loss reaches, what the model owns, what the optimizer holds: one walk at the first step."""

    event_type = "wiring"
    table = "wiring"

    loss_is_leaf: Annotated[Flag, doc("the loss was made anew and has no history")] = UNSET
    loss_function: Annotated[Text, doc("name of the loss's last autograd node")] = UNSET
    graph_nodes: Annotated[Whole, doc("nodes in the autograd graph of the loss")] = UNSET
    may_hide_leaves: Annotated[Flag, doc("the graph holds nodes that hide leaves, such as re-entrant checkpoints")] = (
        UNSET
    )
    num_model_params: Annotated[Whole, doc("parameters of the model", "tensors")] = UNSET
    num_trainable: Annotated[Whole, doc("of these, with requires_grad", "tensors")] = UNSET
    num_in_optimizer: Annotated[Whole, doc("parameters the optimizers hold", "tensors")] = UNSET
    num_reached: Annotated[Whole, doc("leaves the loss reaches", "tensors")] = UNSET
    num_trainable_not_in_optimizer: Annotated[Whole, doc("trainable, held by no optimizer", "tensors")] = UNSET
    num_optimizer_not_in_model: Annotated[Whole, doc("held by an optimizer, not the model's", "tensors")] = UNSET
    num_optimizer_same_shape: Annotated[Whole, doc("of these, shaped like a parameter of the model", "tensors")] = UNSET
    num_reached_not_in_model: Annotated[Whole, doc("reached by the loss, not the model's", "tensors")] = UNSET
    num_reached_not_in_optimizer: Annotated[Whole, doc("reached by the loss, in no optimizer", "tensors")] = UNSET
    num_trainable_not_reached: Annotated[Whole, doc("trainable, not reached by the loss", "tensors")] = UNSET
    num_not_reached_used: Annotated[Whole, doc("of these, in a module whose forward did run", "tensors")] = UNSET
    num_frozen: Annotated[Whole, doc("without requires_grad", "tensors")] = UNSET
    num_frozen_in_optimizer: Annotated[Whole, doc("frozen and yet held by an optimizer", "tensors")] = UNSET
    num_scheduler_mismatch: Annotated[Whole, doc("schedulers that drive an optimizer not given")] = UNSET
    trainable_not_in_optimizer: Annotated[Json, doc("names of the first ten")] = UNSET
    trainable_not_reached: Annotated[Json, doc("names of the first ten")] = UNSET
    last_used_module: Annotated[Text, doc("last module that ran and that the loss does not reach")] = UNSET
    param_dtypes: Annotated[Json, doc("number of trainable tensors by dtype")] = UNSET


class Loop(EventData):
    """The order and duration of what happened from one `training_step` call to the next."""

    event_type = "loop"
    table = "loops"

    call_order: Annotated[
        Text, doc("F training_step, B backward, S optimizer step, Z zero_grad, L scheduler, U unscale; 64 at most")
    ] = UNSET
    num_backward: Annotated[Whole, doc("backward passes of the logged loss")] = UNSET
    num_zero_grad: Annotated[Whole, doc("zero_grad calls")] = UNSET
    num_optimizer_steps: Annotated[Whole, doc("optimizer steps that ran")] = UNSET
    in_closure: Annotated[Flag, doc("the optimizer was given a closure, which runs forward and backward")] = UNSET
    num_scheduler_steps: Annotated[Whole, doc("scheduler steps")] = UNSET
    num_skipped_steps: Annotated[Whole, doc("steps the gradient scaler skipped, since the start")] = UNSET
    num_total_backward: Annotated[Whole, doc("backward passes since the start")] = UNSET
    num_total_zero_grad: Annotated[Whole, doc("zero_grad calls since the start")] = UNSET
    num_total_optimizer_steps: Annotated[Whole, doc("optimizer steps since the start")] = UNSET
    num_total_scheduler_steps: Annotated[Whole, doc("scheduler steps since the start")] = UNSET
    step_seconds: Annotated[Real, doc("from one training_step call to the next", "seconds")] = UNSET
    data_seconds: Annotated[Real, doc("of it, between the end of the step and the next forward", "seconds")] = UNSET
    forward_seconds: Annotated[Real, doc("of it, from the forward's entry to the next call", "seconds")] = UNSET
    backward_seconds: Annotated[Real, doc("of it, in backward; host time", "seconds")] = UNSET
    optimizer_seconds: Annotated[Real, doc("of it, in the optimizer; host time", "seconds")] = UNSET
    logger_seconds: Annotated[Real, doc("of it, in this logger", "seconds")] = UNSET
    peak_bytes: Annotated[Whole, doc("peak memory: CUDA allocator, else resident set", "bytes")] = UNSET


class ModuleActivation(msgspec.Struct, kw_only=True):
    """The output of one module over a window of sampled steps: its first rows, 2^16 numbers, 2^14 for spread."""

    forward_idx: Annotated[Whole, doc("order of its forward")] = UNSET
    type: Annotated[Text, doc("class of the module")] = UNSET
    std: Annotated[Real, doc("standard deviation of the first 2^14 outputs, in whole rows")] = UNSET
    abs_max: Annotated[Real, doc("largest finite absolute output of the first 2^16, in whole rows")] = UNSET
    inactive_share: Annotated[Real, doc("share of units zero in all these rows of the window", "0..1")] = UNSET
    input_inactive_share: Annotated[Real, doc("the same of its input, where another module made it", "0..1")] = UNSET
    saturated_share: Annotated[Real, doc("share of them at the flat ends of tanh or sigmoid", "0..1")] = UNSET
    num_nonfinite: Annotated[Whole, doc("NaN or infinite ones of these outputs", "elements")] = UNSET


class Activations(EventData):
    """The outputs of the model's modules, in the first steps and then rarely."""

    event_type = "activations"
    table = "activations"

    modules: Annotated[dict[str, ModuleActivation] | UnsetType | None, doc("facts by module name")] = UNSET


class Validation(EventData):
    """One validation, at the user's call; every other metric is kept as the user named it."""

    event_type = "validation"
    table = "validations"

    loss: Annotated[Real, doc("validation loss")] = UNSET
    accuracy: Annotated[Real, doc("validation accuracy", "0..1")] = UNSET
    num_forwards: Annotated[Whole, doc("forward passes without gradient since the last validation")] = UNSET
    num_train_mode_forwards: Annotated[Whole, doc("of these, with dropout or norm modules in train mode")] = UNSET
    overlap_share: Annotated[Real, doc("share of its samples also seen in training", "0..1")] = UNSET
    input_mean: Annotated[Real, doc("mean of floating validation inputs")] = UNSET
    input_std: Annotated[Real, doc("standard deviation of floating validation inputs")] = UNSET


class FitEnd(EventData):
    """The training ends, by itself or not."""

    event_type = "fit_end"
    table = "fit_ends"

    status: Annotated[Text, doc("completed, failed or interrupted")] = UNSET
    error: Annotated[Text, doc("what ended it, if something did")] = UNSET
    steps: Annotated[Whole, doc("steps of this segment", "steps")] = UNSET
    seconds: Annotated[Real, doc("wall time of this segment", "seconds")] = UNSET
    logger_seconds: Annotated[Real, doc("of it, in this logger", "seconds")] = UNSET


class LoggerError(EventData):
    """The logger failed somewhere; the training did not notice."""

    event_type = "logger_error"
    table = "logger_errors"

    part: Annotated[Text, doc("probe or part that failed and is off from now")] = UNSET
    error: Annotated[Text, doc("what it raised")] = UNSET
    num_lost: Annotated[Whole, doc("events that could not be written", "events")] = UNSET


EVENT_TYPES: dict[str, type[EventData]] = {kind.event_type: kind for kind in EventData.__subclasses__()}

ALIASES: dict[str, tuple[str, ...]] = {
    "accuracy": ("acc",),
    "learning_rate": ("lr",),
    "total_norm": ("grad_norm",),
    "loss": ("loss_total", "loss_ce"),
}
"""Names that others' logs use for a field of ours, the first found wins."""

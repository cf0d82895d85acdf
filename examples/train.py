"""Train a small causal transformer over codec tokens; the training loop of the README, whole.

The log is written below `--debug_log_dir`; `debugstore report FILE` reads it. `--no-enable_debug_logger` goes without.
With no data given it builds a real token set from text that every Python ships, so it runs on a fresh machine:

    python examples/train.py
    python examples/train.py --lr 1                      # a thousand times too high: see what the report says
    python examples/train.py --resume ckpt/last.pt --epochs 4

Own data: `--datadir D --metapath train.json --val_metapath val.json`, where each metadata file is a JSON list of token
files below D, and a token file holds one sequence of integers in 0..n_codes-1 as `.npy`, `.pt` or `.json`.
"""

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger

BYTES = 256


class Block(nn.Module):
    """One layer: causal attention, then a feed-forward net, each normalised before and added."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(width)
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, width) to the same shape."""
        batch, length, width = x.shape
        parts = self.attention_in(self.attention_norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.feed(self.feed_norm(x))


class CodecTransformer(nn.Module):
    """Predict the next of `n_codes` tokens at every place."""

    def __init__(self, *, n_codes: int, length: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(n_codes, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*[Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_codes)
        for module in self.modules():
            if isinstance(module, nn.Embedding | nn.Linear):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T) tokens to (B, T, n_codes) logits."""
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits


def tokens_of_topics(n_codes: int) -> tuple[Tensor, Tensor]:
    """Tokenise Python's own help texts: bytes, and a code for each of the most frequent words.

    Every tenth topic is kept for validation; the words are counted on the others.
    """
    from pydoc_data.topics import topics

    if n_codes < BYTES:
        raise SystemExit(f"the built-in text needs --n_codes of at least {BYTES}, got {n_codes}")
    texts = [re.findall(r" ?\w+|\s+|[^\w\s]", text) for _, text in sorted(topics.items())]
    held_out = [index % 10 == 9 for index in range(len(texts))]
    counts = Counter(word for text, out in zip(texts, held_out, strict=True) if not out for word in text)
    words = [word for word, _ in counts.most_common() if len(word) > 1][: n_codes - BYTES]
    codes = {word: BYTES + index for index, word in enumerate(words)}

    def encode(out: bool) -> Tensor:
        chosen = [word for text, is_out in zip(texts, held_out, strict=True) if is_out is out for word in text]
        return torch.tensor([code for word in chosen for code in ([codes[word]] if word in codes else word.encode())])

    return encode(False), encode(True)


def tokens_of_files(datadir: Path, metapath: Path, n_codes: int) -> Tensor:
    """Read the token files that a metadata file lists, joined in its order."""
    listed = metapath if metapath.exists() else datadir / metapath
    parts = [_token_file(datadir / name) for name in json.loads(listed.read_text())]
    if not parts:
        raise SystemExit(f"{listed} lists no token file")
    tokens = torch.cat(parts).long()
    if tokens.min() < 0 or tokens.max() >= n_codes:
        raise SystemExit(f"tokens of {listed} span {tokens.min()}..{tokens.max()}, outside 0..{n_codes - 1}")
    return tokens


def _token_file(path: Path) -> Tensor:
    if path.suffix == ".npy":
        import numpy

        return torch.from_numpy(numpy.load(path)).flatten()
    if path.suffix == ".pt":
        loaded: Tensor = torch.load(path, weights_only=True)
        return loaded.flatten()
    return torch.tensor(json.loads(path.read_text())).flatten()


def windows(tokens: Tensor, length: int) -> Tensor:
    """Cut a token sequence into (N, length + 1) windows that share one token, the rest left out."""
    if len(tokens) <= length:
        raise SystemExit(f"{len(tokens)} tokens are too few for one window of {length + 1}")
    return tokens.unfold(0, length + 1, length)


def batches(data: Tensor, size: int, seed: int, skip: int = 0) -> Iterator[Tensor]:
    """Yield the full batches of one epoch in the order that `seed` shuffles them into, `skip` of them left out."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    for start in range(skip * size, len(data) - size + 1, size):
        yield data[order[start : start + size]]


def schedule(step: int, warmup: int, total: int) -> float:
    """Return the share of the peak learning rate: a linear warm-up, then a cosine down to a tenth."""
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return 0.1 + 0.45 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def validate(model: nn.Module, data: Tensor, size: int, device: torch.device) -> tuple[float, float]:
    """Return mean loss and accuracy over the validation windows."""
    model.eval()
    loss, right, count = 0.0, 0, 0
    for start in range(0, len(data), size):
        batch = data[start : start + size].to(device)
        inputs, labels = batch[:, :-1], batch[:, 1:].reshape(-1)
        logits = model(inputs).flatten(0, 1)
        loss += functional.cross_entropy(logits, labels, reduction="sum").item()
        right += int((logits.argmax(1) == labels).sum())
        count += len(labels)
    model.train()
    return loss / count, right / count


def train(args: argparse.Namespace) -> None:
    """Train from the start or from a checkpoint, and leave `last.pt` behind."""
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(args.seed)
    data, val_data = (windows(tokens, args.length) for tokens in load_tokens(args))
    steps_per_epoch = len(data) // args.batch_size
    total_steps = args.steps or args.epochs * steps_per_epoch
    end = total_steps if args.stop_after is None else min(total_steps, args.stop_after)

    shape = {name: getattr(args, name) for name in ("n_codes", "length", "width", "layers", "heads", "dropout")}
    model = CodecTransformer(**shape).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: schedule(step, args.warmup_steps, total_steps)
    )
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    saved = restore(args.resume, parts, device) if args.resume else {}
    step, run_id = saved.get("step", 0), saved.get("run_id")
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{size:,} parameters, {data.numel():,} tokens, {total_steps} steps, on {device}", flush=True)

    with DebugLogger(
        model,
        optimizer,
        log_dir=args.debug_log_dir,
        run_name=args.run_name,
        run_id=run_id,
        config=vars(args),
        num_classes=args.n_codes,
        scheduler=scheduler,
        total_steps=total_steps,
        start_step=step,
        enabled=args.enable_debug_logger,
    ) as log:
        first_epoch, done = divmod(step, steps_per_epoch)
        for epoch in range(first_epoch, math.ceil(end / steps_per_epoch)):
            log.epoch_start(epoch)
            for batch in batches(data, args.batch_size, args.seed + epoch, skip=done):
                if step >= end:
                    break
                inputs, labels = batch[:, :-1].to(device), batch[:, 1:].reshape(-1).to(device)
                logits = model(inputs).flatten(0, 1)
                loss = functional.cross_entropy(logits, labels)
                log.training_step(loss, logits=logits, labels=labels, inputs=inputs)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
                optimizer.step()
                optimizer.zero_grad()
                scheduler.step()
                if step % args.print_every == 0:
                    accuracy = (logits.argmax(1) == labels).float().mean().item()
                    print(f"step {step:5}  loss {loss.item():.4f}  accuracy {accuracy:.3f}", flush=True)
                step += 1
            done = 0
            val_loss, val_accuracy = validate(model, val_data, args.batch_size, device)
            log.validation(loss=val_loss, accuracy=val_accuracy)
            print(f"epoch {epoch}  validation loss {val_loss:.4f}  accuracy {val_accuracy:.3f}", flush=True)
            save(args.saving_path / "last.pt", parts, step=step, run_id=log.run_id)


def load_tokens(args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """Return the tokens to train on and those to validate on."""
    if args.datadir is None:
        return tokens_of_topics(args.n_codes)
    train_tokens, val_tokens = (
        tokens_of_files(args.datadir, path, args.n_codes) for path in (args.metapath, args.val_metapath)
    )
    return train_tokens, val_tokens


def save(path: Path, parts: dict[str, Any], **facts: Any) -> None:
    """Write a checkpoint: all that a resumed training needs to go on as if it had never stopped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {name: part.state_dict() for name, part in parts.items()}
    torch.save({**states, "random": torch.get_rng_state(), **facts}, path)


def restore(path: Path, parts: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Load a checkpoint into the given parts; return its facts."""
    saved: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(saved.pop(name))
    torch.set_rng_state(saved.pop("random").cpu())
    return saved


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_argument_group("data")
    data.add_argument("--datadir", type=Path, help="folder of token files; none: Python's own help texts")
    data.add_argument("--metapath", type=Path, default=Path("train.json"), help="JSON list of token files")
    data.add_argument("--val_metapath", type=Path, default=Path("val.json"), help="the same for validation")
    data.add_argument("--n_codes", type=int, default=1024, help="size of the codebook")
    data.add_argument("--length", type=int, default=64, help="tokens in a window")
    model = parser.add_argument_group("model")
    model.add_argument("--width", type=int, default=128)
    model.add_argument("--layers", type=int, default=4)
    model.add_argument("--heads", type=int, default=4)
    model.add_argument("--dropout", type=float, default=0.1)
    loop = parser.add_argument_group("training")
    loop.add_argument("--epochs", type=int, default=2)
    loop.add_argument("--steps", type=int, help="optimizer steps in all, instead of epochs")
    loop.add_argument("--stop_after", type=int, help="stop at this step all the same, to be resumed")
    loop.add_argument("--batch_size", type=int, default=16)
    loop.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    loop.add_argument("--warmup_steps", type=int, default=40)
    loop.add_argument("--weight_decay", type=float, default=0.01)
    loop.add_argument("--clip", type=float, default=1.0, help="largest gradient norm")
    loop.add_argument("--seed", type=int, default=0)
    loop.add_argument("--device", help="cpu, cuda, ...; default: cuda where there is one")
    loop.add_argument("--print_every", type=int, default=20)
    loop.add_argument("--saving_path", type=Path, default=Path("ckpt"), help="folder for checkpoints")
    loop.add_argument("--resume", type=Path, help="checkpoint to go on from")
    debug = parser.add_argument_group("debug log")
    debug.add_argument("--enable_debug_logger", action=argparse.BooleanOptionalAction, default=True)
    debug.add_argument("--debug_log_dir", type=Path, default=Path("logs/debug"))
    debug.add_argument("--run_name", help="name of the run in the log")
    return parser.parse_args()


if __name__ == "__main__":
    train(arguments())

"""A training with a mistake in it, the one that docs/tutorial.md finds: a network that guesses the next character.

python examples/tutorial.py --run_name first
"""

import argparse
import pydoc_data.topics

import torch
from torch import nn
from torch.nn import functional

from debugstore import DebugLogger

STEPS, BATCH, LENGTH, WIDTH = 150, 32, 32, 96


class NextCharacter(nn.Module):
    """(N, T) characters to (N, T, C) scores of the character that follows each."""

    def __init__(self, num_characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_characters, WIDTH)
        self.memory = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, num_characters)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.memory(self.embedding(characters))
        return self.head(hidden).softmax(dim=-1)


def main() -> None:
    """Train on the text of Python's own help pages and write a debug log."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_name", required=True)
    parser.add_argument("--debug_log_dir", default="logs/debug")
    args = parser.parse_args()

    torch.manual_seed(0)
    text = "".join(pydoc_data.topics.topics.values())
    alphabet = sorted(set(text))
    data = torch.tensor([alphabet.index(character) for character in text])
    model = NextCharacter(len(alphabet))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

    with DebugLogger(
        model,
        optimizer,
        log_dir=args.debug_log_dir,
        run_name=args.run_name,
        run_id=args.run_name,
        config={"lr": 3e-3, "batch_size": BATCH},
        num_classes=len(alphabet),
        total_steps=STEPS,
    ) as log:
        for step in range(STEPS):
            starts = torch.randint(len(data) - LENGTH - 1, (BATCH, 1))
            window = data[starts + torch.arange(LENGTH + 1)]
            x, y = window[:, :-1], window[:, 1:]
            logits = model(x)
            loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % 25 == 0 or step == STEPS - 1:
                print(f"step {step:3d}  loss {loss.item():.3f}")


if __name__ == "__main__":
    main()

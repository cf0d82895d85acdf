"""The models: each is a body that makes features and a linear head, so that a fault can cut between them."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Net(nn.Module):
    """A head on a body."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x))
        return out


class Block(nn.Module):
    """One pre-norm transformer block with causal attention."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        samples, length, width = x.shape
        parts = self.attention(self.norm(x)).view(samples, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        x = x + self.projection(mixed.transpose(1, 2).reshape(samples, length, width))
        return x + self.mlp(x)


class CausalBody(nn.Module):
    """Token and position embeddings and blocks: (N, T) ids to (N, T, width)."""

    def __init__(self, vocabulary: int, length: int, width: int = 32, depth: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        nn.init.normal_(self.tokens.weight, std=0.1)
        nn.init.normal_(self.positions.weight, std=0.1)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, 2, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        embedded = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        out: Tensor = self.norm(self.blocks(self.dropout(embedded)))
        return out


class RecurrentBody(nn.Module):
    """An LSTM's mean output over a text: (N, T) ids to (N, width)."""

    def __init__(self, vocabulary: int, width: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, 16)
        self.recurrent = nn.LSTM(16, width, batch_first=True)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.recurrent(self.tokens(x))
        out: Tensor = self.dropout(outputs.mean(1))
        return out


def mlp(inputs: int, outputs: int, width: int, act: type[nn.Module], dropout: float = 0.0) -> Net:
    """Return two hidden layers and a head."""
    body = nn.Sequential(nn.Linear(inputs, width), act(), nn.Dropout(dropout), nn.Linear(width, width), act())
    return Net(body, nn.Linear(width, outputs))


def cnn(outputs: int) -> Net:
    """Return two convolutions with batch norm over (N, 1, 8, 8) images."""
    body = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, stride=2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.1),
    )
    return Net(body, nn.Linear(256, outputs))


def completer(outputs: int) -> Net:
    """Return two convolutions and a hidden layer over (N, 1, 4, 8) half images."""
    body = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.GELU(),
        nn.Dropout(0.1),
    )
    return Net(body, nn.Linear(64, outputs))

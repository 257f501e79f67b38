"""DCGAN as a PyTorch user writes it, and its training step."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jaxdl.interop.torch_twins.classifiers import side_after_convs


class Generator(nn.Module):
    """1024 - ReLU - norm - 7x7x128 - ReLU - norm - two transposed convolutions - tanh."""

    def __init__(
        self, noise: int, shape: tuple[int, int, int], hidden: int, features: tuple[int, int]
    ) -> None:
        super().__init__()
        height, width, channels = shape
        self.start = (features[0], height // 4, width // 4)
        wide = features[0] * (height // 4) * (width // 4)
        self.fc1 = nn.Linear(noise, hidden)
        self.norm1 = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, wide)
        self.norm2 = nn.BatchNorm1d(wide)
        self.up1 = nn.ConvTranspose2d(features[0], features[1], 4, 2, 1)
        self.norm3 = nn.BatchNorm2d(features[1])
        self.up2 = nn.ConvTranspose2d(features[1], channels, 4, 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.norm1(F.relu(self.fc1(z)))
        x = self.norm2(F.relu(self.fc2(x))).view(-1, *self.start)
        x = self.norm3(F.relu(self.up1(x)))
        return torch.tanh(self.up2(x))


class Discriminator(nn.Module):
    """conv 32 (5) - leaky - pool - conv 64 (5) - leaky - pool - linear - leaky - 1."""

    def __init__(
        self, shape: tuple[int, int, int], features: tuple[int, int], slope: float = 0.01
    ) -> None:
        super().__init__()
        height, width, channels = shape
        flat = features[1] * side_after_convs(height) * side_after_convs(width)
        self.slope = slope
        self.conv1 = nn.Conv2d(channels, features[0], 5)
        self.conv2 = nn.Conv2d(features[0], features[1], 5)
        self.fc = nn.Linear(flat, flat)
        self.out = nn.Linear(flat, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.leaky_relu(self.conv1(x), self.slope), 2)
        x = F.max_pool2d(F.leaky_relu(self.conv2(x), self.slope), 2)
        x = F.leaky_relu(self.fc(x.flatten(1)), self.slope)
        return self.out(x)[:, 0]


def discriminator_loss(g: Any, d: Any, real: Tensor, noise: Tensor) -> Tensor:
    """-log sigmoid(D(x)) - log(1 - sigmoid(D(G(z)))), the mean."""
    fake = g(noise).detach()
    return F.softplus(-d(real)).mean() + F.softplus(d(fake)).mean()


def generator_loss(g: Any, d: Any, noise: Tensor) -> Tensor:
    """-log sigmoid(D(G(z))), the mean."""
    return F.softplus(-d(g(noise))).mean()


def step(
    networks: tuple[Any, Any], optimizers: tuple[Any, Any], real: Tensor, noises: Any
) -> tuple[Tensor, Tensor]:
    """One update of D, then one of G; the losses before them. Networks and optimizers: G, D."""
    losses = (
        lambda: discriminator_loss(*networks, real, noises[0]),
        lambda: generator_loss(*networks, noises[1]),
    )
    seen = []
    for loss_of, optimizer in zip(losses, reversed(optimizers), strict=True):
        loss = loss_of()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        seen.append(loss.detach())
    return seen[0], seen[1]

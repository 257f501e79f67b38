"""Networks with a class for each pixel as a PyTorch user writes them: -> (B, num_classes, H, W)."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNorm(nn.Module):
    """conv(3, p1) - norm - ReLU."""

    def __init__(self, inputs: int, features: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, features, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class DoubleConv(nn.Module):
    """Two of them."""

    def __init__(self, inputs: int, features: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, features, stride)
        self.conv2 = ConvNorm(features, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x))


class Enlarge(nn.Module):
    """Twice the size, then conv(3, p1)."""

    def __init__(self, inputs: int, features: int, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self.conv = nn.Conv2d(inputs, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2, mode=self.mode))


class UNet(nn.Module):
    """Down by pools, up again beside what was seen on the way."""

    def __init__(
        self,
        num_classes: int,
        *,
        channels: int = 3,
        widths: tuple[int, ...] = (64, 128, 256, 512, 1024),
        up: str = "bilinear",
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        self.depth = len(widths)
        for i, (before, width) in enumerate(zip((channels, *widths), widths, strict=False), 1):
            down = DoubleConv(before, width, stem_stride if i == 1 else 1)
            self.add_module(f"down{i}", down)
        for i, (width, below) in enumerate(itertools.pairwise(widths), 1):
            self.add_module(f"enlarge{i}", Enlarge(below, width, up))
            self.add_module(f"up{i}", DoubleConv(2 * width, width))
        self.head = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        size, seen = x.shape[2:], []
        for i in range(1, self.depth + 1):
            x = self.get_submodule(f"down{i}")(x if i == 1 else F.max_pool2d(x, 2))
            seen.append(x)
        for i in range(self.depth - 1, 0, -1):
            own = seen[i - 1]
            x = self.get_submodule(f"enlarge{i}")(x)
            more = [own.shape[3] - x.shape[3], own.shape[2] - x.shape[2]]
            x = F.pad(x, [0, more[0], 0, more[1]], mode="replicate")
            x = self.get_submodule(f"up{i}")(torch.cat([own, x], dim=1))
        x = self.head(x)
        return x if x.shape[2:] == size else F.interpolate(x, size, mode="bilinear")

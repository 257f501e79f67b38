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


class Twice(nn.Module):
    """A transposed 4x4 convolution without bias; its weight is that of the convolution it turns."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features, features, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2, padding=1)


class FCN(nn.Module):
    """VGG's stages, two convolutions, classes; finer pools are added down to a stride."""

    def __init__(
        self,
        num_classes: int,
        *,
        channels: int = 3,
        stride: int = 8,
        blocks: tuple[int, ...] = (2, 2, 3, 3, 3),
        filters: tuple[int, ...] = (64, 128, 256, 512, 512),
        hidden: int = 4096,
    ) -> None:
        super().__init__()
        self.blocks, self.stride, self.backbone = blocks, stride, nn.Module()
        for level, (count, width) in enumerate(zip(blocks, filters, strict=True), 1):
            for i in range(1, count + 1):
                conv = nn.Conv2d(channels, width, 3, padding=1)
                self.backbone.add_module(f"conv{level}_{i}", conv)
                channels = width
        self.conv6 = nn.Conv2d(channels, hidden, 7, padding=3)
        self.conv7 = nn.Conv2d(hidden, hidden, 1)
        self.score32 = nn.Conv2d(hidden, num_classes, 1)
        for finer, level in ((16, 4), (8, 3)):
            if finer >= stride:
                score = nn.Conv2d(filters[level - 1], num_classes, 1)
                self.add_module(f"score{finer}", score)
                self.add_module(f"enlarge{finer}", Twice(num_classes))

    def forward(self, x: Tensor) -> Tensor:
        size, pools = x.shape[2:], []
        for level, count in enumerate(self.blocks, 1):
            for i in range(1, count + 1):
                x = F.relu(self.backbone.get_submodule(f"conv{level}_{i}")(x))
            x = F.max_pool2d(x, 2)
            pools.append(x)
        x = self.score32(F.relu(self.conv7(F.relu(self.conv6(x)))))
        for finer, level in ((16, 4), (8, 3)):
            if finer >= self.stride:
                own = self.get_submodule(f"score{finer}")(pools[level - 1])
                x = self.get_submodule(f"enlarge{finer}")(x)
                more = [own.shape[3] - x.shape[3], own.shape[2] - x.shape[2]]
                x = own + F.pad(x, [0, more[0], 0, more[1]], mode="replicate")
        return F.interpolate(x, size, mode="bilinear")

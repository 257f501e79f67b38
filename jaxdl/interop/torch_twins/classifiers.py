"""Image classifiers as a PyTorch user writes them: (B, C, H, W) -> logits (B, num_classes)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def side_after_convs(side: int) -> int:
    """Of an image after two 5x5 convolutions without padding, each with a 2x2 pool."""
    return ((side - 4) // 2 - 4) // 2


class MLP(nn.Sequential):
    """(linear - ReLU) for every hidden width, then a linear layer."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], num_classes: int) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        for width in hidden:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        super().__init__(*layers, nn.Linear(inputs, num_classes))


class LeNet(nn.Module):
    """conv(5, p2) - ReLU - pool, twice, then linear - ReLU - linear, for square images."""

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 1,
        size: int = 28,
        filters: tuple[int, int] = (20, 50),
        hidden: int = 500,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters[0], 5, padding=2)
        self.conv2 = nn.Conv2d(filters[0], filters[1], 5, padding=2)
        self.fc1 = nn.Linear(filters[1] * (size // 4) ** 2, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class CIFARConvNet(nn.Module):
    """[conv(5, p2) - pool] three times, two linear layers, for square images."""

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 3,
        size: int = 32,
        filters: tuple[int, int, int] = (32, 32, 64),
        hidden: int = 64,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters[0], 5, padding=2)
        self.conv2 = nn.Conv2d(filters[0], filters[1], 5, padding=2)
        self.conv3 = nn.Conv2d(filters[1], filters[2], 5, padding=2)
        self.fc1 = nn.Linear(filters[2] * (size // 8) ** 2, hidden)
        self.head = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(conv(x), 2)
        return self.head(self.fc1(x.flatten(1)))


class DeepConvNet(nn.Module):
    """[3x3 conv - (norm) - ReLU - (2x2 pool)] for every filter count, then a linear layer."""

    def __init__(
        self,
        num_classes: int,
        *,
        channels: int,
        size: int,
        filters: tuple[int, ...],
        pools: tuple[int, ...],
        batch_norm: bool,
    ) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {}
        for i, features in enumerate(filters, 1):
            layers[f"conv{i}"] = nn.Conv2d(channels, features, 3, padding=1, bias=not batch_norm)
            if batch_norm:
                layers[f"norm{i}"] = nn.BatchNorm2d(features)
            layers[f"relu{i}"] = nn.ReLU()
            if i in pools:
                layers[f"pool{i}"] = nn.MaxPool2d(2)
            channels = features
        self.features = nn.Sequential(OrderedDict(layers))
        side = size // 2 ** len(set(pools) & set(range(1, len(filters) + 1)))
        self.width = channels * side**2
        self.head = nn.Linear(self.width, num_classes) if num_classes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


class InceptionA(nn.Module):
    """Four branches side by side: 1x1; 1x1 - 5x5; 1x1 - 3x3 - 3x3; 3x3 mean - 1x1."""

    def __init__(self, inputs: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(inputs, narrow, 1)
        self.five1 = nn.Conv2d(inputs, narrow, 1)
        self.five2 = nn.Conv2d(narrow, wide, 5, padding=2)
        self.three1 = nn.Conv2d(inputs, narrow, 1)
        self.three2 = nn.Conv2d(narrow, wide, 3, padding=1)
        self.three3 = nn.Conv2d(wide, wide, 3, padding=1)
        self.pool2 = nn.Conv2d(inputs, wide, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.five2(self.five1(x))
        three = self.three3(self.three2(self.three1(x)))
        pool = self.pool2(F.avg_pool2d(x, 3, stride=1, padding=1))
        return torch.cat([self.one(x), five, three, pool], dim=1)


class MNISTInception(nn.Module):
    """[conv(5) - pool - ReLU - inception] twice, then a linear layer, for square images."""

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 1,
        size: int = 28,
        filters: tuple[int, int] = (10, 20),
        narrow: int = 16,
        wide: int = 24,
    ) -> None:
        super().__init__()
        joined = narrow + 3 * wide
        self.conv1 = nn.Conv2d(channels, filters[0], 5)
        self.inception1 = InceptionA(filters[0], narrow, wide)
        self.conv2 = nn.Conv2d(joined, filters[1], 5)
        self.inception2 = InceptionA(filters[1], narrow, wide)
        self.head = nn.Linear(joined * side_after_convs(size) ** 2, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inception1(F.relu(F.max_pool2d(self.conv1(x), 2)))
        x = self.inception2(F.relu(F.max_pool2d(self.conv2(x), 2)))
        return self.head(x.flatten(1))


class PlainResidualBlock(nn.Module):
    """ReLU(x + conv(ReLU(conv(x)))), 3x3 with bias."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class MNISTResidual(nn.Module):
    """[conv(5) - ReLU - pool - residual block] twice, then a linear layer, for square images."""

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 1,
        size: int = 28,
        filters: tuple[int, int] = (16, 32),
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters[0], 5)
        self.block1 = PlainResidualBlock(filters[0])
        self.conv2 = nn.Conv2d(filters[0], filters[1], 5)
        self.block2 = PlainResidualBlock(filters[1])
        self.head = nn.Linear(filters[1] * side_after_convs(size) ** 2, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(F.max_pool2d(F.relu(self.conv1(x)), 2))
        x = self.block2(F.max_pool2d(F.relu(self.conv2(x)), 2))
        return self.head(x.flatten(1))


class PreActBlock(nn.Module):
    """x + [norm - ReLU - conv] twice; a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, features: int, stride: int, *, residual: bool = True) -> None:
        super().__init__()
        self.residual = residual
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, features, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        changes = residual and (stride > 1 or inputs != features)
        self.proj = nn.Conv2d(inputs, features, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.norm1(x))
        y = self.conv2(F.relu(self.norm2(self.conv1(first))))
        if not self.residual:
            return y
        return y + (x if self.proj is None else self.proj(first))


class PreActResNet(nn.Module):
    """3x3 conv - stages of blocks - norm - ReLU - mean - linear."""

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 3,
        blocks: tuple[int, ...] = (3, 3, 3),
        width: int = 16,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        made, inputs = [], width
        for stage, count in enumerate(blocks):
            for i in range(count):
                features, stride = width * 2**stage, 2 if stage and i == 0 else 1
                made.append(PreActBlock(inputs, features, stride, residual=residual))
                inputs = features
        self.blocks = nn.Sequential(*made)
        self.norm = nn.BatchNorm2d(inputs)
        self.width = inputs
        self.head = nn.Linear(inputs, num_classes) if num_classes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.blocks(self.stem(x))))
        return self.head(x.mean((2, 3)))


class ViT(nn.Module):
    """Patches - learned positions - pre-norm encoder - norm - mean of tokens - linear."""

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 3,
        size: int = 32,
        patch: int = 4,
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        hidden: int = 384,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (size // patch) ** 2, width))
        block = nn.TransformerEncoderLayer(
            width,
            heads,
            hidden,
            dropout=0,
            activation="gelu",
            layer_norm_eps=1e-6,
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(block, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.encoder(x)).mean(1))

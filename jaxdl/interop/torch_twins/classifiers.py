"""Image classifiers as a PyTorch user writes them: (B, C, H, W) -> logits (B, num_classes)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Sequential):
    """(linear - ReLU) for every hidden width, then a linear layer."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], num_classes: int) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        for width in hidden:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        super().__init__(*layers, nn.Linear(inputs, num_classes))


class LeNet(nn.Module):
    """conv(5, p2) - ReLU - pool, twice, then linear - ReLU - linear, for 28x28 images."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5, padding=2)
        self.conv2 = nn.Conv2d(20, 50, 5, padding=2)
        self.fc1 = nn.Linear(50 * 7 * 7, 500)
        self.fc2 = nn.Linear(500, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class CIFARConvNet(nn.Module):
    """[conv(5, p2) - pool] three times, two linear layers, for 32x32 images."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 32, 5, padding=2)
        self.conv3 = nn.Conv2d(32, 64, 5, padding=2)
        self.fc1 = nn.Linear(64 * 4 * 4, 64)
        self.head = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(conv(x), 2)
        return self.head(self.fc1(x.flatten(1)))


class PreActBlock(nn.Module):
    """x + [norm - ReLU - conv] twice; a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, features: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, features, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        changes = stride > 1 or inputs != features
        self.proj = nn.Conv2d(inputs, features, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.norm1(x))
        y = self.conv2(F.relu(self.norm2(self.conv1(first))))
        return y + (x if self.proj is None else self.proj(first))


class PreActResNet(nn.Module):
    """3x3 conv - stages of blocks - norm - ReLU - mean - linear."""

    def __init__(
        self, blocks: tuple[int, ...] = (3, 3, 3), width: int = 16, num_classes: int = 10
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        made, inputs = [], width
        for stage, count in enumerate(blocks):
            for i in range(count):
                features = width * 2**stage
                made.append(PreActBlock(inputs, features, 2 if stage and i == 0 else 1))
                inputs = features
        self.blocks = nn.Sequential(*made)
        self.norm = nn.BatchNorm2d(inputs)
        self.head = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.blocks(self.stem(x))))
        return self.head(x.mean((2, 3)))


class ViT(nn.Module):
    """Patches - learned positions - pre-norm encoder - norm - mean of tokens - linear."""

    def __init__(
        self,
        size: int = 32,
        patch: int = 4,
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        hidden: int = 384,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, width))
        block = nn.TransformerEncoderLayer(
            width, heads, hidden, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(block, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.encoder(x)).mean(1))

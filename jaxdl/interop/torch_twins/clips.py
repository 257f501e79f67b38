"""Networks for clips as a PyTorch user writes them: (B, T, C, H, W) -> logits (B, num_classes)."""

from torch import Tensor, nn
from torch.nn import functional as F


class C3D(nn.Module):
    """(3x3x3 conv - ReLU)s and a pool for every stage, linear layers with ReLU, a linear layer.

    The last map is flattened frame by frame and row by row, its channels innermost. `size` is that
    of the clip, T, H and W.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        channels: int = 3,
        size: tuple[int, ...] = (16, 112, 112),
        stages: tuple[int, ...] = (1, 1, 2, 2, 2),
        features: tuple[int, ...] = (64, 128, 256, 512, 512),
        hidden: tuple[int, ...] = (4096, 4096),
    ) -> None:
        super().__init__()
        self.stages, (time, height, width) = stages, size
        for stage, (count, filters) in enumerate(zip(stages, features, strict=True), 1):
            for i in range(1, count + 1):
                self.add_module(f"conv{stage}_{i}", nn.Conv3d(channels, filters, 3, padding=1))
                channels = filters
            time = time if stage == 1 else -(-time // 2)
            height, width = -(-height // 2), -(-width // 2)
        inputs = time * height * width * channels
        self.linear = [f"fc{i}" for i, _ in enumerate(hidden, len(stages) + 1)]
        for name, units in zip(self.linear, hidden, strict=True):
            self.add_module(name, nn.Linear(inputs, units))
            inputs = units
        self.head = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for stage, count in enumerate(self.stages, 1):
            for i in range(1, count + 1):
                x = F.relu(self.get_submodule(f"conv{stage}_{i}")(x))
            x = F.max_pool3d(x, (1, 2, 2) if stage == 1 else 2, ceil_mode=True)
        x = x.permute(0, 2, 3, 4, 1).flatten(1)
        for name in self.linear:
            x = F.relu(self.get_submodule(name)(x))
        return self.head(x)

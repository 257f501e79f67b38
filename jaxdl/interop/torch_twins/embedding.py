"""SimCLR as a PyTorch user writes it: backbone, projector, NT-Xent, and their training."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jaxdl.interop.torch_twins.trainer import Trainer
from jaxdl.typing import Batch


class JointEmbedding(nn.Module):
    """`backbone` - (linear - norm - ReLU) for every width but the last - linear.

    `(B, C, H, W)`, or `(B, 2, C, H, W)`, whose views follow each other -> the last width.
    """

    def __init__(self, backbone: nn.Module, features: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {}
        for i, width in enumerate(widths[:-1], 1):
            layers[f"dense{i}"] = nn.Linear(features, width, bias=False)
            layers[f"norm{i}"] = nn.BatchNorm1d(width)
            layers[f"relu{i}"] = nn.ReLU()
            features = width
        layers["out"] = nn.Linear(features, widths[-1])
        self.backbone, self.project = backbone, nn.Sequential(OrderedDict(layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.backbone(x.flatten(0, 1) if x.ndim == 5 else x))


def nt_xent(z: Tensor, temperature: float) -> Tensor:
    """The mean loss of `(2 B, D)`, the views of an image one behind the other."""
    z = F.normalize(z, dim=1)
    alone = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(alone, -torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device) ^ 1)


@dataclass
class ViewTrainer(Trainer):
    """NT-Xent of the two views of each image, under one optimizer."""

    temperature: float = 0.5

    def backward(self, batch: Batch) -> float:
        """Gradients of the mean loss into the parameters; the loss."""
        self.module.train()
        self.module.zero_grad(set_to_none=True)
        loss = nt_xent(self.forward(batch), self.temperature)
        loss.backward()
        return float(loss.detach())

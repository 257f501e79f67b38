"""A torch module trained on prepared batches of ours, as a PyTorch user writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jaxdl.checks import UsageError
from jaxdl.data.masks.label_map import VOID
from jaxdl.interop.torch_twins.optimizers import TorchRule
from jaxdl.optim.config import OptimConfig
from jaxdl.typing import Batch, Host

INPUTS = ("image", "input", "inputs")  # of a prepared batch: what the model is called with
AIMS = ("target", "segments", "label")  # and what is wanted of it


@dataclass
class Trainer:
    """Cross-entropy of labels, of shares of labels, or of tokens, under one optimizer."""

    module: nn.Module
    optim: OptimConfig
    decayed: Mapping[str, bool]
    """Parameter -> whether weight decay acts on it."""
    still: Mapping[str, Host] = field(default_factory=dict)
    """Parameter -> mask: where it is 0, it stays as it is."""
    smoothing: float = 0.0
    fresh_every: int = 0
    """Texts: steps after which the state starts from 0 (0: it is no text)."""

    def __post_init__(self) -> None:
        named = dict(self.module.named_parameters())
        for name, mask in self.still.items():
            if not mask.any():
                named[name].requires_grad_(False)  # noqa: FBT003  (torch's own name)
            else:
                keep = torch.from_numpy(mask)
                named[name].register_hook(lambda grad, keep=keep: grad * keep)
        self.rule = TorchRule(self.optim, self.module, self.decayed)
        self.carried: Any = None

    def forward(self, batch: Batch) -> Tensor:
        """Logits; the state of a text is carried on, its gradient is not."""
        x = self.cast(given(batch))
        if not self.fresh_every:
            return self.module(x)
        logits, state = self.module(x, self.carried)
        many = isinstance(state, tuple)
        self.carried = tuple(s.detach() for s in state) if many else state.detach()
        return logits

    def cast(self, array: Any) -> Tensor:
        """`tensor`, floats as wide as the module's."""
        x = tensor(array)
        return x.to(next(self.module.parameters()).dtype) if x.is_floating_point() else x

    def backward(self, batch: Batch) -> float:
        """Gradients of the mean loss into the parameters; the loss."""
        self.module.train()
        self.module.zero_grad(set_to_none=True)
        logits, aim = self.forward(batch), self.cast(aim_of(batch))
        if self.fresh_every:
            logits, aim = logits.flatten(0, 1), aim.flatten()
        void: dict[str, Any] = {"ignore_index": VOID} if "segments" in batch else {}
        loss = F.cross_entropy(logits, aim, label_smoothing=self.smoothing, **void)
        loss.backward()
        return float(loss.detach())

    def step(self, batch: Batch, number: int, rate: float) -> float:
        """One update; the loss before it."""
        if self.fresh_every and number % self.fresh_every == 0:
            self.carried = None
        loss = self.backward(batch)
        self.rule.step(rate)
        return loss


def given(batch: Batch) -> Any:
    """What the model sees of a prepared batch."""
    for name in INPUTS:
        if name in batch:
            return batch[name]
    raise UsageError(f"compare: a prepared batch must have {' or '.join(INPUTS)}")


def aim_of(batch: Batch) -> Any:
    """The label of each row, token or pixel, or, of mixed images, their shares."""
    return next(batch[name] for name in AIMS if name in batch)


def tensor(array: Any) -> Tensor:
    """A prepared array as torch has it: images NCHW, integers as int64."""
    array = np.asarray(array)
    if np.issubdtype(array.dtype, np.integer):
        return torch.from_numpy(array.astype(np.int64))
    return torch.tensor(channels_first(array))


def channels_first(array: Host) -> Host:
    """`(B, H, W, C)` -> `(B, C, H, W)`, so for `(B, 2, H, W, C)`; what has another rank stays."""
    return np.moveaxis(array, -1, -3) if array.ndim in (4, 5) else array

"""The two sides of SimCLR: their batches are pairs of views, what they give are embeddings."""

from typing import Any

import jax
import numpy as np
import torch

from jaxdl.compare.sides import Arrays, JaxSide, TorchSide, watch
from jaxdl.interop.torch_twins.embedding import ViewTrainer
from jaxdl.interop.torch_twins.trainer import given, tensor
from jaxdl.typing import Batch, Host


class JaxViewSide(JaxSide):
    """Our side."""

    def layers(self, batch: Batch) -> tuple[Arrays, dict[str, dict[str, Any]]]:
        """As `JaxSide.layers`, of all views."""
        return watch(self.task.model, self.variables, one_behind_the_other(given(batch)))

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """What `neighbors` says of the embeddings."""
        model: Any = self.task.model
        call = jax.jit(lambda variables, x: model.apply(variables, x, train=False)["z"])
        made = [np.asarray(call(self.variables, given(batch))) for batch in batches]
        return neighbors(np.concatenate(made), labels_of(batches))


class TorchViewSide(TorchSide):
    """torch's side."""

    trainer_of = ViewTrainer

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """What `neighbors` says of the embeddings."""
        self.module.eval()
        with torch.no_grad():
            made = [self.module(tensor(given(batch))).numpy() for batch in batches]
        return neighbors(np.concatenate(made), labels_of(batches))


def one_behind_the_other(views: Host) -> Host:
    """`(B, 2, H, W, C)` -> `(2 B, H, W, C)`."""
    return views.reshape(-1, *views.shape[2:])


def labels_of(batches: list[Batch]) -> Host:
    """The labels of all rows, which no side trains with."""
    return np.concatenate([batch["label"] for batch in batches])


def neighbors(z: Host, labels: Host) -> dict[str, float]:
    """Of the nearest other row by cosine: how often it has the class, and one minus the cosine."""
    z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    cosines = z @ z.T
    np.fill_diagonal(cosines, -np.inf)
    same = labels[cosines.argmax(axis=1)] == labels
    return {"loss": float(1 - cosines.max(axis=1).mean()), "accuracy": float(same.mean())}

"""The two sides of CLIP: their batches are pictures with texts, what they give are vectors."""

from typing import Any

import jax
import numpy as np
import torch

from jaxdl.compare.sides import JaxSide, TorchSide
from jaxdl.interop.torch_twins.clip import PairTrainer
from jaxdl.interop.torch_twins.trainer import given, tensor
from jaxdl.typing import Batch, Host


class JaxPairSide(JaxSide):
    """Our side."""

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """What `nearest_texts` says."""
        model: Any = self.task.model
        call = jax.jit(lambda variables, pair: model.apply(variables, pair, train=False)[:2])
        return nearest_texts([call(self.variables, given(batch)) for batch in batches], batches)


class TorchPairSide(TorchSide):
    """torch's side."""

    trainer_of = PairTrainer

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """What `nearest_texts` says."""
        self.module.eval()
        with torch.no_grad():
            made = [self.module(*map(tensor, given(batch)))[:2] for batch in batches]
        return nearest_texts(made, batches)


def nearest_texts(made: list[tuple[Any, Any]], batches: list[Batch]) -> dict[str, float]:
    """Of the texts of a picture's own batch: how often the nearest is its own or equal to it, and
    one minus the cosine of its own."""
    right, apart = [], []
    for (image, text), batch in zip(made, batches, strict=True):
        scores: Host = np.asarray(image) @ np.asarray(text).T
        ids = np.asarray(given(batch)[1])
        right.append((ids[scores.argmax(axis=1)] == ids).all(axis=1))
        apart.append(1 - np.diag(scores))
    means = (float(np.concatenate(values).mean()) for values in (apart, right))
    return dict(zip(("loss", "accuracy"), means, strict=True))

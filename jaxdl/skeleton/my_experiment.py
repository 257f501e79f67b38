"""A network and a loss of one's own, on any labeled image set.

jaxdl run my_experiment.py                      with the defaults below; every field is a flag
jaxdl run my_experiment.toml --optim.lr 3e-3    with what the config says
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import optax

from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised


@dataclass(frozen=True)
class Config:
    """What can be asked for; a docstring below a field is its help."""

    data: DataConfig = DataConfig(name="digits")
    image: ImageConfig = ImageConfig()
    features: int = 16
    """Channels of the first convolution."""
    optim: OptimConfig = Adam(lr=3e-3)
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""


class Net(nn.Module):
    """`(B, H, W, C)` -> logits `(B, num_classes)`."""

    num_classes: int
    features: int

    @nn.compact
    def __call__(self, x: Any, *, train: bool) -> Any:
        x = nn.relu(nn.Conv(self.features, (3, 3))(x))
        x = nn.relu(nn.Conv(2 * self.features, (3, 3), strides=2)(x))
        x = nn.Dropout(0.1, deterministic=not train)(x.mean((1, 2)))
        return nn.Dense(self.num_classes)(x)


def build(cfg: Config) -> Task:
    """Data, model, loss and optimizer; the loop, checkpoints and the report are jaxdl's."""
    splits = load_splits(cfg.data)
    classes = splits["train"].classes
    prepare = prepare_images(cfg.image, len(classes))
    model = Net(len(classes), cfg.features)

    def loss_fn(params: Any, extra: Any, batch: Any, key: Any) -> Any:
        logits, extra = apply_train(model, params, extra, batch["image"], key)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
        right = jnp.argmax(logits, axis=1) == batch["label"]
        # The mean over all devices is learned from; what is logged is weighted by its rows.
        return global_mean(losses), (extra, {"loss": weighted(losses), "accuracy": weighted(right)})

    evaluate = make_classifier_evaluator(model, prepare)
    return supervised(model, splits, prepare, loss_fn, cfg.optim, loop=cfg.loop, evaluate=evaluate)


if __name__ == "__main__":
    main(__file__)

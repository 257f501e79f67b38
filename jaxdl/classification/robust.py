"""Classifiers under attack: training on attacked pictures, and accuracy on them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_at_least, check_one_of, check_positive
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.ops.attack import NORMS, Norm, fgsm, pgd
from jaxdl.training.prepare_images import ImageConfig
from jaxdl.training.state import TrainState
from jaxdl.training.task import Evaluate
from jaxdl.typing import Array, Batch, Key, LossFn, LossOutput, Numbers, Prepare, Tree


@dataclass(frozen=True)
class AttackConfig:
    """Projected gradient ascent on the loss, from a random start; in pixels of [0, 1]."""

    norm: Norm = "linf"
    """linf or l2, of the ball around a picture."""
    epsilon: float = 0.3
    """The radius of the ball (0: no attack)."""
    rate: float = 0.01
    """Of a step, in the norm."""
    steps: int = 40
    """How many."""

    def __post_init__(self) -> None:
        check_one_of("attack.norm", self.norm, NORMS)
        check_at_least("attack.epsilon", self.epsilon, 0)
        check_positive("attack.rate", self.rate)
        check_at_least("attack.steps", self.steps, 1)

    def scaled(self, epsilon: float) -> "AttackConfig":
        """The attack with another radius, and steps that are as large beside it."""
        return replace(self, epsilon=epsilon, rate=self.rate * epsilon / self.epsilon)


Attack = Callable[[Tree, Array, Array], Array]  # (variables, images, labels) -> images


def check_pixels(image: ImageConfig) -> None:
    """Raises UsageError where the network does not see the pixels that the ball is of."""
    if any(image.mean) or any(std != 1 for std in image.std) or image.mixup or image.cutmix:
        raise UsageError(
            "image: an attack's ball is one of pixels in [0, 1]; leave image.mean, image.std, "
            "image.mixup and image.cutmix out"
        )


def loss_of(model: nn.Module, variables: Tree, labels: Array) -> Callable[[Array], Array]:
    """images -> the cross-entropy `(B,)` of the model as it is in evaluation."""

    def cost(images: Array) -> Array:
        logits: Any = model.apply(variables, images, train=False)
        return softmax_cross_entropy(logits, labels)

    return cost


def pgd_attack(model: nn.Module, attack: AttackConfig, key: Key) -> Attack:
    """`pgd` on the model's loss, from a random start by `key`."""

    def attacked(variables: Tree, images: Array, labels: Array) -> Array:
        return pgd(
            loss_of(model, variables, labels),
            images,
            epsilon=attack.epsilon,
            rate=attack.rate,
            steps=attack.steps,
            norm=attack.norm,
            key=key,
        )

    return attacked


def fgsm_attack(model: nn.Module, epsilon: float) -> Attack:
    """`fgsm` on the model's loss."""
    return lambda variables, images, labels: fgsm(
        loss_of(model, variables, labels), images, epsilon=epsilon
    )


def adversarial_loss(model: nn.Module, loss_fn: LossFn, attack: AttackConfig) -> LossFn:
    """`loss_fn` on attacked pictures (Madry et al. 2018, arXiv 1706.06083, eq. 2.1).

    The attack is on the model as it is in evaluation, and its gradient is not followed.
    """

    def attacked_loss(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        start, rest = jax.random.split(key)
        fixed = jax.lax.stop_gradient({"params": params, **extra})
        images = pgd_attack(model, attack, start)(fixed, batch["image"], batch["label"])
        return loss_fn(params, extra, {**batch, "image": jax.lax.stop_gradient(images)}, rest)

    return attacked_loss


def accuracy_under(
    model: nn.Module, prepare: Prepare, attack: Attack
) -> Callable[[TrainState, Split], float]:
    """The share of rows that are right both as they are and attacked."""

    def row_fn(variables: Any, batch: Batch) -> dict[str, Any]:
        image, label = batch["image"], batch["label"]
        right = jnp.ones(len(label), bool)
        for seen in (image, attack(variables, image, label)):
            logits: Any = model.apply(variables, seen, train=False)
            right &= jnp.argmax(logits, axis=1) == label
        return {"right": right}

    rows_of = RowEvaluator(row_fn, prepare)
    return lambda state, split: float(rows_of(state, split)["right"].mean())


def make_robust_evaluator(
    model: nn.Module, prepare: Prepare, attack: AttackConfig, plain: Evaluate
) -> Evaluate:
    """What `plain` gives, and `robust_accuracy`, that under the attack."""
    robust = accuracy_under(model, prepare, pgd_attack(model, attack, jax.random.key(0)))

    def evaluate(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        return {**plain(state, split, folder), "robust_accuracy": robust(state, split)}

    return evaluate

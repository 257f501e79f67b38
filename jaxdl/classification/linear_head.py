"""A linear classifier of a frozen net's features, and that classifier as the net's own last layer.

The features are computed once for each picture; training the layer on them then takes seconds.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.classification.task import classification_loss
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.cached_features import cached_features
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.optim.config import OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, normalize, prepare_images, to_float
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Host, Tree

SHIFTS = (0.0, 8.0, 16.0, 32.0, 64.0)  # of all logits at once, which softmax does not see


class LinearHead(nn.Module):
    """`(B, D)` -> logits `(B, num_classes)`."""

    num_classes: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        return nn.Dense(self.num_classes, name="head")(x)


class Features(NamedTuple):
    """What a net makes of the rows of a split, `(N, D)`, and of their mirror images, if asked."""

    plain: Host
    mirrored: Host | None = None

    def take(self, rows: Host) -> "Features":
        """Those of the given rows."""
        return Features(self.plain[rows], None if self.mirrored is None else self.mirrored[rows])

    def all(self) -> Host:
        """Both, one behind the other."""
        if self.mirrored is None:
            return self.plain
        return np.concatenate([self.plain, self.mirrored])


def pooled_features(
    model: nn.Module, variables: Tree, image: ImageConfig, split: Split, *, mirrored: bool = False
) -> Features:
    """What `model`, which has no classes, makes of the images of a split; kept on disk."""

    def apply(variables: Tree, images: Array) -> Array:
        x = normalize(to_float(images), image.mean, image.std)
        return model.apply(variables, x, train=False)  # pyright: ignore[reportReturnType]

    def apply_mirrored(variables: Tree, images: Array) -> Array:
        return apply(variables, images[:, :, ::-1])

    plain = cached_features(apply, variables, split)
    return Features(plain, cached_features(apply_mirrored, variables, split) if mirrored else None)


class Standardizer(NamedTuple):
    """Center and spread of each feature over the training rows, `(D,)` both."""

    center: Host
    spread: Host

    @staticmethod
    def of(features: Features) -> "Standardizer":
        """Those of these features; a constant one keeps its scale."""
        rows = np.asarray(features.all(), np.float64)
        spread = rows.std(axis=0)
        spread = np.where(spread > 1e-6, spread, 1.0)
        return Standardizer(rows.mean(axis=0).astype(np.float32), spread.astype(np.float32))

    def split(self, split: Split, features: Features) -> Split:
        """`split` with standardized features, `input`, in place of images."""
        copies = 1 if features.mirrored is None else 2
        rows = {
            "input": (features.all() - self.center) / self.spread,
            "label": np.concatenate([split.read("label")] * copies),
        }
        return Split(
            rows,
            split.classes,
            name=split.name,
            batch_size=split.batch_size,
            seed=split.seed,
            synthetic=split.synthetic,
        )

    def fold_in(self, head: Tree) -> tuple[Host, Host]:
        """Kernel `(D, K)` and bias `(K,)` that do to features what `head` does to standardized."""
        kernel = np.asarray(head["kernel"]) / self.spread[:, None]
        return kernel, np.asarray(head["bias"]) - self.center @ kernel


def head_task(splits: dict[str, Split], optim: OptimConfig, loop: LoopConfig) -> Task:
    """The task of the layer alone, on splits with `input`."""
    model = LinearHead(len(splits["train"].classes))
    prepare = prepare_images(ImageConfig())
    loss_fn = classification_loss(model, label_smoothing=0.0, aux_weight=0.0)
    evaluate = make_classifier_evaluator(model, prepare)
    return supervised(model, splits, prepare, loss_fn, optim, loop=loop, evaluate=evaluate)


def head_path(with_classes: Tree, without: Tree) -> tuple[str, ...]:
    """Where the last layer is: the parameters that a net has only with classes.

    Raises UsageError where they are more than one linear layer.
    """
    flat: Any = flax.traverse_util.flatten_dict(with_classes)
    bare: Any = flax.traverse_util.flatten_dict(without)
    own = sorted(path for path in flat if path not in bare)
    if [path[-1] for path in own] != ["bias", "kernel"] or len({path[:-1] for path in own}) > 1:
        names = ", ".join("/".join(path) for path in own) or "nothing"
        raise UsageError(
            f"transfer: the net must end in one linear layer on its pooled features, it ends in "
            f"{names}; take mobilenet_v2, efficientnet_lite0, squeezenet1_1, a ResNet, ..."
        )
    return own[0][:-1]


def place_head(
    model: nn.Module,
    variables: Tree,
    path: Sequence[str],
    layer: tuple[Host, Host],
    example: tuple[Host, Host],
) -> Tree:
    """`variables` whose last layer, at `path`, is `layer`, kernel `(D, K)` and bias `(K,)`.

    `example`: prepared images `(B, H, W, C)` and their features `(B, D)`, on which both must give
    the same probabilities. A net that cuts its logits off at zero (SqueezeNet) gets all biases
    raised by one number, which softmax does not see, until it cuts nothing off.
    Raises UsageError where that does not help.
    """
    kernel, bias = layer
    images, features = example
    want = jax.nn.softmax(features @ kernel + bias)
    flat: Any = flax.traverse_util.flatten_dict(variables["params"])
    apply = jax.jit(lambda v: jax.nn.softmax(model.apply(v, images, train=False)))  # pyright: ignore
    off = np.inf
    for shift in SHIFTS:
        place = tuple(path)
        flat[(*place, "kernel")] = jnp.asarray(kernel).reshape(flat[(*place, "kernel")].shape)
        flat[(*place, "bias")] = jnp.asarray(bias + shift)
        made = {**variables, "params": flax.traverse_util.unflatten_dict(flat)}
        off = float(jnp.abs(apply(made) - want).max())
        if off < 1e-3:
            return made
    raise UsageError(
        f"transfer: the net's last layer is no linear layer on its pooled features (probabilities "
        f"differ by {off:.2g}); take another model"
    )

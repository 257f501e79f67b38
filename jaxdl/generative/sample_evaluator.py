"""A classifier of the real images that samples are measured by: its features and its confidence."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.cache import cache_dir
from jaxdl.checks import UsageError
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.metrics.generative import frechet_distance, moments, precision_recall
from jaxdl.models.small.lenet import LeNet
from jaxdl.optim.config import Momentum
from jaxdl.runs.checkpoint import params_sha256
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree

BATCH, BATCH_SIZE = 256, 128  # in evaluation, in training
RECIPE = Momentum(lr=0.1, schedule="cosine", warmup=100, weight_decay=1e-4)


@dataclass(frozen=True)
class SampleEvaluatorConfig:
    """How samples are measured at the end of a run."""

    epochs: int = 0
    """Passes that a classifier of the real images is trained for, once a data set (0: none)."""
    features: int = 64
    """Width of its last hidden layer, whose values are the features."""
    num_samples: int = 2048
    """How many samples it is shown, and how many real images."""
    k: int = 3
    """Of precision and recall: the neighbor whose distance is the radius of a sample's ball."""

    def __post_init__(self) -> None:
        if self.epochs < 0 or min(self.features, self.num_samples - 1, self.k) < 1:
            raise UsageError(
                "evaluator: epochs must be >= 0, features and k at least 1, num_samples at least "
                f"2, got {self.epochs}, {self.features}, {self.k} and {self.num_samples}"
            )


class SampleEvaluator:
    """LeNet-5 with `features` hidden units, trained by the loop in the cache folder, and kept.

    It sees all training rows in batches of its own, so that runs which differ in these are judged
    by the same weights.
    """

    def __init__(self, cfg: SampleEvaluatorConfig, data: DataConfig) -> None:
        self.cfg = cfg
        self.data = replace(data, val=0, batch_size=BATCH_SIZE, seed=0)
        self.prepare = prepare_images(ImageConfig())
        self.program = jax.jit(self._look)

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The real images, read when they are first asked for."""
        return load_splits(self.data, fields=("image", "label"))

    @cached_property
    def model(self) -> LeNet:
        """The classifier."""
        return LeNet(len(self.splits["train"].classes), hidden=self.cfg.features)

    @cached_property
    def task(self) -> Task:
        """The task of the classifier."""

        def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
            logits, extra = apply_train(self.model, params, extra, batch["image"], key)
            loss = softmax_cross_entropy(logits, batch["label"])
            metrics = {"loss": weighted(loss), "accuracy": accuracy(logits, batch["label"])}
            return global_mean(loss), (extra, metrics)

        return supervised(self.model, self.splits, self.prepare, loss_fn, RECIPE, loop=self.loop)

    @property
    def loop(self) -> LoopConfig:
        """How it is trained: on one device, for the same weights anywhere."""
        return LoopConfig(epochs=self.cfg.epochs, devices=1)

    @cached_property
    def state(self) -> TrainState:
        """The trained state: from the cache folder, where it is there."""
        train = self.splits["train"]
        digest = hashlib.sha256(f"{self.cfg.epochs} {self.cfg.features} {RECIPE}".encode())
        for name in ("image", "label"):
            digest.update(np.ascontiguousarray(train.read(name)).tobytes())
        folder = cache_dir() / "judges" / digest.hexdigest()[:32]
        folder.mkdir(parents=True, exist_ok=True)
        return fit(self.task, self.loop, folder, seed=0, resume=True).state

    def look(self, images: Any) -> tuple[Host, Host]:
        """Features `(N, D)` and class probabilities `(N, K)` of images `(N, H, W, C)` in [0, 1]."""
        variables, images = jax.device_get(self.state.variables), jnp.asarray(images)
        return apply_in_batches(
            lambda rows: self.program(variables, images[rows]), len(images), BATCH
        )

    def _look(self, variables: Tree, images: Array) -> tuple[Array, Array]:
        out: Any = self.model.apply(variables, images, train=False, stages=True)
        return out["hidden"], jax.nn.softmax(out["logits"])

    @cached_property
    def real(self) -> tuple[Host, Host]:
        """Features of the test images: the first `samples`, and the next as many, if there are."""
        test = self.splits["test"]
        count = min(self.cfg.num_samples, test.size // 2)
        images = test.read("image", np.arange(2 * count)).astype(np.float32) / 255
        features, _ = self.look(images)
        return features[:count], features[count:]

    def measure(self, images: Any) -> Numbers:
        """Numbers on samples in [0, 1] `(N, H, W, C)`.

        `frechet` and, for scale, that of real images to other real ones; `precision`, `recall`;
        mean `confidence`, how many `classes` are named at all, the `least_class` share times K.
        """
        features, shares = self.look(images)
        real, other = self.real
        precision, recall = precision_recall(real, features, neighbors=self.cfg.k)
        named = np.bincount(shares.argmax(axis=1), minlength=shares.shape[1])
        return {
            "frechet": frechet_distance(*moments(real), *moments(features)),
            "frechet_of_real": frechet_distance(*moments(real), *moments(other)),
            "precision": precision,
            "recall": recall,
            "confidence": float(shares.max(axis=1).mean()),
            "classes": float((named > 0).sum()),
            "least_class": float(named.min() * len(named) / named.sum()),
        }

    def report(self) -> dict[str, Any]:
        """What a run's report says of the judge; nothing, where there is none."""
        return {"evaluator": self.describe()} if self.cfg.epochs else {}

    def describe(self) -> dict[str, Any]:
        """For the report: which weights judged, and how good a classifier they are."""
        evaluate = make_classifier_evaluator(self.model, self.prepare)
        measured = evaluate(self.state, self.splits["test"])
        return {
            "params_sha256": params_sha256(self.state.params),
            "test_accuracy": measured["accuracy"],
            "epochs": self.cfg.epochs,
            "features": self.cfg.features,
        }

"""Labels that mean nothing, learned by heart: jaxdl run cifar10_random_labels.

Zhang et al. 2017, "Understanding deep learning requires rethinking generalization", 1611.03530.
"""

from dataclasses import dataclass

import numpy as np

from jaxdl.checks import UsageError, check_at_least
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.load import load_splits
from jaxdl.data.splits.arrays import array_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.predict import predict_classes as predict
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict"]


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A classifier, and how many images get a label by lot."""

    rows: int = 10_000
    """The first so many training images."""
    random_labels: bool = True
    """Their labels are drawn, each class as likely (false: as they are)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("rows", self.rows, 1)


def build(cfg: Config) -> Task:
    """The classifier on the rows with their new labels, tested on the true ones."""
    splits = load_splits(cfg.data)
    train, test = splits["train"], splits["test"]
    if train.size < cfg.rows:
        raise UsageError(f"rows must be at most {train.size}, the training rows, got {cfg.rows}")
    chosen = np.arange(cfg.rows)
    labels = train.read("label", chosen)
    if cfg.random_labels:
        drawn = np.random.default_rng(cfg.seed).integers(0, len(train.classes), cfg.rows)
        labels = drawn.astype(labels.dtype)
    arrays = {"train": (train.read("image", chosen), labels), "test": pair(test)}
    of = array_splits(arrays, batch_size=train.batch_size, classes=train.classes, seed=train.seed)
    return classifier_task(cfg, of)


def pair(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split."""
    return split.read("image"), split.read("label")


if __name__ == "__main__":
    main(__file__)

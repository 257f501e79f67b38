"""Any registered model on any labelled image set: jaxdl run digits_lenet, or mnist_mlp5, or ..."""

from dataclasses import dataclass
from pathlib import Path

from jaxdl.cli import main
from jaxdl.data.sources import DataConfig, load_splits
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.training.classify import classifier_evaluation
from jaxdl.training.images import ImageConfig, prepare_images
from jaxdl.training.loop import fit
from jaxdl.training.optim import OptimConfig
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.report import write_report
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, Numbers, Pairs, Tree


@dataclass(frozen=True)
class Config:
    """A classifier, its data and how it is trained."""

    data: DataConfig = DataConfig(name="digits")
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="lenet")
    optim: OptimConfig = OptimConfig()
    loop: LoopConfig = LoopConfig(epochs=10)
    label_smoothing: float = 0.0
    """How much of each label is spread evenly over all classes."""
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data)
    model = build_model(cfg.model, num_classes=len(splits["train"].classes))
    prepare = prepare_images(cfg.image)

    def loss_fn(
        params: Tree, extra: Tree, batch: Batch, key: Key
    ) -> tuple[Array, tuple[Tree, Pairs]]:
        logits, extra = apply_train(model, params, extra, batch["image"], key)
        loss = softmax_cross_entropy(logits, batch["label"], label_smoothing=cfg.label_smoothing)
        metrics = {"loss": weighted(loss), "accuracy": accuracy(logits, batch["label"])}
        return global_mean(loss), (extra, metrics)

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        steps=total_steps(cfg.loop, splits["train"].steps_per_epoch),
        evaluate=classifier_evaluation(model, prepare),
    )


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Numbers:
    """Trains and reports."""
    task = build(cfg)
    return write_report(
        run_dir, cfg, task, fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
    )


if __name__ == "__main__":
    main(__file__)

"""The task of a classifier: any registered model on any labeled image set."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jaxdl.checks import DataError, check_one_of
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.losses.classification import soft_cross_entropy, softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.models.weights.start import folded_norms
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.freeze import freeze_task
from jaxdl.training.linear_scaling import scale_to_devices
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.step import PRECISIONS, apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossFn, LossOutput, Prepare, Regularizer, Tree


@dataclass(frozen=True)
class ClassifierConfig:
    """A classifier, its data and how it is trained."""

    data: DataConfig = DataConfig(name="digits")
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="lenet")
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    label_smoothing: Regularizer = 0.0
    """How much of each label is spread evenly over all classes."""
    aux_weight: Regularizer = 0.0
    """Weight of the losses of auxiliary classifiers, stages `aux...` (GoogLeNet's paper: 0.3)."""
    flip_eval: bool = False
    """Evaluation: average the logits of every image and its mirror image."""
    precision: str = "float32"
    """float32 or bfloat16, what training computes in; parameters and evaluation are float32."""
    per_device: bool = False
    """data.batch_size and optim.lr are those of one device: k devices take k times both."""
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""

    def __post_init__(self) -> None:
        check_one_of("precision", self.precision, PRECISIONS)


def classifier_task(cfg: ClassifierConfig, splits: Mapping[str, Split] | None = None) -> Task:
    """The task of `cfg`, on `splits` where they are at hand."""
    if cfg.per_device:
        data, optim = scale_to_devices(cfg.data, cfg.optim, cfg.loop)
        cfg = replace(cfg, data=data, optim=optim)
    splits = splits or load_splits(cfg.data)
    classes = splits["train"].classes
    if len(classes) < 2:
        raise DataError(
            f"classification: data {cfg.data.name!r} has {len(classes)} classes "
            f"({', '.join(classes) or 'labels are numbers to predict'}); it needs two or more"
        )
    return task_of_classifier(cfg, build_model(cfg.model, num_classes=len(classes)), splits)


def task_of_classifier(
    cfg: ClassifierConfig, model: nn.Module, splits: Mapping[str, Split]
) -> Task:
    """The task of any `model` that gives logits, with all else of `cfg` but its model and data."""
    prepare = prepare_images(cfg.image, len(splits["train"].classes))
    model = fit_to_images(model, splits["train"], prepare)
    task = supervised(
        model,
        splits,
        prepare,
        classification_loss(
            model,
            label_smoothing=cfg.label_smoothing,
            aux_weight=cfg.aux_weight,
            precision=cfg.precision,
        ),
        cfg.optim,
        loop=cfg.loop,
        evaluate=make_classifier_evaluator(model, prepare, flip_eval=cfg.flip_eval),
    )
    return freeze_task(task, cfg.optim, cfg.loop, folded_norms(model))


def fit_to_images(model: Any, split: Split, prepare: Prepare, count: int = 2000) -> Any:
    """`model.for_images` of the first `count` prepared images, where a model computes layers so."""
    if not hasattr(model, "for_images"):
        return model
    rows = {"image": split.read("image", np.arange(min(count, split.size)))}
    keys = jax.random.split(jax.random.key(0), len(rows["image"]))
    return model.for_images(np.asarray(prepare(keys, rows, train=False)["image"]))


def classification_loss(
    model: nn.Module, *, label_smoothing: float, aux_weight: float, precision: str = "float32"
) -> LossFn:
    """Cross-entropy of the logits, and `aux_weight` times that of every stage `aux...`."""
    options = {"stages": True} if aux_weight else {}
    apply = partial(apply_train, precision=precision, **options)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply(model, params, extra, batch["image"], key)
        out, label = out if options else {"logits": out}, batch["label"]
        soft = "target" in batch  # of mixed images
        loss_of = partial(
            soft_cross_entropy if soft else softmax_cross_entropy, label_smoothing=label_smoothing
        )
        aim = batch["target"] if soft else label
        loss = loss_of(out["logits"], aim)
        auxiliary = [loss_of(logits, aim) for name, logits in out.items() if name[:3] == "aux"]
        metrics = {"loss": weighted(loss), "accuracy": accuracy(out["logits"], label)}
        return global_mean(loss + aux_weight * sum(auxiliary)), (extra, metrics)

    return loss_fn

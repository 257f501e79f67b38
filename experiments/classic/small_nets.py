"""Small nets, one question at a time: jaxdl run mnist_small_nets, cifar10_two_layer_sizes."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import UsageError, check_at_least, check_one_of
from jaxdl.classic.linear_classifier import LOSSES
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.models.registry import build_model, model_options
from jaxdl.optim.config import FirstOrder, Momentum
from jaxdl.runs.results import Report
from jaxdl.search.trials import Trial, TrialRunner, accuracy_on
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.report import report_numbers
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossOutput, Numbers, Tree

QUESTIONS = ("start", "bias", "depth", "width", "loss", "l2", "l1")
STRENGTHS = (0.1, 0.01, 0.001, 0.0001)


@dataclass(frozen=True)
class Form:
    """One net: what the questions change of it."""

    hidden: tuple[int, ...]
    weight_init: str = ""
    bias_init: float = 0.0
    loss: str = "softmax"
    l2: float = 0.0
    l1: float = 0.0


@dataclass(frozen=True)
class Config:
    """Nets with dense layers; each takes the rate that is best on the val split."""

    data: DataConfig = DataConfig(name="digits", val=200)
    image: ImageConfig = ImageConfig()
    questions: tuple[str, ...] = QUESTIONS
    """Which: start (zeros or random), bias (of hidden units, from N(0, .01) weights), depth (one
    wide layer or `depth` thin ones of as many parameters), width, loss (cross-entropy or squares
    of scores minus one-hot labels), l2 and l1 (how strong)."""
    hidden: int = 128
    """Hidden units, where the question does not change them."""
    depth: int = 4
    """Layers of the deep net."""
    widths: tuple[int, ...] = (2, 8, 32, 128, 512)
    """Hidden units that are compared."""
    learning_rates: tuple[float, ...] = (0.01, 0.1)
    """Each net is trained with each."""
    optim: FirstOrder = Momentum(schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=5)
    seed: int = 0
    """Of the initial weights."""

    def __post_init__(self) -> None:
        for name in self.questions:
            check_one_of("questions", name, QUESTIONS)
        check_at_least("hidden", self.hidden, 1)
        check_at_least("depth", self.depth, 2)
        if not self.learning_rates or not self.questions:
            raise UsageError("learning_rates and questions must name at least one")


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains every net with every rate, and reports the test accuracy at its best rate."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    if "val" not in splits:
        raise UsageError("small_nets: rates are chosen by the val split; set data.val")
    metrics: Numbers = {}
    for question in cfg.questions:
        inputs = math.prod(splits["train"].example["image"].shape)
        for name, form in forms(cfg, question, inputs, len(splits["train"].classes)).items():
            task = task_of(cfg, form, splits)
            measured = at_best_rate(cfg, task, asks_for_dead=question == "bias")
            metrics |= {f"{key}_{question}_{name}": value for key, value in measured.items()}
            print(question, name, *(f"{k} {v:.4g}" for k, v in measured.items()))
    draw(cfg, metrics).save(run_dir / "small_nets.png")
    steps = total_steps(cfg.loop, splits["train"].steps_per_epoch)
    rows = steps * cfg.data.batch_size * len(metrics)
    return report_numbers(cfg, metrics, {"total": time.perf_counter() - began}, rows=rows)


def forms(cfg: Config, question: str, inputs: int, classes: int) -> dict[str, Form]:
    """The nets that answer a question, by name."""
    base = Form(hidden=(cfg.hidden,))
    thin = thin_width(inputs, cfg.hidden, classes, depth=cfg.depth)
    return {
        "start": {name: replace(base, weight_init=name) for name in ("zeros", "kaiming")},
        "bias": {
            f"{bias:g}": replace(base, bias_init=bias, weight_init="normal")
            for bias in (-0.1, 0.0, 0.01, 0.1)
        },
        "depth": {"shallow_wide": base, "deep_thin": replace(base, hidden=(thin,) * cfg.depth)},
        "width": {str(width): replace(base, hidden=(width,)) for width in cfg.widths},
        "loss": {
            "cross_entropy": base,
            "squares": replace(base, loss="squares"),
        },
        "l2": {f"{s:g}": replace(base, l2=s) for s in (0.0, *STRENGTHS)},
        "l1": {f"{s:g}": replace(base, l1=s) for s in (0.0, *STRENGTHS)},
    }[question]


def thin_width(inputs: int, wide: int, classes: int, *, depth: int) -> int:
    """The width of `depth` equal layers with at most the parameters of one layer of `wide` units.

    w (D + 1) + (depth - 1) w (w + 1) + K (w + 1) <= `wide` (D + 1) + K (`wide` + 1).
    """
    most = wide * (inputs + 1 + classes)
    linear = inputs + 1 + classes + depth - 1
    root = math.sqrt(linear**2 + 4 * (depth - 1) * most)
    return max(math.floor((root - linear) / (2 * (depth - 1))), 1)


def task_of(cfg: Config, form: Form, splits: Mapping[str, Split]) -> Task:
    """The training of one net."""
    options = model_options("mlp")(
        hidden=form.hidden,  # pyright: ignore[reportCallIssue]
        weight_init=form.weight_init,  # pyright: ignore[reportCallIssue]
        bias_init=form.bias_init,  # pyright: ignore[reportCallIssue]
    )
    model = build_model(options, num_classes=len(splits["train"].classes))
    prepare = prepare_images(cfg.image)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        scores, extra = apply_train(model, params, extra, batch["image"], key)
        loss = LOSSES[form.loss](scores, batch["label"])
        metrics = {"loss": weighted(loss), "accuracy": accuracy(scores, batch["label"])}
        return global_mean(loss), (extra, metrics)

    optim = replace(cfg.optim, weight_decay=form.l2, l1=form.l1)
    evaluate = make_classifier_evaluator(model, prepare)
    return supervised(model, splits, prepare, loss_fn, optim, loop=cfg.loop, evaluate=evaluate)


def at_best_rate(cfg: Config, task: Task, *, asks_for_dead: bool) -> Numbers:
    """Val and test accuracy and the rate, of the rate that is best on the val split.

    Test rows are asked once, of that net. Dead units are counted before and after.
    """
    steps = total_steps(cfg.loop, task.splits["train"].steps_per_epoch)
    trials = TrialRunner(task, LoopConfig(steps=steps))
    states, accuracies = [], []
    for rate in cfg.learning_rates:
        *_, (state, row) = trials.trace(Trial({"lr": rate}, cfg.seed), steps)
        states.append(state)
        accuracies.append(accuracy_on(task, state, "val") if np.isfinite(row["loss"]) else 0.0)
    best = int(np.argmax(accuracies))
    numbers: Numbers = {
        "test_accuracy": accuracy_on(task, states[best], "test"),
        "val_accuracy": accuracies[best],
        "rate": cfg.learning_rates[best],
    }
    if asks_for_dead:
        starts = trials.ready(Trial(seed=cfg.seed))[1]
        numbers |= {"dead_before": dead(task, starts), "dead_after": dead(task, states[best])}
    return numbers


def dead(task: Task, state: TrainState) -> float:
    """The share of hidden units of the first layer that are zero for every val row."""
    split = task.splits["val"]
    rows = split.batch(np.arange(split.size))
    batch = task.prepare(jax.random.split(jax.random.key(0), split.size), rows, train=False)
    assert task.model is not None, "task_of has set it"
    variables: Any = state.variables
    stages: Any = task.model.apply(variables, batch["image"], train=False, stages=True)
    return float(np.mean(np.all(np.asarray(stages["hidden1"]) == 0, axis=0)))


def draw(cfg: Config, metrics: Numbers) -> Figure:
    """One panel per question: bars of the test accuracy, crosses where units are dead at first."""
    figure = Figure(1, len(cfg.questions), size=(2.4 * len(cfg.questions) + 0.6, 3))
    for axis, question in zip(figure.axes, cfg.questions, strict=True):
        begin = f"test_accuracy_{question}_"
        bars = {k.removeprefix(begin): v for k, v in metrics.items() if k.startswith(begin)}
        axis.bar(list(bars), list(bars.values()))
        for place, (name, value) in enumerate(bars.items()):
            axis.text(place, value, f"{value:.1%}", ha="center", va="bottom", fontsize=6)
            if question == "bias":
                for key, mark in (("dead_before", "kx"), ("dead_after", "r+")):
                    axis.plot(place, metrics[f"{key}_{question}_{name}"], mark)
        axis.set_title(
            question + (" (x: dead units before, +: after)" if question == "bias" else ""),
            fontsize=7,
        )
        axis.tick_params(labelsize=6)
        axis.set_ylim(0, 1.05)
    return figure


if __name__ == "__main__":
    main(__file__)

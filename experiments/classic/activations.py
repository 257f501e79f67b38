"""What each initializer does to the activations of a deep net: jaxdl run wide_activations."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ToyData
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.layers.initializers import INITIALIZERS
from jaxdl.models.mlp import MLP
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers


@dataclass(frozen=True)
class Config:
    """The net; its input is normal with deviation 1."""

    data: DataConfig = ToyData(name="wide", synthetic_rows=500)
    depth: int = 6
    """Hidden layers."""
    width: int = 500
    """Units of each."""
    acts: tuple[str, ...] = ("tanh", "relu")
    """Activation functions."""
    seed: int = 0
    """Of the weights."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws a histogram per layer for every initializer and activation, and reports deviations."""
    began = time.perf_counter()
    train = load_splits(cfg.data)["train"]
    x = train.read("input")
    metrics: Numbers = {}
    for act in cfg.acts:
        hidden = activations(cfg, x, act)
        for name, layers in hidden.items():
            metrics[f"std_first_{act}_{name}"] = float(layers[0].std())
            metrics[f"std_last_{act}_{name}"] = float(layers[-1].std())
        draw_histograms(hidden, act).save(run_dir / f"activations_{act}.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(x), synthetic=train.synthetic)


def activations(cfg: Config, x: Host, act: str) -> dict[str, list[Host]]:
    """Initializer -> the values of each hidden layer, first to last, each `(N, width)`."""

    @jax.jit
    def forward(key: jax.Array, x: jax.Array) -> dict[str, list[jax.Array]]:
        found = {}
        for init in INITIALIZERS:
            hidden = (cfg.width,) * cfg.depth
            model: Any = MLP(num_classes=1, hidden=hidden, act=act, weight_init=init)
            stages = model.apply(model.init(key, x, train=False), x, train=False, stages=True)
            found[init] = [stages[f"hidden{i + 1}"] for i in range(cfg.depth)]
        return found

    return jax.tree.map(np.asarray, forward(jax.random.key(cfg.seed), x))


def draw_histograms(hidden: dict[str, list[Host]], act: str) -> Figure:
    """Rows: initializers, columns: layers; ReLU's many exact zeros are left out."""
    depth = len(next(iter(hidden.values())))
    figure = Figure(len(hidden), depth, size=(1.9 * depth, 1.5 * len(hidden)))
    for i, (name, layers) in enumerate(hidden.items()):
        for j, values in enumerate(layers):
            axis = figure.axes[i * depth + j]
            shown = values[values != 0]
            low, high = (-1, 1) if act == "tanh" else (0, 3)
            axis.hist(shown, bins=40, range=(low, high))
            axis.set_yticks([])
            axis.set_title(f"{name} {j + 1}: {values.std():.2g}", fontsize=7)
            axis.tick_params(labelsize=6)
    figure.figure.suptitle(f"{act}: activations of each layer, with their deviation", fontsize=9)
    return figure


if __name__ == "__main__":
    main(__file__)

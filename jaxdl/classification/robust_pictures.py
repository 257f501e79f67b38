"""Pictures of attacks: accuracy over the radius, and pictures beside what was done to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.classification.robust import (
    Attack,
    AttackConfig,
    accuracy_under,
    fgsm_attack,
    pgd_attack,
)
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.ops.attack import Norm
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Host

SHOWN = 8  # pictures of a kind
NAMES = {"linf": "largest change of a pixel", "l2": "Euclidean norm of the change"}

Radii = Mapping[Norm, Sequence[float]]
Curves = dict[Norm, dict[str, list[tuple[float, float]]]]  # norm -> net, attack -> (radius, share)


def robustness_curves(
    task: Task,
    states: Mapping[str, TrainState],
    split: Split,
    steps: int,
    radii: Radii,
) -> Curves:
    """Accuracy of each state under PGD of `steps` steps of 2.5 radius / steps, and under FGSM."""
    model, prepare = task.model, task.prepare
    assert model is not None, "the task of a classifier"
    curves: Curves = {}
    for norm, values in radii.items():
        lines = curves[norm] = {}
        for radius in values:
            rate = 2.5 * radius / steps or 1.0
            config = AttackConfig(norm, radius, rate, steps if radius else 1)
            attacks = {f"PGD, {steps} steps": pgd_attack(model, config, jax.random.key(0))}
            if norm == "linf":
                attacks["FGSM"] = fgsm_attack(model, radius)
            for kind, attack in attacks.items():
                measure = accuracy_under(model, prepare, attack)
                for name, state in states.items():
                    point = radius, measure(state, split)
                    lines.setdefault(f"{name}, {kind}", []).append(point)
    return curves


def draw_robustness(curves: Curves) -> Figure:
    """One panel per norm, one line per net and attack."""
    figure = Figure(1, len(curves), size=(4.6 * len(curves), 3.4))
    for axis, (norm, lines) in zip(figure.axes, curves.items(), strict=True):
        for name, points in lines.items():
            style = "--" if "FGSM" in name else "-"
            color = "C0" if name.startswith("before") else "C1"
            axis.plot(*zip(*points, strict=True), style, color=color, marker=".", label=name)
        axis.set(xlabel=NAMES[norm], ylim=(-0.02, 1.02))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    figure.axes[0].set_ylabel("accuracy under attack")
    return figure


def draw_attacks(
    task: Task, states: Mapping[str, TrainState], split: Split, attack: Attack
) -> Figure:
    """A row of pictures; for each state the change, gray where there is none, and the result."""
    model = task.model
    assert model is not None, "the task of a classifier"
    batch = split.batch(np.arange(min(SHOWN, split.size)))
    keys = jax.random.split(jax.random.key(0), len(batch["label"]))
    image, label = task.prepare(keys, batch, train=False)["image"], jnp.asarray(batch["label"])

    def predicted(state: TrainState, images: jax.Array) -> list[str]:
        logits: Any = model.apply(state.variables, images, train=False)
        return [split.classes[i] for i in np.argmax(logits, axis=1)]

    cells: list[Host] = list(np.asarray(image))
    titles = [f"is {split.classes[i]}" for i in batch["label"]]
    for name, state in states.items():
        attacked = jax.jit(attack)(state.variables, image, label)
        cells += [*np.asarray((attacked - image) / 2 + 0.5), *np.asarray(attacked)]
        said = predicted(state, attacked)
        titles += [f"{name}: change"] * len(said) + [f"{name}: {text}" for text in said]
    return draw_grid(cells, titles, columns=len(label), title="pictures, changes, what is said")

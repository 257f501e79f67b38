"""What TensorBoard may see beside numbers: the model, what it is given, and its weights."""

from typing import Any

import jax
import numpy as np

from jaxdl.models.summary.table import summarize, table
from jaxdl.optim.param_patterns import path_of
from jaxdl.runs.tensorboard import EventFile
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, example_input
from jaxdl.typing import Host

SHOWN = 16  # images


def write_start(events: EventFile, task: Task) -> None:
    """The table of layers, and the first training images as `prepare` makes them."""
    split = task.splits["train"]
    if task.model is not None and {"image", "input"} & split.example.keys():
        rows = summarize(task.model, example_input(split, task.prepare).shape[1:])
        lines = table(rows).splitlines()
        events.add_text(0, "model", "\n".join("    " + line for line in lines))
    if "image" in split.example:
        rows = split.rows(0, 1)[0][:SHOWN]
        keys = jax.random.split(jax.random.key(0), len(rows))
        batch = jax.tree.map(jax.numpy.asarray, dict(split.batch(rows)))
        images = np.asarray(
            jax.jit(lambda k, b: task.prepare(k, b, train=True)["image"])(keys, batch)
        )
        if images.ndim == 4 and images.shape[-1] in (1, 3):
            events.add_image(0, "images", tile(images))


def write_weights(events: EventFile, step: int, state: TrainState) -> None:
    """A histogram for every parameter array."""
    leaves: Any = jax.tree_util.tree_flatten_with_path(state.params)[0]
    events.add_histograms(step, {path_of(path): np.asarray(value) for path, value in leaves})


def tile(images: Host) -> Host:
    """Images `(N, H, W, C)`, any range, side by side as one uint8 picture."""
    low, high = images.min(), images.max()
    scaled = (255 * (images - low) / max(high - low, 1e-12)).astype(np.uint8)
    columns = int(np.ceil(np.sqrt(len(scaled))))
    blank = np.zeros((-len(scaled) % columns, *scaled.shape[1:]), np.uint8)
    grid = np.concatenate([scaled, blank])
    rows, (_, height, width, channels) = len(grid) // columns, grid.shape
    grid = grid.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, channels)

"""A trained run, or a published net, as what pictures in files are explained by."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, unknown
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.evaluation.predict_published import describe_weights
from jaxdl.interpret.network import Network
from jaxdl.models.weights.published import open_weights
from jaxdl.models.weights.weights_folder import find_weights
from jaxdl.training.restore import RestoredRun
from jaxdl.training.task import example_batch
from jaxdl.typing import Array, Host


class Subject(NamedTuple):
    """A classifier, and how pictures `(H, W, C)` uint8 come to it.

    `prepare(pictures)` gives them as they are shown, `(B, h, w, C)` floats in [0, 1], and as the
    network takes them. `about` says what was used.
    """

    network: Network
    classes: tuple[str, ...]
    prepare: Callable[[Sequence[Host]], tuple[Host, Array]]
    channels: int = 3
    about: tuple[str, ...] = ()


def subject_of_run(run: RestoredRun) -> Subject:
    """Of a run of a classifier of pictures; UsageError for another."""
    task, split = run.task, run.task.splits["train"]
    if "image" not in split.names or task.model is None:
        raise UsageError(f"explain {run.folder}: its rows are no pictures for a network")
    height, width, channels = split.example["image"].shape

    def prepare(pictures: Sequence[Host]) -> tuple[Host, Array]:
        cut = np.stack([resize_and_center_crop(p, (height, width)) for p in pictures])
        batch = {**example_batch(split, len(cut)), "image": jnp.asarray(cut)}
        keys = jax.random.split(jax.random.key(0), len(cut))
        return cut / np.float32(255), task.prepare(keys, batch, train=False)["image"]

    network = Network(run.state.variables, task.model)
    return Subject(network, split.classes, prepare, channels)


def subject_of_weights(name: str, given: str) -> Subject:
    """Of the registered model `name` with a weight file, or the name of one that is at hand."""
    path = find_weights(given)
    weights = open_weights(path, name)
    how = weights.preprocessing
    classes = weights.classes or tuple(f"class {i}" for i in range(weights.num_classes))

    def prepare(pictures: Sequence[Host]) -> tuple[Host, Array]:
        seen = how(pictures)
        shown = np.clip(
            seen * np.asarray(how.std, np.float32) + np.asarray(how.mean, np.float32), 0, 1
        )
        return shown, jnp.asarray(seen)

    network = Network(weights.variables, weights.model())
    return Subject(network, classes, prepare, about=tuple(describe_weights(path, weights)))


def find_class(given: str, classes: Sequence[str]) -> int:
    """The number of a class by its name, whatever its case, or by its number."""
    if given.isdecimal() and given not in classes:
        if int(given) >= len(classes):
            raise UsageError(f"target: a class must be in 0 to {len(classes) - 1}, got {given}")
        return int(given)
    names: dict[str, Any] = {}
    for i, name in enumerate(classes):
        names.setdefault(name.lower(), i)
    if given.lower() not in names:
        raise unknown("target", given, classes)
    return names[given.lower()]

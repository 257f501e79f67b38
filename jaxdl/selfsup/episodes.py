"""Episodes of few shots, drawn on the device, and one-shot runs as they are judged."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.draw import draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.few_shot import prototype_logits
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.geometry import compose, draw_affine
from jaxdl.ops.resize import sample_affine
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Key, Numbers, Prepare, Tree


def draw_episode(
    keys: Key, drawings: Array, count: int, *, strength: float, class_strength: float, shift: float
) -> Array:
    """`count` different drawings of each class, moved a little.

    `(B, T, H, W, C)` floats, one class per row -> `(B, count, H, W, C)`. All drawings of a class
    get one move of `class_strength`, which makes it another class, then each its own of `strength`
    and `shift` (see `draw_affine`).
    """
    classes, people, height, width, channels = drawings.shape
    if count > people:
        raise ValueError(f"draw_episode: a class has {people} drawings, {count} are asked for")
    size = height, width
    choice_keys, class_keys, move_keys = split_rows(keys, 3)
    chosen = jax.vmap(lambda key: jax.random.permutation(key, people)[:count])(choice_keys)
    images = jax.vmap(lambda rows, which: rows[which])(drawings, chosen)
    whole = draw_affine(class_keys, size, strength=class_strength, shift=0.0)
    own = draw_affine(split_rows(move_keys, count).T.ravel(), size, strength=strength, shift=shift)
    # A move leads from the new picture to the old one: the last one that is done comes first.
    matrix = compose(jnp.repeat(whole, count, axis=0), own)
    moved = sample_affine(images.reshape(-1, *size, channels), matrix, size)
    return moved.reshape(classes, count, *size, channels)


def flat_rows(images: Array) -> Array:
    """The pictures of an episode as rows of one batch: `(B, n, H, W, C)` -> `(B n, H, W, C)`."""
    return images.reshape(-1, *images.shape[2:])


class RunEvaluator(Evaluator):
    """The share of queries of one-shot runs whose nearest support is the right one.

    `one_shot` by distance in the model's embedding, `pixels` by that of the pictures themselves.
    In the folder: `run.png`, the first run.
    """

    def __init__(self, model: nn.Module, prepare: Prepare):
        self.model = model
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=10)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        image, (runs, ways) = batch["image"], batch["answer"].shape
        embedding: Any = self.model.apply(variables, image, train=False)
        embedding, pixels = (x.reshape(runs, 2 * ways, -1) for x in (embedding, image))
        return {
            "prediction": nearest_support(embedding, ways),
            "by_pixels": nearest_support(pixels, ways),
            "answer": batch["answer"],
        }

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Which support each query is taken for, `(runs, 20)`."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Shares of right answers over all runs."""
        right = {"one_shot": rows["prediction"], "pixels": rows["by_pixels"]}
        return {name: float(np.mean(x == rows["answer"])) for name, x in right.items()}

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """The queries of the first run, the support that each was taken for, and the right one."""
        run = split.batch(np.zeros(1, np.int64))
        support, query = run["support"][0], run["query"][0]
        answer, prediction = rows["answer"][0], rows["prediction"][0]
        images = [*query, *support[prediction], *support[answer]]
        marks = ["right" if a == p else "wrong" for a, p in zip(answer, prediction, strict=True)]
        title = "Rows: queries of a run; the support that each was taken for; the right one"
        titles = ["query"] * len(query) + marks + ["answer"] * len(query)
        figure = draw_grid(
            [255 - x for x in images], titles, columns=len(query), title=title, cell=0.6
        )
        figure.save(folder / "run.png")


def nearest_support(vectors: Array, ways: int) -> Array:
    """`(B, 2 ways, D)`, support before queries -> the place of the nearest support `(B, ways)`."""

    def one(vectors: Array) -> Array:
        return jnp.argmax(prototype_logits(vectors[ways:], vectors[:ways, None]), axis=1)

    return jax.vmap(one)(vectors)

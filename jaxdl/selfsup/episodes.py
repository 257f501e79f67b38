"""Episodes of few shots, drawn on the device, and one-shot runs as they are judged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_at_least, check_positive
from jaxdl.data.splits.split import Split
from jaxdl.draw import draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.few_shot import prototype_logits
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.geometry import compose, draw_affine
from jaxdl.ops.augment.moments import moment_move
from jaxdl.ops.resize import sample_affine
from jaxdl.selfsup.episode_losses import Scores
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Key, Numbers, Prepare, Tree

Guess = Callable[[Tree, Array, Array], Array]


@dataclass(frozen=True)
class Pose:
    """How drawings lie in the picture that a model is given; see `moment_move`."""

    size: int = 0
    """Pixels per side; the middle of the ink stands in the middle (0: as they were drawn)."""
    spread: float = 7.0
    """Pixels that the ink deviates from it by, the same in every direction."""

    def __post_init__(self) -> None:
        check_at_least("pose.size", self.size, 0)
        check_positive("pose.spread", self.spread)

    def size_of(self, images: Array) -> tuple[int, int]:
        """Height and width of `(..., H, W, C)` after it."""
        return (self.size, self.size) if self.size else (images.shape[-3], images.shape[-2])

    def matrix(self, images: Array) -> Array | None:
        """The move of each of `(B, H, W, C)`, `(B, 2, 3)`; None where they stay."""
        if not self.size:
            return None
        return moment_move(jnp.mean(images, axis=3), self.size_of(images), spread=self.spread)

    def apply(self, images: Array) -> Array:
        """`(B, H, W, C)` -> the same of its size."""
        matrix = self.matrix(images)
        return images if matrix is None else sample_affine(images, matrix, self.size_of(images))


def draw_episode(
    keys: Key,
    drawings: Array,
    count: int,
    *,
    strength: float,
    class_strength: float,
    shift: float,
    pose: Pose = Pose(),
) -> Array:
    """`count` different drawings of each class, moved a little.

    `(B, T, H, W, C)` floats, one class per row -> `(B, count, H', W', C)` as `pose` has them. All
    drawings of a class get one move of `class_strength`, which makes it another class, then each
    its own of `strength` and `shift` (see `draw_affine`).
    """
    classes, people, height, width, channels = drawings.shape
    if count > people:
        raise ValueError(f"draw_episode: a class has {people} drawings, {count} are asked for")
    size = pose.size_of(drawings)
    choice_keys, class_keys, move_keys = split_rows(keys, 3)
    chosen = jax.vmap(lambda key: jax.random.permutation(key, people)[:count])(choice_keys)
    images = jax.vmap(lambda rows, which: rows[which])(drawings, chosen)
    whole = draw_affine(class_keys, size, strength=class_strength, shift=0.0)
    own = draw_affine(split_rows(move_keys, count).T.ravel(), size, strength=strength, shift=shift)
    images, matrix = images.reshape(-1, height, width, channels), jnp.repeat(whole, count, axis=0)
    posed = pose.matrix(images)
    # One sampling of all moves, in the order in which they are done.
    matrix = compose(matrix if posed is None else compose(posed, matrix), own)
    moved = sample_affine(images, matrix, size)
    return moved.reshape(classes, count, *size, channels)


def prepare_episodes(count: int, pose: Pose, **moves: float) -> Prepare:
    """Rows of `omniglot_small` as the model is given them, uint8 to floats.

    Of characters `image` `(B count, H, W, C)`, moved in training by `moves` (see `draw_episode`);
    of runs `image`, support before queries, `pixels`, the same as they were drawn, and `answer`.
    """

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        if "drawings" not in batch:
            image = flat_rows(to_float(jnp.concatenate([batch["support"], batch["query"]], axis=1)))
            return {"image": pose.apply(image), "pixels": image, "answer": batch["answer"]}
        image = to_float(batch["drawings"])
        if train:
            return {"image": flat_rows(draw_episode(keys, image, count, pose=pose, **moves))}
        return {"image": pose.apply(flat_rows(image[:, :count]))}

    return prepare


def flat_rows(images: Array) -> Array:
    """The pictures of an episode as rows of one batch: `(B, n, H, W, C)` -> `(B n, H, W, C)`."""
    return images.reshape(-1, *images.shape[2:])


class RunEvaluator(Evaluator):
    """The share of queries of one-shot runs for which the right support is guessed.

    `guess(variables, support, query)`, both `(R, ways, H, W, C)`, gives the place in the support of
    each query, `(R, ways)`. `one_shot` is its share, `pixels` that of the nearest drawing,
    `posed_pixels` that of the nearest picture as the model is given it. In the folder: `run.png`,
    the first run.
    """

    def __init__(self, guess: Guess, prepare: Prepare):
        self.guess = guess
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=10)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        answer = batch["answer"]
        runs, ways = answer.shape
        image, pixels = (
            batch[name].reshape(runs, 2, ways, *batch[name].shape[1:])
            for name in ("image", "pixels")
        )
        return {
            "prediction": self.guess(variables, image[:, 0], image[:, 1]),
            "posed_pixels": by_pixels(image[:, 0], image[:, 1]),
            "pixels": by_pixels(pixels[:, 0], pixels[:, 1]),
            "answer": answer,
        }

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Which support each query is taken for, `(runs, 20)`."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Shares of right answers over all runs."""
        names = {"one_shot": "prediction", "pixels": "pixels", "posed_pixels": "posed_pixels"}
        return {name: float(np.mean(rows[x] == rows["answer"])) for name, x in names.items()}

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


def by_pixels(support: Array, query: Array) -> Array:
    """The nearest support of each query by its pixels, `(R, ways, ...)` -> `(R, ways)`."""
    flat = (x.reshape(*x.shape[:2], -1) for x in (query, support))
    return jax.vmap(lambda q, s: best_support(prototype_logits, q, s))(*flat)


def by_embedding(model: nn.Module, scores: Scores) -> Guess:
    """A guess by the scores of embeddings of both."""

    def guess(variables: Tree, support: Array, query: Array) -> Array:
        runs, ways = support.shape[:2]
        images = jnp.concatenate([query, support])
        z: Any = model.apply(variables, flat_rows(images), train=False)
        q, s = z.reshape(2, runs, ways, -1)
        return jax.vmap(lambda q, s: best_support(scores, q, s))(q, s)

    return guess


def best_support(scores: Scores, query: Array, support: Array) -> Array:
    """The place of the highest score, one example of each class: `(ways, D)` -> `(ways,)`."""
    return jnp.argmax(scores(query, support[:, None]), axis=1)

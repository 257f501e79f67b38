"""CornerNet's losses in loops from the paper, and pairs of corners that are read as boxes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.dense.cornernet import (
    BothCorners,
    CornerMaps,
    cornernet_candidates,
    cornernet_losses,
)
from jaxdl.detection.dense.heatmap import gaussian_radius
from tests.detection.truths import BATCH, BOXES, CLASSES, GRID, SIZE

RNG = np.random.default_rng(0)
NAMES = ("heat", "pull", "push", "offset")


def huber(x):
    return np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5).sum()


@pytest.mark.parametrize(
    ("weights", "overlap"), [((1.0, 0.1, 0.1, 1.0), 0.3), ((2.0, 1.0, 3.0, 0.5), 0.7)]
)
def test_losses_are_the_papers_in_loops(weights, overlap):
    maps = [[RNG.normal(size=(2, *GRID, n)) for n in (CLASSES, 1, 2)] for _ in range(2)]
    out = BothCorners(*(CornerMaps(*(jnp.asarray(m, jnp.float32) for m in c)) for c in maps))
    got = jax.jit(partial(cornernet_losses, loss_weights=weights, overlap=overlap))(out, BATCH)
    for b in range(2):
        boxes = BOXES[b][np.asarray(BATCH["kept"][b])] / 8
        heat, offset, tags = 0.0, 0.0, np.zeros((len(boxes), 2))
        for corner in range(2):
            aim = np.zeros((*GRID, CLASSES))
            for i, box in enumerate(boxes):
                x, y = box[2 * corner : 2 * corner + 2]
                cx, cy = min(int(x), GRID[1] - 1), min(int(y), GRID[0] - 1)
                radius = float(gaussian_radius(jnp.asarray(box[2:] - box[:2]), overlap=overlap))
                sigma, k = (2 * int(radius) + 1) / 6, int(BATCH["labels"][b, i])
                for v, u in np.ndindex(*GRID):
                    bump = np.exp(-((u - cx) ** 2 + (v - cy) ** 2) / (2 * sigma**2))
                    aim[v, u, k] = max(aim[v, u, k], bump)
                offset += huber(maps[corner][2][b, cy, cx] - [x - cx, y - cy])
                tags[i, corner] = maps[corner][1][b, cy, cx, 0]
            p = 1 / (1 + np.exp(-maps[corner][0][b]))
            hit, rest = (1 - p) ** 2 * np.log(p), (1 - aim) ** 4 * p**2 * np.log(1 - p)
            heat -= np.where(aim == 1, hit, rest).sum()
        n, mean = len(boxes), tags.mean(1)
        pull = ((tags - mean[:, None]) ** 2).sum() / n
        pairs = [max(0, 1 - abs(mean[i] - mean[j])) for i in range(n) for j in range(n) if i != j]
        want = (heat / n, pull, sum(pairs) / max(n * (n - 1), 1), offset / n)
        for name, weight, value in zip(NAMES, weights, want, strict=True):
            np.testing.assert_allclose(got[name][b], weight * value, rtol=1e-4, atol=1e-7)


def corner(places):
    """Maps with peaks at `(y, x, class, logit, embedding)`, each a quarter of a cell in."""
    heat, tag = np.full((1, *GRID, CLASSES), -9.0), np.zeros((1, *GRID, 1))
    for y, x, label, logit, embedding in places:
        heat[0, y, x, label], tag[0, y, x] = logit, embedding
    return CornerMaps(*map(jnp.asarray, (heat, tag, np.full((1, *GRID, 2), 0.25))))


def test_corners_of_one_class_and_one_embedding_are_a_box():
    low = corner([(0, 0, 2, 5, 1.0), (0, 2, 1, 4, -1.0)])
    high = corner([(3, 3, 2, 3, 1.2), (2, 4, 1, 2, -1.6)])
    boxes, score, label = cornernet_candidates(BothCorners(low, high), SIZE, count=2)
    assert boxes.shape == (1, 4, 4)
    kept = np.flatnonzero(score[0] >= 0)
    np.testing.assert_array_equal(kept, [0])  # the second pair is .6 apart, others in class
    np.testing.assert_allclose(boxes[0, 0], 8 * np.array([0.25, 0.25, 3.25, 3.25]), rtol=1e-5)
    assert label[0, 0] == 2
    mean = (1 / (1 + np.exp(-5)) + 1 / (1 + np.exp(-3))) / 2
    np.testing.assert_allclose(score[0, 0], mean, rtol=1e-5)
    _, wider, _ = cornernet_candidates(BothCorners(low, high), SIZE, count=2, most_apart=0.7)
    assert (wider[0] >= 0).sum() == 2
    _, turned, _ = cornernet_candidates(BothCorners(high, low), SIZE, count=2, most_apart=0.7)
    assert (turned < 0).all()  # the top left corner must be above and to the left

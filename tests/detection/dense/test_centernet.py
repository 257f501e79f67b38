"""CenterNet's heat and losses in loops from the paper, and peaks that are read as boxes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.dense.centernet import CenterMaps, centernet_candidates, centernet_losses
from jaxdl.detection.dense.heatmap import gaussian_radius, heat_targets
from tests.detection.truths import BATCH, BOXES, CLASSES, GRID, SIZE, overlap

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("goal", [0.3, 0.7])
def test_the_radius_of_a_heat_is_where_the_first_iou_falls_to_the_goal(goal):
    for w, h in RNG.uniform(1, 20, (9, 2)):
        r = float(gaussian_radius(jnp.array([w, h]), overlap=goal))
        box = np.array([0, 0, w, h])
        moves = [np.array(m) * r for m in ([1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1])]
        ious = [overlap(box, box + move) for move in moves]
        np.testing.assert_allclose(min(ious), goal, atol=1e-4)


def test_heat_and_losses_of_centernet_are_the_papers_in_loops():
    boxes = BOXES / 8

    def make(b):
        low, high = jnp.split(jnp.asarray(boxes[b], jnp.float32), 2, axis=-1)
        truth = (BATCH["labels"][b], BATCH["kept"][b])
        return heat_targets((low + high) / 2, high - low, *truth, grid=GRID, num_classes=CLASSES)

    maps = [RNG.normal(size=(2, *GRID, n)) for n in (CLASSES, 2, 2)]
    out = CenterMaps(*(jnp.asarray(m, jnp.float32) for m in maps))
    weights = (1.0, 2.0, 0.5)
    got = jax.jit(partial(centernet_losses, loss_weights=weights))(out, BATCH)
    for b in range(2):
        heat, parts, count = np.zeros((*GRID, CLASSES)), np.zeros(3), 0
        for i in range(3):
            if not BATCH["kept"][b, i]:
                continue
            count += 1
            t = boxes[b, i]
            cx, cy, w, h = (t[0] + t[2]) / 2, (t[1] + t[3]) / 2, t[2] - t[0], t[3] - t[1]
            radius = float(gaussian_radius(jnp.array([w, h])))
            sigma, k = (2 * int(radius) + 1) / 6, int(BATCH["labels"][b, i])
            for y, x in np.ndindex(*GRID):
                bump = np.exp(-((x - int(cx)) ** 2 + (y - int(cy)) ** 2) / (2 * sigma**2))
                heat[y, x, k] = max(heat[y, x, k], bump)
            at = (b, int(cy), int(cx))
            parts[1] += np.abs(maps[1][at] - [cx - int(cx), cy - int(cy)]).sum()
            parts[2] += np.abs(maps[2][at] - [w, h]).sum()
        np.testing.assert_allclose(make(b).heat, heat, atol=1e-6)
        p = 1 / (1 + np.exp(-maps[0][b]))
        loss = np.where(
            heat == 1, -((1 - p) ** 2) * np.log(p), -((1 - heat) ** 4) * p**2 * np.log(1 - p)
        )
        parts[0] = loss.sum()
        for value, name, weight in zip(parts, got, weights, strict=True):
            np.testing.assert_allclose(got[name][b], weight * value / count, rtol=1e-4)


def test_centernet_reads_peaks_as_boxes():
    heat = jnp.full((1, *GRID, CLASSES), -9.0).at[0, 1, 3, 2].set(5).at[0, 1, 2, 2].set(4)
    offset, size = jnp.full((1, *GRID, 2), 0.25), jnp.full((1, *GRID, 2), 2.0)
    boxes, score, label = centernet_candidates(CenterMaps(heat, offset, size), SIZE, count=2)
    np.testing.assert_allclose(boxes[0, 0], [8 * 2.25, 8 * 0.25, 8 * 4.25, 8 * 2.25], rtol=1e-5)
    assert label[0, 0] == 2
    assert score[0, 0] > 0.99
    assert score[0, 1] < 0.01  # the neighbor is no peak

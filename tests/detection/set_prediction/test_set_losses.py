"""The set loss in float64 loops from the paper, with SciPy's assignment."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from jaxdl.detection.set_prediction.detr import SetPredictions
from jaxdl.detection.set_prediction.set_losses import detr_losses
from tests.detection.truths import BATCH, BOXES, CLASSES, SIZE

LAYERS, QUERIES = 2, 6


def corners(box):
    return np.array([*(box[:2] - box[2:] / 2), *(box[:2] + box[2:] / 2)])


def giou(a, b):
    a, b = corners(a), corners(b)
    inter = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter
    hull = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
    return inter / union - (hull - union) / hull


def layer_losses(logits, boxes, truths, labels, costs, no_object):
    chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    cost = np.array(
        [
            [
                -costs[0] * p[k] + costs[1] * np.abs(b - t).sum() - costs[2] * giou(b, t)
                for t, k in zip(truths, labels, strict=True)
            ]
            for b, p in zip(boxes, chance, strict=True)
        ]
    ).reshape(len(boxes), len(truths))
    queries, found = linear_sum_assignment(cost)
    target = np.full(len(boxes), CLASSES)
    target[queries] = labels[found]
    weight = np.where(target == CLASSES, no_object, 1)
    kind = (weight * -np.log(chance[np.arange(len(boxes)), target])).sum() / weight.sum()
    count = max(len(truths), 1)
    l1 = sum(np.abs(boxes[q] - truths[t]).sum() for q, t in zip(queries, found, strict=True))
    far = sum(1 - giou(boxes[q], truths[t]) for q, t in zip(queries, found, strict=True))
    return np.array([kind, l1 / count, far / count])


@pytest.mark.parametrize(
    ("weights", "costs", "no_object"),
    [((1.0, 5.0, 2.0), (1.0, 5.0, 2.0), 0.1), ((2.0, 1.0, 3.0), (4.0, 0.5, 1.0), 0.5)],
)
def test_losses_are_the_papers_in_loops(weights, costs, no_object):
    rng = np.random.default_rng(0)
    rows = len(BOXES) + 1  # and a picture of nothing
    logits = rng.normal(size=(rows, LAYERS, QUERIES, CLASSES + 1))
    boxes = rng.uniform(0.1, 0.6, (rows, LAYERS, QUERIES, 4))
    pad = lambda x: jnp.concatenate([x, jnp.zeros_like(x[:1])])  # noqa: E731
    batch = {**BATCH, **{k: pad(BATCH[k]) for k in ("boxes", "labels", "kept")}}
    losses = partial(
        detr_losses, loss_weights=weights, cost_weights=costs, no_object_weight=no_object
    )
    out = SetPredictions(jnp.asarray(logits, jnp.float32), jnp.asarray(boxes, jnp.float32))
    got = jax.jit(losses)(out, batch)
    kept = np.asarray(batch["kept"])
    for b in range(rows):
        real = np.asarray(batch["boxes"], np.float64)[b][kept[b]]
        size = np.array([SIZE[1], SIZE[0]] * 2)
        truths = [[(t[0] + t[2]) / 2, (t[1] + t[3]) / 2, *(t[2:] - t[:2])] for t in real]
        truths = np.array(truths).reshape(-1, 4) / size
        labels = np.asarray(batch["labels"])[b][kept[b]]
        want = sum(
            layer_losses(logits[b, i], boxes[b, i], truths, labels, costs, no_object)
            for i in range(LAYERS)
        )
        for name, weight, value in zip(("class", "l1", "giou"), weights, want, strict=True):
            np.testing.assert_allclose(got[name][b], weight * value, rtol=2e-5, atol=1e-6)


def test_the_gradient_of_an_empty_picture_is_finite():
    out = SetPredictions(jnp.zeros((1, 1, 4, 3)), jnp.full((1, 1, 4, 4), 0.5))
    batch = {
        "image": jnp.zeros((1, 8, 8, 3)),
        "boxes": jnp.zeros((1, 2, 4)),
        "labels": jnp.zeros((1, 2), jnp.int32),
        "kept": jnp.zeros((1, 2), bool),
    }
    total = lambda out: sum(v.sum() for v in detr_losses(out, batch).values())  # noqa: E731
    slope = jax.jit(jax.grad(total))(out)
    assert np.isfinite(slope.classes).all()
    assert np.abs(slope.classes).sum() > 0
    np.testing.assert_array_equal(slope.boxes, 0)

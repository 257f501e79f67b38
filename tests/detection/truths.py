"""Two images with two boxes and one, and how boxes overlap: what losses are judged on."""

import jax.numpy as jnp
import numpy as np

GRID, SIZE, CLASSES = (4, 5), (32, 40), 3

BOXES = np.array(
    [[[3, 2, 12, 11], [16, 9, 39, 30], [0, 0, 0, 0]], [[20, 0, 30, 9], [0, 0, 0, 0], [0, 0, 0, 0]]]
)
BATCH = {
    "image": jnp.zeros((2, *SIZE, 3)),
    "boxes": jnp.asarray(BOXES, jnp.float32),
    "labels": jnp.array([[2, 0, 0], [1, 0, 0]]),
    "kept": jnp.array([[True, True, False], [True, False, False]]),
    "draw": jnp.arange(4, dtype=jnp.uint32).reshape(2, 2),
}


def overlap(a, b):
    inter = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return inter / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter)

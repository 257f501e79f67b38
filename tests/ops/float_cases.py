"""Calls of every op that computes with floats: name -> (function, shapes of its arguments)."""

from functools import partial

import jax.numpy as jnp
import numpy as np

from jaxdl.ops.attention import masked_softmax, scaled_dot_product
from jaxdl.ops.boxes.geometry import diou, giou, iou
from jaxdl.ops.boxes.roi_align import roi_align, roi_pool
from jaxdl.ops.conv import conv
from jaxdl.ops.conv_transpose import conv_transpose
from jaxdl.ops.distance import euclidean, manhattan
from jaxdl.ops.embedding_lookup import lookup
from jaxdl.ops.matmul import dense_matmul
from jaxdl.ops.pool import adaptive_avg_pool, avg_pool, max_pool
from jaxdl.ops.position_encoding import rotary_embedding
from jaxdl.ops.resize import resize
from jaxdl.ops.rnn_scan import rnn_scan

IMAGE = (4, 12, 12, 6)
TOKENS = jnp.arange(20).reshape(4, 5) % 7
KEPT = jnp.arange(10).reshape(5, 2) % 3 > 0
RISING = jnp.array([0.0, 0.0, 8.0, 8.0])


def gated(state, zx, zh):
    """A cell with a product of gates."""
    return (jnp.tanh(zx + zh) * jnp.cos(state[0]),)


def recurrent(wh, start, zx):
    """`rnn_scan`, backwards, with some steps held."""
    return rnn_scan(gated, True, wh, (start,), zx, KEPT)


def boxes_of(corners):
    """Boxes of some size from any numbers."""
    return corners + RISING[None]


CASES = {
    "conv": (partial(conv, padding=1), (IMAGE, (3, 3, 6, 16))),
    "conv_thin": (partial(conv, padding=2), ((4, 12, 12, 3), (5, 5, 3, 16))),
    "conv_strided": (partial(conv, stride=2, padding=(1, (0, 2))), (IMAGE, (3, 3, 6, 16))),
    "conv_dilated": (partial(conv, dilation=2), (IMAGE, (3, 3, 6, 16))),
    "conv_pointwise": (conv, (IMAGE, (1, 1, 6, 16))),
    "conv_groups": (partial(conv, groups=2, padding=1), (IMAGE, (3, 3, 3, 16))),
    "conv_many_groups": (
        partial(conv, groups=12, padding=1),
        ((2, 8, 8, 24), (3, 3, 2, 24)),
    ),
    "conv_depthwise": (partial(conv, groups=6, padding=1, stride=2), (IMAGE, (3, 3, 1, 6))),
    "conv_depthwise_wide": (partial(conv, groups=6, padding=1), (IMAGE, (3, 3, 1, 12))),
    "conv_1d": (partial(conv, padding=1), ((4, 12, 6), (3, 6, 16))),
    "conv_3d": (partial(conv, padding=1), ((2, 5, 6, 7, 6), (3, 3, 3, 6, 10))),
    "conv_transpose": (
        partial(conv_transpose, stride=2, padding=1),
        ((4, 6, 6, 6), (4, 4, 6, 3)),
    ),
    "max_pool": (partial(max_pool, window=2), (IMAGE,)),
    "max_pool_overlapping": (
        partial(max_pool, window=3, stride=2, padding=1, ceil_mode=True),
        (IMAGE,),
    ),
    "max_pool_cropped": (partial(max_pool, window=2), ((2, 7, 9, 6),)),  # what no window reaches
    "avg_pool_cropped": (partial(avg_pool, window=2), ((2, 7, 9, 6),)),
    "avg_pool": (partial(avg_pool, window=3, stride=2, padding=1), (IMAGE,)),
    "adaptive_avg_pool": (partial(adaptive_avg_pool, size=5), (IMAGE,)),
    "lookup": (lambda table: lookup(table, TOKENS), ((7, 9),)),
    "dense_matmul": (dense_matmul, ((4, 5, 6), (6, 7))),
    "rnn_scan": (recurrent, ((6, 6), (2, 6), (5, 2, 6))),
    "masked_softmax": (masked_softmax, ((4, 5),)),
    "attention": (scaled_dot_product, ((2, 5, 8), (2, 6, 8), (2, 6, 8))),
    "rotary_embedding": (lambda x: rotary_embedding(x, jnp.arange(5)), ((2, 5, 8),)),
    "resize": (partial(resize, size=(7, 17)), (IMAGE,)),
    "euclidean": (euclidean, ((5, 6), (7, 6))),
    "manhattan": (manhattan, ((5, 6), (7, 6))),
    "iou": (lambda a, b: iou(boxes_of(a), boxes_of(b)), ((5, 4), (6, 4))),
    "giou": (lambda a, b: giou(boxes_of(a), boxes_of(b)), ((5, 4), (6, 4))),
    "diou": (lambda a, b: diou(boxes_of(a), boxes_of(b)), ((5, 4), (6, 4))),
    "roi_align": (
        lambda x, b: roi_align(x, boxes_of(b)[None], size=(3, 3)),
        ((1, 12, 12, 6), (5, 4)),
    ),
    "roi_pool": (
        lambda x, b: roi_pool(x, boxes_of(b)[None], size=(3, 3)),
        ((1, 12, 12, 6), (5, 4)),
    ),
}


def arguments(name):
    """float32 arrays of the case's shapes, on the host."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in CASES[name][1]]

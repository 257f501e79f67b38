"""Softmax and multiclass SVM losses with their backward passes written out."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def softmax_loss(scores: Array, labels: Array) -> Array:
    """-log p_y, p = softmax(s), shifted by the largest score. `(B, K)`, `(B,)` int -> `(B,)`.

    dL/ds = p - onehot(y)
    """
    check_rank("softmax_loss: scores", scores, 2)
    return _softmax_loss(scores, labels)


def svm_loss(scores: Array, labels: Array, *, margin: float = 1.0) -> Array:
    """sum_{j != y} max(0, s_j - s_y + margin). `(B, K)`, `(B,)` int -> `(B,)`.

    dL/ds_j = 1 where the term of j is above 0, and dL/ds_y = minus their number
    """
    check_rank("svm_loss: scores", scores, 2)
    return _svm_loss(scores, labels, margin)


@jax.custom_vjp
def _softmax_loss(scores, labels):
    return _softmax_forward(scores, labels)[0]


def _softmax_forward(scores, labels):
    shifted = scores - jnp.max(scores, axis=1, keepdims=True)
    log_sum = jnp.log(jnp.sum(jnp.exp(shifted), axis=1, keepdims=True))
    log_p = shifted - log_sum
    return -jnp.take_along_axis(log_p, labels[:, None], axis=1)[:, 0], (log_p, labels)


def _softmax_backward(saved, slope):
    log_p, labels = saved
    truth = jax.nn.one_hot(labels, log_p.shape[1], dtype=log_p.dtype)
    return (jnp.exp(log_p) - truth) * slope[:, None], None


_softmax_loss.defvjp(_softmax_forward, _softmax_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _svm_loss(scores, labels, margin):
    return _svm_forward(scores, labels, margin)[0]


def _svm_forward(scores, labels, margin):
    true = jnp.take_along_axis(scores, labels[:, None], axis=1)
    other = jnp.arange(scores.shape[1])[None, :] != labels[:, None]
    terms = jnp.where(other, jnp.maximum(scores - true + margin, 0), 0)
    return jnp.sum(terms, axis=1), (terms > 0, labels)


def _svm_backward(margin, saved, slope):
    active, labels = saved
    active = active.astype(slope.dtype)
    truth = jax.nn.one_hot(labels, active.shape[1], dtype=slope.dtype)
    return (active - truth * jnp.sum(active, axis=1, keepdims=True)) * slope[:, None], None


_svm_loss.defvjp(_svm_forward, _svm_backward)

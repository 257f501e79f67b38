"""Writing a sequence token by token: greedily, at random, or by beam search, as one program.

A model is given as `step(tokens (B,), state) -> (logits (B, V), state)`, where every array of the
state has the batch as its first axis, or no axis.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DivergedError, check_fraction
from jaxdl.data.captions import END, NULL, START
from jaxdl.typing import Array, ArrayLike, Host, Key, Tree

StepFn = Callable[[Array, Any], tuple[Array, Any]]


def filter_logits(
    logits: Array, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Array:
    """Logits divided by `temperature`, those left out -inf: `(..., V)` -> the same.

    `top_k` keeps so many of the largest (0: all); then `top_p` the fewest likeliest tokens whose
    probabilities reach that sum (nucleus, Holtzman et al. 2020, arXiv 1904.09751, section 3.1).
    """
    if temperature <= 0:
        raise ValueError(f"filter_logits: temperature must be > 0, got {temperature}")
    if top_k < 0:
        raise ValueError(f"filter_logits: top_k must be >= 0, got {top_k}")
    check_fraction("filter_logits: top_p", top_p)
    logits = logits / temperature
    order = jnp.argsort(-logits, axis=-1)
    ranked = jnp.take_along_axis(logits, order, axis=-1)
    place = jnp.arange(logits.shape[-1]).reshape((1,) * (logits.ndim - 1) + (-1,))
    if top_k > 0:
        ranked = jnp.where(place < top_k, ranked, -jnp.inf)
    if top_p < 1:
        probability = jax.nn.softmax(ranked, axis=-1)
        before = jnp.cumsum(probability, axis=-1) - probability
        ranked = jnp.where((before < top_p) | (place == 0), ranked, -jnp.inf)
    return jnp.take_along_axis(ranked, jnp.argsort(order, axis=-1), axis=-1)


def generate(
    step: StepFn,
    state: Any,
    first: Array,
    *,
    length: int,
    end: int | None = END,
    key: Key | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> tuple[Array, Any]:
    """Up to `length` tokens after `first` `(B,)`: the likeliest each time, or drawn with `key`.

    After `end` follow <NULL>s (None: a text has no end). Returns: `(B, length)` int32, last state.
    """

    def one(carry: Any, t: Array) -> Any:
        token, state, done = carry
        logits, state = step(token, state)
        if key is None:
            new = jnp.argmax(logits, axis=-1)
        else:
            kept = filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
            new = jax.random.categorical(jax.random.fold_in(key, t), kept)
        new = jnp.where(done, NULL, new).astype(jnp.int32)
        done = done | (new == end) if end is not None else done
        return (new, state, done), new

    start = (first.astype(jnp.int32), state, jnp.zeros(first.shape, bool))
    (_, state, _), tokens = jax.lax.scan(one, start, jnp.arange(length))
    return tokens.T, state


class BeamState(NamedTuple):
    """Hypotheses, the best first: `tokens (B, K, L)`, log-probabilities `scores (B, K)`."""

    tokens: Array
    scores: Array


def beam_search(
    step: StepFn,
    state: Any,
    first: Array,
    *,
    width: int,
    length: int,
    end: int = END,
    penalty: float = 0.0,
) -> BeamState:
    """The `width` best sequences of up to `length` tokens after `first` `(B,)`, as beams find them.

    Each time the K best continuations of the K kept ones stay; a sequence that has its `end` stays
    as it is. In the end they are ordered by score / (number of tokens)^penalty. Width 1 is greedy.
    """
    if width < 1:
        raise ValueError(f"beam_search: width must be >= 1, got {width}")
    batch = len(first)
    rows = jnp.arange(batch)[:, None]

    def one(carry: Any, t: Array) -> Any:
        tokens, scores, state, last = carry
        done = (tokens == end).any(axis=2)  # (B, K)
        logits, state = step(last.reshape(-1), state)
        gain = jax.nn.log_softmax(logits).reshape(batch, width, -1)
        vocabulary = gain.shape[-1]
        only_null = jnp.where(jnp.arange(vocabulary) == NULL, 0.0, -jnp.inf)
        gain = jnp.where(done[..., None], only_null[None, None], gain)
        everything = (scores[..., None] + gain).reshape(batch, -1)
        lost = jnp.isnan(everything).any(axis=1, keepdims=True)  # else the search goes around it
        everything = jnp.where(lost, jnp.nan, everything)
        scores, chosen = jax.lax.top_k(everything, width)
        parent, new = chosen // vocabulary, (chosen % vocabulary).astype(jnp.int32)
        tokens = tokens[rows, parent].at[:, :, t].set(new)
        flat = (rows * width + parent).reshape(-1)
        state = jax.tree.map(lambda x: x[flat] if jnp.ndim(x) else x, state)
        return (tokens, scores, state, new), None

    state = jax.tree.map(lambda x: jnp.repeat(x, width, axis=0) if jnp.ndim(x) else x, state)
    # One beam lives at first: K equal ones would stay equal.
    alive = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf)
    scores = jnp.broadcast_to(alive, (batch, width))
    tokens = jnp.full((batch, width, length), NULL, jnp.int32)
    last = jnp.repeat(first.astype(jnp.int32)[:, None], width, axis=1)
    start = (tokens, scores, state, last)
    (tokens, scores, _, _), _ = jax.lax.scan(one, start, jnp.arange(length))
    count = jnp.maximum(jnp.sum(tokens != NULL, axis=2), 1)
    ranked = scores if not penalty else scores / count**penalty
    order = jnp.argsort(-ranked, axis=1)
    return BeamState(tokens[rows, order], scores[rows, order])


class Written(NamedTuple):
    """What a model wrote, `tokens (B, L)`, and how likely it found it, `log_probability (B,)`.

    The latter is NaN where the model's logits were, which tokens alone do not show.
    """

    tokens: Array
    log_probability: Array


def write_sequences(
    model: nn.Module, variables: Tree, source: ArrayLike, *, length: int, beam: int = 1
) -> Written:
    """What `model` (methods `start(source)`, `step(tokens, state)`) writes in `length` tokens.

    Greedy, or the best of a beam search. `source` `(B, ...)`: texts, images or features.
    """
    state = model.apply(variables, source, method="start")
    step: Any = partial(model.apply, variables, method="step")
    first = jnp.full(len(source), START)
    if beam == 1:
        return Written(*_greedy(step, state, first, length))
    best = beam_search(step, state, first, width=beam, length=length)
    return Written(best.tokens[:, 0], best.scores[:, 0])


def _greedy(step: StepFn, state: Any, first: Array, length: int) -> tuple[Array, Array]:
    """The likeliest token each time, and the sum of their log-probabilities up to the end."""

    def scored(token: Array, carry: Any) -> tuple[Array, Any]:
        state, total, done = carry
        logits, state = step(token, state)
        best = jnp.max(jax.nn.log_softmax(logits), axis=-1)  # NaN where any logit is
        total += jnp.where(done, 0.0, best)
        return logits, (state, total, done | (jnp.argmax(logits, axis=-1) == END))

    start = (state, jnp.zeros(first.shape), jnp.zeros(first.shape, bool))
    tokens, (_, total, _) = generate(scored, start, first, length=length)
    return tokens, total


def read_written(written: Written, who: str) -> Host:
    """The tokens as NumPy; DivergedError, in the name of `who`, where a row's logits are NaN."""
    bad = np.flatnonzero(np.isnan(written.log_probability))
    if len(bad):
        raise DivergedError(
            f"{who}: the model's logits of row {bad[0]} are NaN ({len(bad)} such rows), though its "
            "parameters are finite, so that what it writes means nothing; train again with a lower "
            "optim.lr or with optim.clip_norm"
        )
    return np.asarray(written.tokens)

"""t-SNE (van der Maaten & Hinton 2008), exact: every pair counts in every step."""

import dataclasses
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_positive, check_rank
from jaxdl.classic.estimator import Estimator, rows
from jaxdl.classic.features.pca import decorrelate, principal_components
from jaxdl.ops.distance import squared_euclidean
from jaxdl.typing import Array, ArrayLike, Host

TINY = 1e-12  # the least probability of a pair: its logarithm is finite


class Motion(NamedTuple):
    """What one step of the descent hands to the next."""

    y: Array  # (N, d) the map
    velocity: Array  # (N, d)
    gains: Array  # (N, d) each coordinate's own factor on the rate


def conditional(squares: Array, perplexity: float, *, halvings: int = 60) -> Array:
    """p(j|i), Gaussian in the distances with a width that gives every row this perplexity.

    Bisects the precision b of each row until 2^H(p) = perplexity, where p(j|i) is proportional to
    exp(-b d_ij^2), j != i. `squares` `(N, N)` squared distances -> `(N, N)`, rows sum to 1.
    """
    check_rank("conditional: squares", squares, 2)
    size = len(squares)
    eye = jnp.eye(size, dtype=bool)
    # Precision is sought in units of each row's nearest distance: shifted, exp() cannot underflow.
    shifted = squares - jnp.min(jnp.where(eye, jnp.inf, squares), axis=1, keepdims=True)
    spread = jnp.sum(jnp.where(eye, 0, shifted), axis=1) / (size - 1) + 1e-30
    shifted = jnp.where(eye, jnp.inf, shifted / spread[:, None])
    goal = jnp.log(perplexity)

    def halve(_, bounds):
        low, high = bounds  # of log b
        middle = (low + high) / 2
        flat = _entropy(shifted, middle) > goal  # too wide: more precision
        return jnp.where(flat, middle, low), jnp.where(flat, high, middle)

    start = (jnp.full(size, -20.0), jnp.full(size, 20.0))
    low, high = lax.fori_loop(0, halvings, halve, start)
    return jax.nn.softmax(-shifted * jnp.exp((low + high) / 2)[:, None], axis=1)


@jax.jit
def joint(points: Array, perplexity: float) -> Array:
    """p_ij = (p(j|i) + p(i|j)) / 2N: symmetric, sums to 1. `(N, D)` -> `(N, N)`."""
    p = conditional(squared_euclidean(points, points), perplexity)
    return jnp.maximum((p + p.T) / (2 * len(p)), TINY)


@jax.jit
def divergence(p: Array, y: Array) -> Array:
    """KL(P || Q), q_ij proportional to 1 / (1 + |y_i - y_j|^2), i != j.

    `(N, N)`, `(N, d)` -> `()`.
    """
    near = _kernel(y)
    q = jnp.maximum(near / jnp.sum(near), TINY)
    off = ~jnp.eye(len(p), dtype=bool)
    return jnp.sum(p * jnp.log(jnp.where(off & (p > 0), p / q, 1)))


def gradient(p: Array, y: Array) -> Array:
    """d KL / d y_i = 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2). -> `(N, d)`."""
    near = _kernel(y)
    force = (p - near / jnp.sum(near)) * near
    pulled = jnp.matmul(force, y, precision="highest")
    return 4 * (jnp.sum(force, axis=1)[:, None] * y - pulled)


def tsne(
    points: Array,
    *,
    dims: int = 2,
    perplexity: float = 30.0,
    exaggeration: float = 12.0,
    early: int = 250,
    steps: int = 1000,
    rate: float | None = None,
) -> tuple[Array, Array]:
    """A map of rows in `dims` dimensions that keeps neighbors together, and its KL divergence.

    Starts from the leading principal coordinates. The first `early` steps use `exaggeration` times
    P and momentum 0.5; then it starts from rest with P and 0.8. `rate` None:
    max(N / exaggeration / 4, 50) (Belkina et al. 2019). `(N, D)` -> `(N, dims)`, `()`.
    """
    check_rank("tsne: points", points, 2)
    if not 1 < perplexity < len(points):
        raise ValueError(
            f"tsne: perplexity must lie in (1, {len(points)}), the number of rows, got {perplexity}"
        )
    rate = max(len(points) / exaggeration / 4, 50.0) if rate is None else rate
    p = joint(points, perplexity)
    y = decorrelate(principal_components(points, num=dims), points)
    y = y / jnp.std(y[:, 0]) * 1e-4
    y = _descend(p * exaggeration, y, rate, 0.5, min(early, steps))
    y = _descend(p, y, rate, 0.8, max(steps - early, 0))
    return y, divergence(p, y)


@jax.jit
def _descend(p: Array, y: Array, rate: float, momentum: float, steps: int) -> Array:
    """`steps` of momentum on the divergence from the map `y`, `(N, d)` -> `(N, d)`."""

    def step(_, motion):
        return _move(motion, gradient(p, motion.y), rate, momentum)

    start = Motion(y, jnp.zeros_like(y), jnp.ones_like(y))
    return lax.fori_loop(0, steps, step, start).y


def _move(motion: Motion, slope: Array, rate: float, momentum: float) -> Motion:
    """Momentum with delta-bar-delta gains: more while the direction holds, less when it turns."""
    y, velocity, gains = motion
    holds = velocity * slope < 0
    gains = jnp.maximum(jnp.where(holds, gains + 0.2, gains * 0.8), 0.01)
    velocity = momentum * velocity - rate * gains * slope
    return Motion(y + velocity, velocity, gains)


def _kernel(y: Array) -> Array:
    """1 / (1 + |y_i - y_j|^2), 0 on the diagonal, `(N, N)`."""
    squares = sum((y[:, d, None] - y[None, :, d]) ** 2 for d in range(y.shape[1]))
    return jnp.where(jnp.eye(len(y), dtype=bool), 0, 1 / (1 + squares))


def _entropy(squares: Array, log_precision: Array) -> Array:
    """The entropy in nats of each row's distribution at this precision, `(N,)`."""
    scaled = squares * jnp.exp(log_precision)[:, None]
    weights = jnp.exp(-scaled)
    total = jnp.sum(weights, axis=1)
    return jnp.log(total) + jnp.sum(jnp.where(weights > 0, scaled * weights, 0), axis=1) / total


@dataclasses.dataclass(kw_only=True, eq=False)
class TSNE(Estimator):
    """A map for looking at; it has no `predict`, since it is defined for its own rows alone."""

    kind: ClassVar[str | None] = "transformer"
    dims: int = 2
    perplexity: float = 30.0
    exaggeration: float = 12.0
    early: int = 250
    steps: int = 1000
    rate: float | None = None

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Finds `embedding_` `(N, dims)` and `divergence_`; `y` is not used."""
        check_positive("TSNE: steps", self.steps)
        points = jnp.asarray(rows("TSNE", x), jnp.float32)
        embedding, kl = tsne(points, **self.get_params())
        self.embedding_, self.divergence_ = np.asarray(embedding), float(kl)
        return self

    def fit_transform(self, x: ArrayLike, y: ArrayLike | None = None) -> Host:
        """The map of `x`, `(N, dims)`."""
        return self.fit(x).embedding_

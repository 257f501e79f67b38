"""Principal components: decorrelation, whitening, fewer dimensions."""

import dataclasses
from functools import partial
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.classic.estimator import Estimator, rows
from jaxdl.typing import Array, ArrayLike, Host


class Components(NamedTuple):
    """The eigendecomposition U diag(v) U^T of a covariance, largest variance first."""

    mean: Array  # (D,)
    axes: Array  # (D, M) orthonormal columns, U
    variances: Array  # (M,)


@partial(jax.jit, static_argnames="num")
def principal_components(x: ArrayLike, *, num: int | None = None) -> Components:
    """The `num` leading components (all by default) of rows `x` `(N, D)`.

    The covariance divides by N - 1. The largest entry of each axis is positive, which makes the
    axes unique.
    """
    check_rank("principal_components: x", x, 2)
    size, width = x.shape
    if size < 2 or not 1 <= (num or width) <= width:
        raise ValueError(
            f"principal_components: needs two rows and 1 <= num <= {width}, "
            f"got {size} rows and num {num}"
        )
    x = jnp.asarray(x, jnp.result_type(x, jnp.float32))
    mean = jnp.mean(x, axis=0)
    centered = x - mean[None, :]
    covariance = jnp.matmul(centered.T, centered, precision=lax.Precision.HIGHEST) / (size - 1)
    variances, axes = jnp.linalg.eigh(covariance)
    variances, axes = variances[::-1][:num], axes[:, ::-1][:, :num]
    peak = jnp.take_along_axis(axes, jnp.argmax(jnp.abs(axes), axis=0)[None, :], axis=0)
    return Components(mean, axes * jnp.sign(peak), jnp.maximum(variances, 0))


def decorrelate(components: Components, x: Array) -> Array:
    """y = U^T (x - mean): coordinates with a diagonal covariance, `(N, D)` -> `(N, M)`."""
    return jnp.matmul(x - components.mean[None, :], components.axes, precision="highest")


def whiten(components: Components, x: Array, *, eps: float = 0.0) -> Array:
    """y = (v + eps)^(-1/2) U^T (x - mean): unit covariance at eps 0, `(N, D)` -> `(N, M)`.

    A small `eps` keeps directions of no variance from being blown up to noise.
    """
    return decorrelate(components, x) / jnp.sqrt(components.variances + eps)[None, :]


def recorrelate(components: Components, y: Array) -> Array:
    """The rows with the coordinates `y`, in the original space: `(N, M)` -> `(N, D)`."""
    return jnp.matmul(y, components.axes.T, precision="highest") + components.mean[None, :]


@dataclasses.dataclass(kw_only=True, eq=False)
class PCA(Estimator):
    """`num` principal coordinates of rows, divided by their deviation if `whitened`."""

    kind: ClassVar[str | None] = "transformer"
    num: int | None = None
    whitened: bool = False
    eps: float = 0.0

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Finds `components_`; `y` is not used."""
        self.components_ = principal_components(rows("PCA", x), num=self.num)
        return self

    def transform(self, x: ArrayLike) -> Host:
        """The coordinates of rows `x`, `(N, num)`."""
        components, x = self.fitted("components_"), jnp.asarray(rows("PCA", x), jnp.float32)
        if self.whitened:
            return np.asarray(whiten(components, x, eps=self.eps))
        return np.asarray(decorrelate(components, x))

    def fit_transform(self, x: ArrayLike, y: ArrayLike | None = None) -> Host:
        """`fit`, then the coordinates of the same rows."""
        return self.fit(x).transform(x)

    def inverse_transform(self, y: ArrayLike) -> Host:
        """The rows that have the coordinates `y` `(N, num)`, `(N, D)`."""
        components, y = self.fitted("components_"), jnp.asarray(y, jnp.float32)
        if self.whitened:
            y = y * jnp.sqrt(components.variances + self.eps)[None, :]
        return np.asarray(recorrelate(components, y))

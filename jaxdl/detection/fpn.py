"""Feature pyramids: maps of several strides, each of which knows what the coarser ones saw.

Lin et al. 2017, arXiv 1612.03144. Levels are `(B, H_l, W_l, C_l)`, the finest first.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxdl.layers.conv import Conv
from jaxdl.ops.boxes.geometry import box_area
from jaxdl.ops.boxes.roi_align import roi_align
from jaxdl.typing import Array, ModuleDef


class FeaturePyramid(nn.Module):
    """1x1 conv of each level, plus the coarser sum at twice the size, then 3x3 conv (figure 3).

    Levels -> as many of the same sizes with `features` channels. torchvision's
    `FeaturePyramidNetwork`; sizes need not be multiples of each other, the nearest cell is taken.
    With a `norm` it follows each convolution, which then has no bias (torchvision's v2).
    """

    features: int
    norm: ModuleDef | None = None

    @nn.compact
    def __call__(self, levels: Sequence[Array], *, train: bool = False) -> list[Array]:
        out: list[Array] = []
        above = None
        for number, level in reversed(list(enumerate(levels, 1))):
            y = self.unit(1, f"lateral{number}", level, train)
            above = y if above is None else y + _enlarge(above, y.shape[1:3])
            out.append(self.unit(3, f"smooth{number}", above, train))
        return out[::-1]

    @nn.nowrap
    def unit(self, size: int, name: str, x: Array, train: bool) -> Array:
        """A convolution, and its norm where there is one."""
        bias = self.norm is None
        y = Conv(self.features, size, padding=size // 2, use_bias=bias, name=name)(x)
        return y if self.norm is None else self.norm(train=train, name=f"{name}_norm")(y)


def assign_levels(
    boxes: Array, strides: Sequence[float], *, canonical_cells: float = 14.0
) -> Array:
    """The level that each box is cut from: `(..., 4)` in pixels -> `(...)` int32.

    The coarsest in which the root of its area measures at least `canonical_cells`, else the finest:
    eq. 1, where they are 224 / 16.
    """
    root = jnp.sqrt(box_area(boxes))
    least = canonical_cells * jnp.asarray(strides[1:], root.dtype)
    return jnp.sum(
        root[..., None] >= jnp.expand_dims(least, tuple(range(root.ndim))), -1, jnp.int32
    )


def multilevel_roi_align(
    levels: Sequence[Array],
    boxes: Array,
    *,
    size: tuple[int, int],
    strides: Sequence[float],
    canonical_cells: float = 14.0,
    aligned: bool = True,
) -> Array:
    """`roi_align` of each box `(B, N, 4)` in its own level: `(B, N, *size, C)`.

    All boxes are cut from all levels, as shapes are fixed, and one cut of each is kept.
    """
    own = assign_levels(boxes, strides, canonical_cells=canonical_cells)[..., None, None, None]
    cuts = [
        roi_align(level, boxes, size=size, scale=1 / stride, aligned=aligned)
        for level, stride in zip(levels, strides, strict=True)
    ]
    chosen = cuts[0]
    for number, cut in enumerate(cuts[1:], 1):
        chosen = jnp.where(own == number, cut, chosen)
    return chosen


def _enlarge(x: Array, size: tuple[int, ...]) -> Array:
    """Nearest neighbors by corners, as torch's "nearest"."""
    rows, columns = (np.arange(n) * old // n for n, old in zip(size, x.shape[1:3], strict=True))
    return x[:, rows][:, :, columns]

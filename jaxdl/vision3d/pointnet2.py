"""PointNet++ (Qi et al. 2017, arXiv 1706.02413): a PointNet of each neighborhood, in levels."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.typing import Array, ModuleDef
from jaxdl.vision3d.point_groups import (
    ball_neighbors,
    farthest_points,
    gather_points,
    interpolate,
    interpolation,
)
from jaxdl.vision3d.pointnet import SharedMLP


class SetAbstraction(nn.Module):
    """Fewer points, each with features of its neighborhood (section 3.2).

    Points `(B, N, 3)` and features `(B, N, C)` -> `(B, count, 3)`, `(B, count, widths[-1])`.
    Neighbors are seen from their center, in units of the radius.
    """

    count: int
    radius: float
    neighbors: int
    widths: tuple[int, ...]
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(
        self, points: Array, features: Array | None, *, train: bool
    ) -> tuple[Array, Array]:
        centers = gather_points(points, farthest_points(points, self.count))
        near = ball_neighbors(points, centers, radius=self.radius, count=self.neighbors)
        h = (gather_points(points, near) - centers[:, :, None]) / self.radius
        if features is not None:
            h = jnp.concatenate([h, gather_points(features, near)], axis=-1)
        h = SharedMLP(self.widths, self.norm, name="mlp")(h, train=train)
        return centers, jnp.max(h, axis=2)


class PointNet2(nn.Module):
    """A classifier of clouds: `(B, N, 3)` -> logits `(B, num_classes)`.

    Points are chosen from the first on, so that their order decides which stand for the others.
    """

    num_classes: int
    counts: tuple[int, ...] = (128, 32)  # points of each level
    radii: tuple[float, ...] = (0.2, 0.4)
    neighbors: tuple[int, ...] = (16, 16)
    widths: tuple[tuple[int, ...], ...] = ((32, 32, 64), (64, 64, 128))
    whole: tuple[int, ...] = (128, 256)
    head: tuple[int, ...] = (128,)
    dropout: float = 0.3
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("PointNet2: points", x, 3)
        points, features = x, None
        levels = zip(self.counts, self.radii, self.neighbors, self.widths, strict=True)
        for i, (count, radius, neighbors, widths) in enumerate(levels):
            level = SetAbstraction(count, radius, neighbors, widths, self.norm, name=f"level{i}")
            points, features = level(points, features, train=train)
        assert features is not None, "one level at least"
        h = jnp.concatenate([points, features], axis=-1)
        h = jnp.max(SharedMLP(self.whole, self.norm, name="whole")(h, train=train), axis=1)
        h = SharedMLP(self.head, self.norm, name="head")(h, train=train)
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        return Dense(self.num_classes, name="logits")(h)


class PointNet2Parts(nn.Module):
    """Part labels: `(B, N, 3)`, the class one-hot `(B, K)` -> `(B, N, num_parts)`.

    Features go back to all points by interpolation between levels (section 3.4).
    """

    num_parts: int
    counts: tuple[int, ...] = (128, 32)
    radii: tuple[float, ...] = (0.2, 0.4)
    neighbors: tuple[int, ...] = (16, 16)
    widths: tuple[tuple[int, ...], ...] = ((32, 32, 64), (64, 64, 128))
    back: tuple[int, ...] = (64, 64)  # widths after each interpolation
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: tuple[Array, Array], *, train: bool) -> Array:
        points, classes = x
        told = jnp.broadcast_to(classes[:, None], (*points.shape[:2], classes.shape[-1]))
        seen = [(points, jnp.concatenate([points, told], axis=-1))]
        levels = zip(self.counts, self.radii, self.neighbors, self.widths, strict=True)
        for i, (count, radius, neighbors, widths) in enumerate(levels):
            level = SetAbstraction(count, radius, neighbors, widths, self.norm, name=f"level{i}")
            seen.append(level(*seen[-1], train=train))
        places, h = seen.pop()
        for i, (finer, own) in reversed(list(enumerate(seen))):
            h = jnp.concatenate([own, interpolate(h, interpolation(places, finer))], axis=-1)
            h = SharedMLP(self.back, self.norm, name=f"back{i}")(h, train=train)
            places = finer
        return Dense(self.num_parts, name="logits")(h)

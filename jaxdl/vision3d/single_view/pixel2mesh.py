"""Pixel2Mesh: a sphere is deformed into what a picture shows (Wang et al. 2018, 1804.01654)."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.losses.point_sets import nearest_in_set, squared_to_nearest
from jaxdl.ops.bilinear_sample import bilinear_sample
from jaxdl.typing import Array, Host, Key
from jaxdl.vision3d.single_view.graph_conv import GraphConv, GraphResidual, neighbor_sum
from jaxdl.vision3d.single_view.image_encoder import Aligned, ImageEncoder
from jaxdl.vision3d.single_view.template import Level, levels, sphere
from jaxdl.vision3d.surfaces.geometry import sample_points
from jaxdl.vision3d.surfaces.mesh_losses import (
    edge_loss,
    laplacian_loss,
    normal_loss,
    turned_faces,
)
from jaxdl.vision3d.surfaces.render import DISTANCE, FOCAL

TEMPLATE = sphere()
LEVELS = levels(TEMPLATE)
RADIUS = 0.5  # of the sphere


class Stage(NamedTuple):
    """Vertices `(B, V, 3)` before and after a deformation."""

    before: Array
    after: Array


def picture_places(vertices: Array, view: Host) -> Array:
    """Where vertices are seen, `(B, V, 3)` -> `(B, V, 2)` over the picture's sides in [0, 1].

    `view` `(3, 3)` turns them to the eye of `surfaces/render.py`.
    """
    seen = jnp.matmul(vertices, jnp.asarray(view.T, vertices.dtype), precision="highest")
    depth = jnp.maximum(seen[..., 2:] + DISTANCE, 0.1)  # what comes near the eye stays before it
    return FOCAL * seen[..., :2] / depth + 0.5


class Pixel2Mesh(nn.Module):
    """Three deformations, each of a graph four times as fine: `(B, S, S, 3)` -> three `Stage`s.

    156, 618 and 2466 vertices. Each vertex gets what the picture's features have where it is seen,
    and its place. Smaller than published: an encoder of 0.3 million weights for VGG-16, whose last
    three maps and mean are added up in one, on which vertices look; fewer and narrower graph
    convolutions.

    `view`: the turn from the frame of the vertices to the eye's; for a frame whose turn is not
    known, the one that is assumed.
    """

    view: tuple[tuple[float, ...], ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    encoder: tuple[int, ...] = (16, 32, 64, 96)
    aligned: int = 32
    hidden: tuple[int, ...] = (64, 48, 32)  # of the graph convolutions of each stage
    blocks: tuple[int, ...] = (2, 2, 1)

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> list[Stage]:
        maps = ImageEncoder(self.encoder, name="encoder")(x, train=train)
        features = Aligned(self.aligned, name="aligned")(maps)
        start = jnp.asarray(TEMPLATE.vertices, x.dtype) * RADIUS
        vertices = jnp.broadcast_to(start, (len(x), *start.shape))
        hidden, stages = jnp.zeros((*vertices.shape[:2], 0), x.dtype), []
        for i, level in enumerate(LEVELS):
            if i:
                vertices, hidden = (with_middles(v, level) for v in (vertices, hidden))
            seen = bilinear_sample(features, picture_places(vertices, np.array(self.view)))
            neighbors = partial(neighbor_sum, table=level.table)
            h = jnp.concatenate([vertices, seen, hidden], axis=-1)
            graph = GraphResidual(self.hidden[i], self.blocks[i], name=f"graph{i}")
            hidden = graph(h, neighbors)
            before = vertices
            # A small start: the sphere is left slowly, so that its faces do not fold.
            vertices = vertices + GraphConv(3, scale=0.01, name=f"move{i}")(hidden, neighbors)
            stages.append(Stage(before, vertices))
        return stages


def with_middles(values: Array, level: Level) -> Array:
    """Old vertices, then the middles of their edges: `(B, V, C)` -> `(B, V + P, C)`."""
    ends = [values[:, level.parents[:, side]] for side in (0, 1)]
    return jnp.concatenate([values, (ends[0] + ends[1]) / 2], axis=1)


class Weights(NamedTuple):
    """Of the terms beside the chamfer distance, for coordinates about 1 in size."""

    normal: float = 0.005
    edge: float = 0.1
    laplacian: float = 0.3


def mesh_loss(
    stages: list[Stage], points: Array, normals: Array, key: Key, *, weights: Weights, samples: int
) -> Array:
    """Of all stages: chamfer (means) + normal + edge + Laplacian terms (section 3.4), `(B,)`.

    In the first stages chamfer and normal terms are of the vertices and edges; in the last, of
    `samples` points spread over the faces, drawn anew at each step (Smith et al. 2019, 1901.11461),
    and the faces that they are on. `points`, `normals` `(B, P, 3)`.
    """
    total = jnp.zeros(len(points), points.dtype)
    for level, stage in zip(LEVELS, stages, strict=True):
        last = level is LEVELS[-1]
        if last:
            keys = jax.random.split(key, len(points))
            draw = partial(sample_points, faces=level.faces, count=samples)
            spread, face = jax.vmap(draw)(keys, stage.after)
        else:
            spread, face = stage.after, None
        nearest = nearest_in_set(spread, points)[..., None]
        there = jnp.sum((spread - jnp.take_along_axis(points, nearest, axis=1)) ** 2, axis=-1)
        total += jnp.mean(there, axis=1) + jnp.mean(squared_to_nearest(points, spread), axis=1)
        facing = jnp.take_along_axis(normals, nearest, axis=1)
        total += weights.normal * (
            normal_loss(stage.after, level.edges, facing)
            if face is None
            else turned_faces(stage.after, level.faces, face, facing)
        )
        total += weights.edge * edge_loss(stage.after, level.edges)
        total += weights.laplacian * laplacian_loss(stage.after, stage.before, level.edges)
    return total

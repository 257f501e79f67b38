"""Mesh R-CNN: boxes, voxels of each, cubified, refined (Gkioxari et al. 2019, arXiv 1906.02739)."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.losses.point_sets import nearest_in_set, squared_to_nearest
from jaxdl.ops.bilinear_sample import bilinear_sample
from jaxdl.ops.boxes.roi_align import roi_align
from jaxdl.typing import Array, Batch, Key
from jaxdl.vision3d.single_view.graph_conv import GraphConv
from jaxdl.vision3d.single_view.image_encoder import Aligned, ImageEncoder
from jaxdl.vision3d.single_view.lattice import (
    Surface,
    lattice_corners,
    lattice_edge_loss,
    lattice_faces,
    lattice_sum,
    surface_of,
)
from jaxdl.vision3d.surfaces.geometry import sample_points
from jaxdl.vision3d.surfaces.mesh_losses import turned_faces

STRIDE = 4  # pixels of a cell of the features
ROI = 8  # cells of a region


class Maps(NamedTuple):
    """Of centers of things, on a grid of H x W cells, as CenterNet's (Zhou et al. 2019)."""

    heat: Array  # (B, H, W, 1) logits
    offset: Array  # (B, H, W, 2)
    size: Array  # (B, H, W, 2), in cells


class BoxShapes(NamedTuple):
    """Of N boxes of each picture, in the boxes' coordinates."""

    voxels: Array  # (B, N, R, R, R) logits, index x, y, z
    surface: Surface  # of the B N cubified grids
    vertices: list[Array]  # (B N, (R + 1)^3, 3) after each refinement


class MeshRCNN(nn.Module):
    """One backbone, heads for centers of things, and for each box voxels and a refined mesh.

    `{"image": (B, S, S, 3), "boxes": (B, N, 4)}` in pixels -> `Maps`, `BoxShapes`. The detector is
    one of centers, not the paper's of proposals; regions are aligned (RoI align) on its features.
    Cells above `threshold` are cubified; gradients reach the voxels through their own loss alone.
    Without a cell above it there is no mesh.
    """

    encoder: tuple[int, ...] = (16, 32, 64, 96)
    features: int = 48
    resolution: int = 12
    hidden: int = 32  # of the graph convolutions
    refinements: int = 2
    threshold: float = 0.4

    def setup(self) -> None:
        self.maps = ImageEncoder(self.encoder, name="encoder")
        self.aligned = Aligned(self.features, name="aligned")
        self.centers = CenterHeads(self.features, name="centers")
        self.voxel_head = VoxelHead(self.resolution, self.features, name="voxels")
        self.refine = [Refinement(self.hidden, name=f"refine{i}") for i in range(self.refinements)]

    def __call__(self, x: Batch, *, train: bool) -> tuple[Maps, BoxShapes]:
        features = self.look(x["image"], train=train)
        return self.centers(features), self.shapes(features, x["boxes"])

    def look(self, image: Array, *, train: bool) -> Array:
        """The features of pictures, a cell for each `STRIDE` pixels."""
        return self.aligned(self.maps(image, train=train))

    def detect(self, features: Array) -> Maps:
        """Where the centers of things are."""
        return self.centers(features)

    def shapes(self, features: Array, boxes: Array) -> BoxShapes:
        """The shapes in boxes, given or found."""
        regions = roi_align(features, boxes, size=(ROI, ROI), scale=1 / STRIDE)
        regions = regions.reshape(-1, ROI, ROI, features.shape[-1])
        logits = self.voxel_head(regions)
        inside = jax.lax.stop_gradient(logits) > jnp.log(self.threshold / (1 - self.threshold))
        surface = surface_of(inside)
        start = jnp.asarray(lattice_corners(self.resolution), features.dtype)
        vertices = jnp.broadcast_to(start, (len(regions), *start.shape))
        hidden, refined = jnp.zeros((*vertices.shape[:2], 0), features.dtype), []
        for stage in self.refine:
            vertices, hidden = stage(vertices, hidden, regions, surface)
            refined.append(vertices)
        return BoxShapes(logits.reshape(*boxes.shape[:2], *logits.shape[1:]), surface, refined)


class CenterHeads(nn.Module):
    """3x3 convolution, ReLU, 1x1 convolution, for each of `Maps`."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Maps:
        def head(name: str, count: int, bias: float) -> Array:
            z = nn.relu(Conv(self.features, 3, padding=1, name=f"{name}_hidden")(x))
            start, at = nn.initializers.normal(0.01), nn.initializers.constant(bias)
            return Conv(count, 1, kernel_init=start, bias_init=at, name=name)(z)

        return Maps(head("heat", 1, -2.19), head("offset", 2, 0.5), head("size", 2, 8.0))


class VoxelHead(nn.Module):
    """Tubes: a picture of R x R whose channels are the R cells along z: `(M, P, P, C)` -> logits.

    `(M, R, R, R)`, index x, y, z. Convolutions, and what the whole region says, added everywhere.
    """

    resolution: int
    features: int

    @nn.compact
    def __call__(self, regions: Array) -> Array:
        r = self.resolution
        h = nn.relu(Conv(self.features, 3, padding=1, name="conv0")(regions))
        whole = nn.relu(Dense(2 * self.features, name="whole")(h.reshape(len(h), -1)))
        h = jax.image.resize(h, (len(h), r, r, h.shape[-1]), "bilinear")
        around = Dense(self.features, name="spread")(whole)[:, None, None]
        h = nn.relu(Conv(self.features, 3, padding=1, name="conv1")(h) + around)
        tubes = Conv(r, 1, name="tubes")(h)  # (M, y, x, z)
        coarse = Dense(r**3, name="bridge")(whole).reshape(-1, r, r, r)
        return jnp.swapaxes(tubes, 1, 2) + coarse


class Refinement(nn.Module):
    """Vertices look at the region where they are, talk to their neighbors, and move.

    `(M, V, 3)`, hidden `(M, V, H)`, regions `(M, P, P, C)` -> moved vertices, new hidden.
    """

    hidden: int

    @nn.compact
    def __call__(
        self, vertices: Array, hidden: Array, regions: Array, surface: Surface
    ) -> tuple[Array, Array]:
        neighbors = partial(lattice_sum, surface=surface)
        seen = bilinear_sample(regions, (vertices[..., :2] + 1) / 2)
        h = jnp.concatenate([vertices, seen, hidden], axis=-1)
        for i in range(2):
            h = nn.relu(GraphConv(self.hidden, name=f"graph{i}")(h, neighbors))
        # A cell's side is 1/6 where R is 12: tanh keeps cubes from being turned inside out at once.
        move = nn.tanh(GraphConv(3, scale=0.01, name="move")(h, neighbors))
        return vertices + move / 4, h


def shape_losses(
    shapes: BoxShapes, batch: Batch, key: Key, *, samples: int, weights: tuple[float, float, float]
) -> dict[str, Array]:
    """`voxels`, `chamfer`, `normal`, `edge`, each `(B N,)` (section 3.4).

    `batch`: `voxels` `(B, N, R, R, R)` bool, `points` and `normals` `(B, N, P, 3)`, in the boxes'
    coordinates. Cross-entropy of cells; of each refinement chamfer (means) between `samples` points
    on it and the true ones, 1 - cos^2 of normals, and squared lengths of edges, times `weights`.
    What has no mesh has no loss of one.
    """
    truth = batch["voxels"].astype(shapes.voxels.dtype)
    cells = binary_cross_entropy(shapes.voxels, truth)
    points, normals = (
        batch[name][:, :, :samples].reshape(-1, samples, 3) for name in ("points", "normals")
    )
    faces = lattice_faces(shapes.voxels.shape[-1])
    there = jnp.any(shapes.surface.faces, axis=1)
    keys = jax.random.split(key, len(points))
    total = {"chamfer": jnp.zeros(len(points)), "normal": jnp.zeros(len(points))}
    total["edge"] = jnp.zeros(len(points))
    for vertices in shapes.vertices:

        def draw(key: Key, v: Array, on: Array) -> tuple[Array, Array]:
            return sample_points(key, v, faces, samples, there=on)

        spread, face = jax.vmap(draw)(keys, vertices, shapes.surface.faces)
        nearest = nearest_in_set(spread, points)[..., None]
        ahead = jnp.sum((spread - jnp.take_along_axis(points, nearest, axis=1)) ** 2, axis=-1)
        back = squared_to_nearest(points, spread)
        facing = jnp.take_along_axis(normals, nearest, axis=1)
        total["chamfer"] += jnp.mean(ahead, axis=1) + jnp.mean(back, axis=1)
        total["normal"] += turned_faces(vertices, faces, face, facing)
        total["edge"] += lattice_edge_loss(vertices, shapes.surface)
    meshes = {
        name: weight * jnp.where(there, value, 0)
        for (name, value), weight in zip(total.items(), weights, strict=True)
    }
    return {"voxels": jnp.mean(cells.reshape(len(points), -1), axis=1), **meshes}

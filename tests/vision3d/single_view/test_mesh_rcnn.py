"""Mesh R-CNN against the same network in torch with torchvision's RoI align, and its losses."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.vision3d.single_view.lattice import lattice_corners, lattice_faces, surface_of
from jaxdl.vision3d.single_view.mesh_rcnn import BoxShapes, MeshRCNN, shape_losses
from tests.vision3d.single_view.drawn_weights import drawn_weights

RNG = np.random.default_rng(0)
R = 3


def edges_on(faces):
    """Pairs of corners of the triangles' sides along the axes."""
    corners = lattice_corners(R)
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    short = np.abs(corners[sides[:, 0]] - corners[sides[:, 1]]).sum(axis=1) < 2 / R + 1e-9
    return np.unique(np.sort(sides[short], axis=1), axis=0)


def test_maps_voxels_and_vertices_are_those_of_torch(torchvision):
    torch = pytest.importorskip("torch")
    align = import_module("torchvision.ops.roi_align")._roi_align.__wrapped__
    from tests.vision3d.single_view import torch_forms as forms

    x = {
        "image": jnp.asarray(RNG.normal(size=(1, 32, 32, 3)), jnp.float32),
        "boxes": jnp.array([[[4.0, 3, 20, 25], [10, 10, 31, 30]]]),
    }
    net = MeshRCNN(encoder=(2, 3, 4), features=4, resolution=R, hidden=3, refinements=2)
    variables = drawn_weights(net, x, train=False)
    maps, shapes = jax.jit(lambda v: net.apply(v, x, train=False))(variables)
    p, stats = (forms.tensors(variables[k]) for k in ("params", "batch_stats"))
    picture = torch.tensor(np.asarray(x["image"], np.float64)).permute(0, 3, 1, 2)
    encoder = {"params": p["encoder"], "batch_stats": stats["encoder"]}
    levels = forms.encoder_maps(encoder, picture)
    features = forms.aligned_map(p["aligned"], levels)
    for name in ("heat", "offset", "size"):
        h = torch.relu(forms.conv(p["centers"][f"{name}_hidden"], features))
        want = forms.conv(p["centers"][name], h).permute(0, 2, 3, 1)
        np.testing.assert_allclose(getattr(maps, name), want, atol=1e-5)
    boxes = torch.cat([torch.zeros(2, 1), torch.tensor(np.asarray(x["boxes"][0]))], dim=1)
    regions = align(features, boxes.double(), 1 / 4, 8, 8, 2, True)

    def dense(weights, h):
        return h @ weights["kernel"] + weights["bias"]

    head = p["voxels"]
    h = torch.relu(forms.conv(head["conv0"], regions))
    whole = torch.relu(dense(head["whole"], h.permute(0, 2, 3, 1).reshape(2, -1)))
    h = torch.nn.functional.interpolate(h, (R, R), mode="bilinear", antialias=True)
    h = torch.relu(forms.conv(head["conv1"], h) + dense(head["spread"], whole)[:, :, None, None])
    tubes = forms.conv(head["tubes"], h).permute(0, 3, 2, 1)  # x, y, z
    logits = tubes + dense(head["bridge"], whole).reshape(2, R, R, R)
    np.testing.assert_allclose(shapes.voxels[0], logits, atol=1e-5)
    vertices = torch.tensor(lattice_corners(R)).expand(2, -1, -1)
    hidden = torch.zeros(2, (R + 1) ** 3, 0, dtype=torch.float64)
    inside = np.asarray(shapes.voxels[0]) > np.log(0.4 / 0.6)
    surface = surface_of(jnp.asarray(inside))
    adjacency = torch.stack(
        [
            forms.adjacency_of(edges_on(lattice_faces(R)[np.asarray(on)]), (R + 1) ** 3)
            for on in surface.faces
        ]
    )
    for i in range(2):
        seen = forms.sample_map(regions, (vertices[..., :2] + 1) / 2)
        h = torch.cat([vertices, seen, hidden], dim=-1)
        weights = p[f"refine{i}"]
        for j in range(2):
            h = torch.relu(forms.graph_conv(weights[f"graph{j}"], h, adjacency))
        vertices = vertices + torch.tanh(forms.graph_conv(weights["move"], h, adjacency)) / 4
        hidden = h
        np.testing.assert_allclose(shapes.vertices[i], vertices, atol=1e-5)


def test_losses_of_a_grid_and_none_where_there_is_no_mesh():
    inside = np.zeros((2, R, R, R), bool)
    inside[0, 0] = True  # a plate; the second grid is empty
    surface = surface_of(jnp.asarray(inside))
    start = jnp.broadcast_to(jnp.asarray(lattice_corners(R), jnp.float32), (2, 64, 3))
    shapes = BoxShapes(jnp.asarray(RNG.normal(size=(1, 2, R, R, R)), jnp.float32), surface, [start])
    plate = np.stack([np.full(50, -1.0), *RNG.uniform(-1, 1, (2, 50))], axis=1)
    normals = np.broadcast_to(np.array([-1.0, 0, 0]), (1, 2, 50, 3))
    batch = {
        "voxels": jnp.asarray(inside[None]),
        "points": jnp.broadcast_to(jnp.asarray(plate, jnp.float32), (1, 2, 50, 3)),
        "normals": jnp.asarray(normals, jnp.float32),
    }
    weights = 1.0, 0.5, 0.25
    got = jax.jit(lambda s, b: shape_losses(s, b, jax.random.key(0), samples=50, weights=weights))(
        shapes, batch
    )
    logits = np.asarray(shapes.voxels[0], np.float64)
    chance = 1 / (1 + np.exp(-logits))
    cells = -np.where(inside, np.log(chance), np.log(1 - chance)).reshape(2, -1).mean(axis=1)
    np.testing.assert_allclose(got["voxels"], cells, rtol=1e-5)
    edges = edges_on(lattice_faces(R)[np.asarray(surface.faces[0])])
    corners = lattice_corners(R)
    lengths = ((corners[edges[:, 0]] - corners[edges[:, 1]]) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(got["edge"], [0.25 * lengths, 0], rtol=1e-5)
    # Both sides of the plate have an area of 4, its rim, at right angles to the normals, 16/3.
    share = (16 / 3) / (8 + 16 / 3)
    np.testing.assert_allclose(got["normal"], [0.5 * share, 0], atol=0.15)
    assert got["chamfer"][1] == 0
    assert 0 < got["chamfer"][0] < 0.6

"""Pixel2Mesh against the same network in torch in float64, and its loss against SciPy's trees."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxdl.data.meshes.mesh import edges_of
from jaxdl.vision3d.single_view.image_encoder import pixels_as_input
from jaxdl.vision3d.single_view.pixel2mesh import (
    LEVELS,
    RADIUS,
    TEMPLATE,
    Pixel2Mesh,
    Stage,
    Weights,
    mesh_loss,
    picture_places,
)
from jaxdl.vision3d.surfaces.render import around, rasterize
from tests.vision3d.single_view.drawn_weights import drawn_weights
from tests.vision3d.solid_meshes import BOX

RNG = np.random.default_rng(0)
SMALL = {"encoder": (2, 3, 4, 5), "aligned": 4, "hidden": (5, 4, 3), "blocks": (1, 1, 1)}


def test_vertices_are_those_of_torch():
    torch = pytest.importorskip("torch")
    from tests.vision3d.single_view import torch_forms as forms

    turn = around(0.4)
    x = pixels_as_input(RNG.integers(0, 256, (1, 32, 32, 3), np.uint8))
    net = Pixel2Mesh(tuple(map(tuple, turn.tolist())), **SMALL)
    variables = drawn_weights(net, x, scale=0.2, train=False)  # vertices stay before the eye
    got = jax.jit(lambda v: net.apply(v, x, train=False))(variables)
    p, stats = (forms.tensors(variables[k]) for k in ("params", "batch_stats"))
    picture = torch.tensor(np.asarray(x, np.float64)).permute(0, 3, 1, 2)
    encoder = {"params": p["encoder"], "batch_stats": stats["encoder"]}
    features = forms.aligned_map(p["aligned"], forms.encoder_maps(encoder, picture))
    vertices = torch.tensor(TEMPLATE.vertices * RADIUS).expand(1, -1, -1)
    hidden = torch.zeros(1, 156, 0, dtype=torch.float64)
    for i, level in enumerate(LEVELS):
        ends = [torch.tensor(level.parents[:, side]) for side in (0, 1)]
        vertices, hidden = (
            torch.cat([v, (v[:, ends[0]] + v[:, ends[1]]) / 2], dim=1) for v in (vertices, hidden)
        )
        seen = vertices @ torch.tensor(turn).T
        places = 1.15 * seen[..., :2] / (seen[..., 2:] + 2.5) + 0.5
        h = torch.cat([vertices, forms.sample_map(features, places), hidden], dim=-1)
        matrix, graph = forms.adjacency_of(level.edges, len(level.table)), p[f"graph{i}"]
        h = torch.relu(forms.graph_conv(graph["enter"], h, matrix))
        y = torch.relu(forms.graph_conv(graph["first0"], h, matrix))
        y = torch.relu(forms.graph_conv(graph["second0"], y, matrix))
        hidden = (h + y) / 2
        np.testing.assert_allclose(got[i].before, vertices, atol=1e-3)
        vertices = vertices + forms.graph_conv(p[f"move{i}"], hidden, matrix)
        scale = vertices.abs().max().item()
        np.testing.assert_allclose(got[i].after, vertices, atol=1e-4 * max(scale, 1))


def test_vertices_are_looked_for_where_the_rasterizer_draws_them():
    turn = around(0.6)
    _, face = rasterize(type(BOX)(BOX.vertices @ turn.T, BOX.faces), 64)
    there = np.argwhere(face >= 0)
    places = np.asarray(picture_places(jnp.asarray(BOX.vertices[None], jnp.float32), turn))[0] * 64
    np.testing.assert_allclose(places.min(axis=0)[::-1], there.min(axis=0), atol=1)
    np.testing.assert_allclose(places.max(axis=0)[::-1], there.max(axis=0) + 1, atol=1)


def test_the_loss_is_the_sum_of_its_terms():
    weights = 0.3, 0.2, 0.1
    points, normals = RNG.normal(size=(2, 1, 40, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    stages = []
    for level in LEVELS:
        before, after = RNG.normal(size=(2, 1, len(level.table), 3))
        stages.append(Stage(before, after))
    # One point for the last surface, so that where samples fall does not matter.
    stages[-1] = Stage(stages[-1].before, np.zeros_like(stages[-1].after) + stages[0].after[0, 0])
    want = 0.0
    for level, (before, after) in zip(LEVELS, stages, strict=True):
        spread = after[0]
        away, near = cKDTree(points[0]).query(spread)
        back, _ = cKDTree(spread).query(points[0])
        want += (away**2).mean() + (back**2).mean()
        ways = spread[level.edges[:, 0]] - spread[level.edges[:, 1]]
        lengths = np.linalg.norm(ways, axis=1)
        want += weights[1] * (lengths**2).mean()
        means = [
            np.stack([v[near[near < len(v)]].mean(axis=0) for near in level.table]) - v
            for v in (before[0], spread)
        ]
        want += weights[2] * ((means[0] - means[1]) ** 2).sum(axis=1).mean()
        if level is LEVELS[-1]:
            want += weights[0]  # faces without an area have no normal: cos is 0
            continue
        facing = [normals[0, near[level.edges[:, side]]] for side in (0, 1)]
        cosines = [(ways * n).sum(axis=1) / lengths for n in facing]
        want += weights[0] * np.mean(np.square(cosines))
    placed = [Stage(*(jnp.asarray(v, jnp.float32) for v in stage)) for stage in stages]
    given = (jnp.asarray(v, jnp.float32) for v in (points, normals))
    named = Weights(*weights)
    loss = jax.jit(partial(mesh_loss, weights=named, samples=16))
    got = loss(placed, *given, jax.random.key(0))
    np.testing.assert_allclose(got, [want], rtol=2e-3)


def test_levels_share_their_first_vertices():
    for coarse, fine in pairwise(LEVELS):
        assert len(fine.table) == len(coarse.table) + len(coarse.edges)
        np.testing.assert_array_equal(fine.parents, edges_of(coarse.faces).ends)

"""Depth, points and normals against loops over pixels and the ray tracer's own surfaces."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.synthetic.ray_tracer import FOCAL
from jaxdl.data.synthetic.solids import Solids
from jaxdl.vision3d.camera import (
    depth_of_points,
    intrinsics,
    normals_from_depth,
    project,
    unproject,
)

CAMERA = np.array([[50.0, 2.0, 13.0], [0.0, 45.0, 9.0], [0.0, 0.0, 1.0]], np.float32)


def test_pixels_become_points_and_points_pixels():
    depth = np.random.default_rng(0).uniform(1, 3, (2, 18, 26)).astype(np.float32)
    points = unproject(depth, CAMERA)
    for b, v, u in [(0, 0, 0), (1, 17, 25), (0, 5, 20)]:
        ray = np.linalg.solve(CAMERA.astype(float), [u + 0.5, v + 0.5, 1])
        np.testing.assert_allclose(points[b, v, u], ray * depth[b, v, u], rtol=1e-5)
    place, z = project(points, CAMERA)
    u, v = np.meshgrid(np.arange(26) + 0.5, np.arange(18) + 0.5)
    np.testing.assert_allclose(place, np.broadcast_to(np.stack([u, v], -1), place.shape), atol=1e-4)
    np.testing.assert_array_equal(z, depth)
    behind, z = project(jnp.array([[0.0, 0, -1], [0, 0, 0]]), CAMERA)
    assert np.isnan(behind).all()
    assert (z <= 0).all()


def test_a_cloud_gives_the_depth_of_its_nearest_points():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(2000, 3)).astype(np.float32) + np.array([0, 0, 2], np.float32)
    got = depth_of_points(points, CAMERA, height=18, width=26)
    want = np.full((18, 26), np.inf)
    for x, y, z in points.astype(float):
        if z > 0:
            u, v = (CAMERA.astype(float)[:2] @ [x / z, y / z, 1]).tolist()
            if 0 <= u < 26 and 0 <= v < 18:
                want[int(v), int(u)] = min(want[int(v), int(u)], z)
    want[np.isinf(want)] = 0
    differ = np.abs(got - want) > 1e-5
    assert differ.mean() < 0.01  # a place that float32 puts over the border of a pixel
    assert (want > 0).mean() > 0.4


def test_a_depth_map_survives_its_points():
    depth = np.random.default_rng(2).uniform(1, 3, (18, 26)).astype(np.float32)
    depth[3:6, 4:9] = 0
    points = unproject(depth, CAMERA).reshape(-1, 3)
    got = depth_of_points(points, CAMERA, height=18, width=26)
    np.testing.assert_allclose(got, depth, rtol=1e-6)


def test_the_normals_of_a_plane_are_exact_to_its_borders():
    normal = np.array([0.3, -0.2, -1.0]) / np.linalg.norm([0.3, -0.2, -1.0])
    camera = np.asarray(intrinsics(12, 16, focal=20.0), float)
    u, v = np.meshgrid(np.arange(16) + 0.5, np.arange(12) + 0.5)
    ray = np.stack([(u - 8) / 20, (v - 6) / 20, np.ones_like(u)], axis=-1)
    depth = -2 / (ray @ normal)
    depth[:3] = depth[:, 10:] = 0  # a hole, and nothing beyond
    got, known = normals_from_depth(jnp.asarray(depth, jnp.float32), camera)
    np.testing.assert_array_equal(known, depth > 0)
    np.testing.assert_allclose(got[known], np.tile(normal, (known.sum(), 1)), atol=1e-3)
    assert not np.asarray(got)[~np.asarray(known)].any()
    lonely = np.zeros((5, 5), np.float32)
    lonely[2, 2] = 1
    assert not normals_from_depth(lonely, camera)[1].any()


def test_normals_from_traced_depth_are_the_solids_own():
    rows = Solids(40, fields=("depth", "depth_normals", "label"), image_size=96).rows(np.arange(8))
    camera = intrinsics(96, 96, focal=FOCAL * 96)
    got, known = map(np.asarray, normals_from_depth(jnp.asarray(rows["depth"]), camera))
    assert (known == (rows["depth"] > 0)).mean() > 0.999
    cosine = (got * rows["depth_normals"]).sum(axis=-1)[known]
    assert np.median(cosine) > 0.998
    assert (cosine > 0.95).mean() > 0.85  # the rest: edges, where a pixel's neighbors bend
    with pytest.raises(ValueError, match="2 axes"):
        depth_of_points(np.zeros((2, 2, 3)), camera, height=4, width=4)

"""PointNet and PointNet++: order plays no part; their pieces against loops and SciPy's trees."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxdl.vision3d.part_scores import part_iou
from jaxdl.vision3d.point_groups import (
    ball_neighbors,
    farthest_points,
    gather_points,
    interpolate,
    interpolation,
)
from jaxdl.vision3d.pointnet import PointNet, PointNetParts, align_penalty
from jaxdl.vision3d.pointnet2 import PointNet2, PointNet2Parts

RNG = np.random.default_rng(0)
POINTS = jnp.asarray(RNG.normal(size=(2, 40, 3)), jnp.float32)
SMALL = {"local": (4, 4), "whole": (4, 8), "head": (8,)}
LEVELS = {"counts": (8, 4), "radii": (0.8, 1.6), "neighbors": (6, 3), "widths": ((4, 6), (6, 6))}
NETS = {
    "pointnet": PointNet(3, **SMALL),
    "parts": PointNetParts(5, **SMALL),
    "pointnet2": PointNet2(3, **LEVELS, whole=(8,), head=(8,)),
    "parts2": PointNet2Parts(5, **LEVELS, back=(8,)),
}


def applied(name, order=slice(None), shift=0.0):
    points = POINTS[:, order] + shift
    classes = jax.nn.one_hot(jnp.array([0, 2]), 3)
    x = (points, classes) if name.startswith("parts") else points
    net = NETS[name]
    variables = jax.jit(partial(net.init, train=False))(jax.random.key(0), x)
    variables = jax.tree.map(lambda v: v + 0.05, variables)  # matrices that are not the identity
    return np.asarray(jax.jit(partial(net.apply, train=False))(variables, x))


@pytest.mark.parametrize("name", NETS)
def test_the_order_of_points_plays_no_part(name):
    order = np.concatenate([[0], RNG.permutation(np.arange(1, 40))])  # ++ starts at the first
    want, got = applied(name), applied(name, order)
    want = want[:, order] if name.startswith("parts") else want
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4)
    other = applied(name, shift=1.0)
    assert np.abs(other - (want if not name.startswith("parts") else applied(name))).max() > 1e-3


def test_the_turns_start_as_the_identity_and_their_penalty_is_a_sum_of_squares():
    net = NETS["pointnet"]
    variables = net.init(jax.random.key(0), POINTS, train=False)
    _, turned = net.apply(variables, POINTS, train=False, with_transform=True)
    np.testing.assert_allclose(turned, np.tile(np.eye(4), (2, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(align_penalty(turned), 0, atol=1e-9)
    matrices = RNG.normal(size=(2, 3, 3))
    want = [
        sum((float(i == j) - m[i] @ m[j]) ** 2 for i in range(3) for j in range(3))
        for m in matrices
    ]
    np.testing.assert_allclose(align_penalty(jnp.asarray(matrices)), want, rtol=1e-5)


def test_farthest_points_are_chosen_one_by_one():
    got = farthest_points(POINTS, 9)
    for b in range(2):
        points, chosen = np.asarray(POINTS[b], float), [0]
        for _ in range(8):
            away = [min(((p - points[c]) ** 2).sum() for c in chosen) for p in points]
            chosen.append(int(np.argmax(away)))
        assert got[b].tolist() == chosen
    with pytest.raises(ValueError, match=r"1..40, got 41"):
        farthest_points(POINTS, 41)


@pytest.mark.parametrize(("radius", "count"), [(0.9, 5), (5.0, 3)])
def test_neighbors_are_the_nearest_within_the_ball(radius, count):
    centers = POINTS[:, :7]
    rows = np.asarray(ball_neighbors(POINTS, centers, radius=radius, count=count))
    for b in range(2):
        tree = cKDTree(POINTS[b])
        distances, near = tree.query(centers[b], k=count)
        want = np.where(distances <= radius, near, near[:, :1])
        np.testing.assert_array_equal(rows[b], want)
    assert gather_points(POINTS, rows).shape == (2, 7, count, 3)
    np.testing.assert_array_equal(gather_points(POINTS, rows)[1, 2, 0], POINTS[1, rows[1, 2, 0]])


def test_features_are_interpolated_by_inverse_squared_distances():
    known, values = POINTS[:, :10], jnp.asarray(RNG.normal(size=(2, 10, 4)), jnp.float32)
    got = interpolate(values, interpolation(known, POINTS))
    for b, n in [(0, 20), (1, 33)]:
        distances, near = cKDTree(known[b]).query(POINTS[b, n], k=3)
        weights = 1 / distances**2
        want = (weights[:, None] * np.asarray(values[b])[near]).sum(axis=0) / weights.sum()
        np.testing.assert_allclose(got[b, n], want, rtol=1e-4)
    np.testing.assert_allclose(
        got[:, :10], values, rtol=1e-4, atol=1e-5
    )  # known points keep theirs


def test_part_iou_is_counted_point_by_point():
    found, truth = np.array([3, 3, 4, 4, 4, 3]), np.array([3, 4, 4, 4, 3, 3])
    assert part_iou(found, truth, range(3, 5)) == pytest.approx((2 / 4 + 2 / 4) / 2)
    assert part_iou(found, truth, range(3, 6)) == pytest.approx((2 / 4 + 2 / 4 + 1) / 3)
    with pytest.raises(ValueError, match="found, truth"):
        part_iou(found, truth[:2], [3])

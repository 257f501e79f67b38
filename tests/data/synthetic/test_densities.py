"""Densities in the plane against SciPy's integrals and scikit-learn's sets."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.datasets import make_moons

from jaxdl.checks import UsageError
from jaxdl.data.synthetic.densities import DENSITIES, Points

EXTENT = {"gaussian": 6, "two_moons": 4, "checkerboard": 5, "pinwheel": 5.5, "grid_of_gaussians": 6}


def grid(name, count):
    limit = EXTENT.get(name, 7)
    edges = np.linspace(-limit, limit, count + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    x, y = np.meshgrid(middle, middle, indexing="ij")
    return edges, np.stack([x.ravel(), y.ravel()], axis=1), (edges[1] - edges[0]) ** 2


@pytest.mark.parametrize("name", DENSITIES)
def test_density_integrates_to_one(name):
    _, points, area = grid(name, 150)
    total = 0.0
    for part in np.array_split(points, 10):
        total += np.exp(Points(name).log_density(part)).sum() * area
    assert abs(total - 1) < 2e-3


@pytest.mark.parametrize("name", DENSITIES)
def test_points_are_of_their_density(name):
    points = Points(name, 100_000, 5)
    got = points.rows(np.arange(6000))["point"]
    edges, middle, area = grid(name, 150)
    density = np.zeros(len(middle))
    for part in np.array_split(np.arange(len(middle)), 10):
        density[part] = np.exp(points.log_density(middle[part]))
    mass = density.reshape(15, 10, 15, 10).sum(axis=(1, 3)) * area  # 15x15 squares
    counts, _, _ = np.histogram2d(got[:, 0], got[:, 1], bins=[edges[::10]] * 2)
    assert counts.sum() > 5990
    heavy = mass > 6 / 6000
    want = np.append(mass[heavy], 1 - mass[heavy].sum()) * 6000
    have = np.append(counts[heavy], 6000 - counts[heavy].sum())
    keep = want > 5
    assert stats.chisquare(have[keep], want[keep] * have[keep].sum() / want[keep].sum())[1] > 1e-3


@pytest.mark.parametrize("name", DENSITIES)
def test_parts_are_even(name):
    points = Points(name)
    label = points.rows(np.arange(4000))["label"]
    counts = np.bincount(label, minlength=len(points.classes))
    assert len(counts) == len(points.classes) == DENSITIES[name].parts
    assert len(counts) == 1 or stats.chisquare(counts)[1] > 1e-3


def test_the_ring_of_gaussians_is_scipys_mixture():
    x = np.random.default_rng(0).normal(size=(50, 2)) * 3
    angle = np.arange(8) * np.pi / 4
    want = np.mean(
        [stats.norm.pdf(x, [4 * np.cos(a), 4 * np.sin(a)], 0.5).prod(axis=1) for a in angle],
        axis=0,
    )
    np.testing.assert_allclose(np.exp(Points("eight_gaussians").log_density(x)), want, rtol=1e-9)


def test_two_moons_lie_on_scikit_learns():
    want, labels = make_moons(4000, noise=0.1, random_state=0)
    points = Points("two_moons").rows(np.arange(4000))
    for part in (0, 1):
        got = points["point"][points["label"] == part]
        for axis in (0, 1):
            assert stats.kstest(got[:, axis], want[labels == part][:, axis])[1] > 1e-3


def test_circles_are_the_integral_around_them():
    x = np.array([[0.3, 0.2], [2.1, 0.0], [1.0, 3.5]])
    got = np.exp(Points("circles").log_density(x))
    for point, value in zip(x, got, strict=True):
        want = 0.0
        for radius in (1, 2, 3, 4):
            want += integrate.quad(
                lambda a, r=radius, p=point: np.exp(
                    -((p[0] - r * np.cos(a)) ** 2 + (p[1] - r * np.sin(a)) ** 2) / 0.02
                ),
                -np.pi,
                np.pi,
                points=[np.arctan2(point[1], point[0])],
                limit=200,
            )[0]
        np.testing.assert_allclose(value, want / (4 * 2 * np.pi * 2 * np.pi * 0.01), rtol=1e-6)


def test_curves_are_fine_enough():
    x = np.array([[0.5, 0.9], [1.5, -0.4], [0.0, 0.0]])
    t = (np.arange(200_000) + 0.5) / 200_000
    upper = np.stack([np.cos(np.pi * t), np.sin(np.pi * t)])
    lower = np.stack([1 - np.cos(np.pi * t), 0.5 - np.sin(np.pi * t)])
    for point in x:
        want = 0.0
        for curve in (upper, lower):
            square = ((point[:, None] - curve) ** 2).sum(axis=0)
            want += np.exp(-square / 0.02).mean() / (2 * np.pi * 0.01) / 2
        got = Points("two_moons").log_density(point[None])[0]
        np.testing.assert_allclose(got, np.log(want), atol=2e-5)


def test_rows_and_words():
    points = Points("pinwheel", 1000, 3)
    rows = points.rows(np.arange(50))
    np.testing.assert_array_equal(points[17]["point"], rows["point"][17])
    assert points.description.startswith("synthetic")
    assert (Points("pinwheel", 1000, 4)[17]["point"] != rows["point"][17]).all()
    assert np.isneginf(Points("checkerboard").log_density(np.array([[9.0, 9.0]])))
    with pytest.raises(UsageError, match=r"'two_moon'.*two_moons"):
        Points("two_moon")

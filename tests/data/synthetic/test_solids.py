"""Solids against their equations, SciPy's distances and integrals, and Euler's number."""

from collections import Counter
from functools import cache, partial

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from jaxdl.checks import UsageError
from jaxdl.data.synthetic import compositions
from jaxdl.data.synthetic import solid_surfaces as surfaces
from jaxdl.data.synthetic.solids import FIELDS, Solids, rotations

SIZES = np.array([[0.7, 0, 0], [0.3, 0.4, 0.5], [0.3, 0.6, 0], [0.5, 0.2, 0]])


@cache
def sample(frame="view"):
    made = Solids(
        1000,
        2,
        fields=FIELDS,
        frame=frame,
        points=300,
        queries=200,
        resolution=24,
        image_size=40,
        cells=4,
    )
    return made, made.rows(np.arange(24))


def implicit(name, solid, p):
    """A function that is zero on the surface, negative inside, from the textbook."""
    (a, b, c), (x, y, z) = solid, np.moveaxis(p, -1, 0)
    if name == "sphere":
        return x**2 + y**2 + z**2 - a**2
    if name == "box":
        return np.max([np.abs(x) / a, np.abs(y) / b, np.abs(z) / c], axis=0) - 1
    if name == "cylinder":
        return np.maximum(x**2 + y**2 - a**2, z**2 - b**2)
    return (x**2 + y**2 + z**2 + a**2 - b**2) ** 2 - 4 * a**2 * (x**2 + y**2)


def each_part(label, solid, p):
    """The equations of all parts, each in its own frame."""
    parts = compositions.parts_of(label, np.array([solid], float))
    return np.array(
        [implicit(surfaces.KINDS[x.kind], x.sizes[0], x.own(p[None])[0]) for x in parts]
    )


def outside(label, solid, p):
    """Zero on the surface of the whole, negative inside."""
    return each_part(label, solid, p).min(axis=0)


def own(rows, r, points, frame):
    return points @ rows["rotation"][r].astype(float) if frame == "view" else points


@pytest.mark.parametrize("frame", ["view", "canonical"])
def test_points_and_vertices_satisfy_the_equation(frame):
    _, rows = sample(frame)
    for r, label in enumerate(rows["label"]):
        for name in ("points", "vertices"):
            points = rows[name][r].astype(float)
            if name == "vertices":
                assert not points[rows["vertex_count"][r] :].any()
                points = points[: rows["vertex_count"][r]]
            points = own(rows, r, points, frame)
            if name == "points":  # outside of every part
                assert np.abs(outside(label, rows["solid"][r], points)).max() < 4e-6
            near = np.abs(each_part(label, rows["solid"][r], points)).min(axis=0)
            assert near.max() < 4e-6  # on some part


@pytest.mark.parametrize("frame", ["view", "canonical"])
def test_normals_are_the_gradient(frame):
    _, rows = sample(frame)
    for r, label in enumerate(rows["label"]):
        points = own(rows, r, rows["points"][r].astype(float), frame)
        normals = own(rows, r, rows["normals"][r].astype(float), frame)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        name, solid = compositions.CLASSES[label], rows["solid"][r].astype(float)
        if name in ("box", "cylinder"):  # constant along a face: a small step along it stays on it
            ahead = implicit(name, solid, points + 1e-3 * normals)
            back = implicit(name, solid, points - 1e-3 * normals)
            assert (ahead > 0).all()
            assert (back < 0).all()
            faces = np.abs(normals).max(axis=1)
            assert np.isclose(faces, 1, atol=1e-5).all() or name == "cylinder"
        step = 1e-5 * np.eye(3)
        gradient = np.stack(
            [outside(label, solid, points + s) - outside(label, solid, points - s) for s in step],
            axis=1,
        )
        gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
        smooth = (gradient * normals).sum(axis=1) > 0.9999
        assert smooth.mean() > (0.999 if name in ("sphere", "torus") else 0.96)  # but at edges


@pytest.mark.parametrize("kind", range(4))
def test_signed_distance_is_the_distance_to_the_nearest_surface_point(kind):
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (40, 3))
    solid = SIZES[kind : kind + 1]
    got = surfaces.signed_distance(kind, solid, points[None])[0]
    cloud = surfaces.surface_points(kind, solid, rng.random((1, 60_000, 3)))[0]
    nearest = np.sqrt(((points[:, None] - cloud[None]) ** 2).sum(-1)).min(axis=1)
    inside = implicit(surfaces.KINDS[kind], solid[0], points) < 0
    np.testing.assert_array_equal(got < 0, inside)
    assert (np.abs(got) <= nearest + 1e-9).all()
    np.testing.assert_allclose(np.abs(got), nearest, atol=0.02)


@pytest.mark.parametrize("kind", range(4))
def test_points_are_even_by_area(kind):
    a, b, c = SIZES[kind]
    u = np.random.default_rng(1).random((1, 8000, 3))
    x, y, z = surfaces.surface_points(kind, SIZES[kind : kind + 1], u)[0].T
    angle = stats.kstest(np.arctan2(y, x), stats.uniform(-np.pi, 2 * np.pi).cdf)[1]
    if kind == 0:  # Archimedes: height is uniform
        assert stats.kstest(z, stats.uniform(-a, 2 * a).cdf)[1] > 1e-3
        assert angle > 1e-3
    elif kind == 1:
        faces = [np.isclose(v, s * h).mean() for v, h in ((x, a), (y, b), (z, c)) for s in (-1, 1)]
        areas = np.repeat([b * c, a * c, a * b], 2) / (2 * (b * c + a * c + a * b))
        np.testing.assert_allclose(faces, areas, atol=0.02)
        top = np.isclose(z, c)
        assert stats.kstest(x[top], stats.uniform(-a, 2 * a).cdf)[1] > 1e-3
        assert stats.kstest(y[top], stats.uniform(-b, 2 * b).cdf)[1] > 1e-3
        front = np.isclose(x, -a)
        assert stats.kstest(z[front], stats.uniform(-c, 2 * c).cdf)[1] > 1e-3
    elif kind == 2:
        side = np.abs(z) < b - 1e-9
        assert abs(side.mean() - 2 * b / (2 * b + a)) < 0.02
        assert stats.kstest(z[side], stats.uniform(-b, 2 * b).cdf)[1] > 1e-3
        assert stats.kstest((x**2 + y**2)[z == b], stats.uniform(0, a**2).cdf)[1] > 1e-3
        assert angle > 1e-3
    else:
        tube = np.arctan2(z, np.hypot(x, y) - a)

        def density(t):
            return a + b * np.cos(t)

        def share(angles):
            ring = 2 * np.pi * a
            return np.array([integrate.quad(density, -np.pi, t)[0] for t in angles]) / ring

        assert stats.kstest(tube[:1500], share)[1] > 1e-3
        assert angle > 1e-3


@pytest.mark.parametrize("cells", [3, 6])
@pytest.mark.parametrize("kind", range(4))
def test_meshes_are_closed_turn_outwards_and_have_their_euler_number(kind, cells):
    vertices, faces = surfaces.mesh(kind, SIZES[kind : kind + 1], cells)
    vertices = vertices[0]
    edges = Counter(edge for f in faces.tolist() for edge in zip(f, f[1:] + f[:1], strict=True))
    assert set(edges.values()) == {1}  # each directed edge once ...
    assert all((b, a) in edges for a, b in edges)  # ... and its reverse in the neighbor
    assert set(faces.ravel()) == set(range(len(vertices)))
    assert len(vertices) - len(edges) // 2 + len(faces) == (0 if kind == 3 else 2)
    corners = vertices[faces]
    area = (
        np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )
        / 2
    )
    assert area.min() > 1e-4
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    a, b, c = SIZES[kind]
    true = [4 / 3 * np.pi * a**3, 8 * a * b * c, 2 * np.pi * a**2 * b, 2 * np.pi**2 * a * b**2]
    assert 0.75 < volume / true[kind] <= 1 + 1e-9  # positive: faces turn outwards
    finer, fine_faces = surfaces.mesh(kind, SIZES[kind : kind + 1], 24)
    fine = finer[0][fine_faces]
    fine = np.einsum("ij,ij->i", fine[:, 0], np.cross(fine[:, 1], fine[:, 2])).sum() / 6
    np.testing.assert_allclose(fine, true[kind], rtol=0.015)


@pytest.mark.parametrize("frame", ["view", "canonical"])
def test_voxels_and_queries_are_inside_where_the_equation_says(frame):
    _, rows = sample(frame)
    middle = (np.arange(24) + 0.5) / 12 - 1
    for r, label in enumerate(rows["label"][:12]):
        solid = rows["solid"][r].astype(float)
        i, j, k = np.random.default_rng(r).integers(0, 24, (3, 500))
        centers = np.stack([middle[i], middle[j], middle[k]], axis=1)
        value = outside(label, solid, own(rows, r, centers, frame))
        clear = np.abs(value) > 1e-5
        np.testing.assert_array_equal(rows["voxels"][r][i, j, k][clear], value[clear] < 0)
        value = outside(label, solid, own(rows, r, rows["queries"][r].astype(float), frame))
        clear = np.abs(value) > 1e-4
        np.testing.assert_array_equal(rows["distances"][r][clear] < 0, value[clear] < 0)
        assert (np.abs(rows["distances"][r, 1::2]) < 0.18).all()  # near the surface


def along_ray(label, solid, turn, ray, z):
    """The equation at depths `z` of a ray from the eye, 2.5 before the solid."""
    points = np.atleast_1d(z)[:, None] * ray - [0, 0, 2.5]
    return outside(label, solid, points @ turn)


def test_depth_and_normals_are_what_a_ray_meets():
    _, rows = sample()
    place = (np.arange(40) + 0.5 - 20) / (1.15 * 40)
    depths = np.linspace(1.4, 3.6, 400)
    hits = 0
    for r, label in enumerate(rows["label"][:12]):
        solid, turn = rows["solid"][r].astype(float), rows["rotation"][r].astype(float)
        for v, u in np.random.default_rng(r).integers(0, 40, (60, 2)):
            ray = np.array([place[u], place[v], 1.0])
            f = partial(along_ray, label, solid, turn, ray)
            values = f(depths)
            below = np.flatnonzero(values < 0)
            if not len(below):
                assert rows["depth"][r, v, u] == 0 or values.min() < 0.02
                continue
            z = optimize.brentq(lambda z, f=f: f(z)[0], depths[below[0] - 1], depths[below[0]])
            np.testing.assert_allclose(rows["depth"][r, v, u], z, atol=2e-4)
            normal = rows["depth_normals"][r, v, u].astype(float)
            assert normal @ ray < 0.02  # towards the eye
            point = ray * z - [0, 0, 2.5] + 0.01 * normal
            assert outside(label, solid, (point @ turn)[None])[0] > 0
            hits += 1
    assert hits > 60
    np.testing.assert_array_equal(rows["depth"] > 0, (rows["depth_normals"] ** 2).sum(-1) > 0.5)


def test_pictures_are_brighter_where_a_solid_is():
    _, rows = sample()
    assert rows["image"].dtype == np.uint8
    there = rows["depth"] > 0
    for image, mask in zip(rows["image"], there, strict=True):
        assert image[~mask].max() < 42
        assert image[mask].mean() > 45


def test_rotations_are_even():
    turned = rotations(np.random.default_rng(0).normal(size=(3000, 4)))
    np.testing.assert_allclose(
        turned @ turned.swapaxes(1, 2), np.tile(np.eye(3), (3000, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(turned), 1)
    for i in range(3):
        for j in range(3):
            assert stats.kstest(turned[:, i, j], stats.uniform(-1, 2).cdf)[1] > 1e-4


def test_rows_and_words():
    made, rows = sample()
    for name, value in made[17].items():
        np.testing.assert_array_equal(value, rows[name][17])
    counts = np.bincount(Solids(fields=("label",)).rows(np.arange(2000))["label"])
    assert stats.chisquare(counts)[1] > 1e-3
    assert made.description.startswith("synthetic")
    assert set(Solids()[0]) == {"points", "normals", "label"}
    with pytest.raises(UsageError, match="'point'"):
        Solids(fields=("point",))
    with pytest.raises(UsageError, match="'world'"):
        Solids(frame="world")
    with pytest.raises(ValueError, match=r"cells.*0"):
        Solids(cells=0)

"""Things put together of solids: against dense clouds, exposed areas and closed meshes."""

import numpy as np
import pytest
from scipy import stats

from jaxdl.data.meshes.mesh import Mesh, check_closed, euler_number
from jaxdl.data.synthetic import compositions as things
from jaxdl.data.synthetic.solids import Solids
from jaxdl.vision3d.fields.crossings import winding_below

KINDS = range(4, len(things.CLASSES))


def rows_of(kind, count=2):
    u = np.random.default_rng(kind).random((count, 3))
    return things.LOW[kind] + (things.HIGH - things.LOW)[kind] * u


def sample(kind, solids, count, seed=0):
    u = np.random.default_rng(seed).random((len(solids), 3 * count, 4))
    return things.surface_points(kind, solids, u)


def test_there_are_thirteen_classes_with_parts_of_their_own():
    assert len(things.CLASSES) == 13
    assert len(things.PARTS) == len(set(things.PARTS)) == 23
    rows = Solids(200, fields=("part", "points", "label"), points=64).rows(np.arange(60))
    for label, part in zip(rows["label"], rows["part"], strict=True):
        names = {things.PARTS[number].split()[0] for number in part}
        assert names == {things.CLASSES[label]}


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_even_over_what_is_exposed(kind):
    solids = rows_of(kind, 1)
    points = sample(kind, solids, 6000)
    parts = things.parts_of(kind, solids)
    assert np.linalg.norm(points, axis=-1).max() < 0.91
    assert np.abs(things.signed_distance(kind, solids, points)).max() < 1e-9
    exposed = []
    for i, part in enumerate(
        parts
    ):  # by a grid of boxes: the share of its cloud outside the others
        u = np.random.default_rng(i).random((1, 20_000, 3))
        cloud = part.back(things.simple.surface_points(part.kind, part.sizes, u))
        cloud = cloud + part.center[:, None]
        others = [p.distance(cloud)[0] for p in parts if p is not part]
        exposed.append(part.area()[0] * (np.min(others, axis=0) > 0).mean())
    on = np.argmin([part.distance(points)[0] for part in parts], axis=0)
    count = np.bincount(on, minlength=len(parts))
    want = 6000 * np.array(exposed) / np.sum(exposed)
    assert stats.chisquare(count, want)[1] > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_distance_outside_is_to_the_nearest_point_and_the_sign_that_of_the_meshes(kind):
    solids = rows_of(kind)
    queries = np.random.default_rng(1).uniform(-0.9, 0.9, (2, 150, 3))
    got = things.signed_distance(kind, solids, queries)
    vertices, faces = things.mesh(kind, solids, 12)
    for i in range(2):
        cloud = sample(kind, solids[i : i + 1], 20_000, seed=2)[0]
        near = np.sqrt(((queries[i][:, None] - cloud[None]) ** 2).sum(axis=-1)).min(axis=1)
        outside = got[i] > 0
        np.testing.assert_allclose(got[i][outside], near[outside], atol=0.03)
        assert (np.abs(got[i]) <= near + 1e-9).all()
        mesh = Mesh(vertices[i], faces)
        check_closed("thing", mesh)
        inside = winding_below(mesh, queries[i]) > 0
        clear = np.abs(got[i]) > 0.02
        np.testing.assert_array_equal(inside[clear], got[i][clear] < 0)
    parts = things.parts_of(kind, solids)
    assert euler_number(mesh) == sum(0 if p.kind == things.TORUS else 2 for p in parts)
    normals = things.normals_at(kind, solids, sample(kind, solids, 400))
    step = sample(kind, solids, 400) + 1e-4 * normals
    assert (things.signed_distance(kind, solids, step) > 0).mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_the_part_of_a_point_is_the_part_that_it_lies_on(kind):
    solids = rows_of(kind)
    points = sample(kind, solids, 200)
    number = things.nearest_part(kind, solids, points)
    for part in things.parts_of(kind, solids):
        lies_on = np.abs(part.distance(points)) < 1e-9
        name = f"{things.CLASSES[kind]} {part.name}"
        assert {things.PARTS[n] for n in number[lies_on]} <= {name}


def test_meshes_of_rows_are_padded():
    made = Solids(50, fields=("vertices", "faces", "vertex_count", "face_count", "label"), cells=2)
    rows = made.rows(np.arange(20))
    for r in range(20):
        count, used = rows["face_count"][r], rows["vertex_count"][r]
        assert rows["faces"][r, :count].max() == used - 1
        assert not rows["faces"][r, count:].any()
        assert not rows["vertices"][r, used:].any()
    assert rows["face_count"].max() <= rows["faces"].shape[1]

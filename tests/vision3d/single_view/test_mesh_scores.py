"""Scores of surfaces against spheres whose distances are known, and SciPy's trees."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxdl.data.config import SolidsData
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.mesh_files import read_mesh
from jaxdl.data.synthetic import compositions
from jaxdl.training.task import as_it_is
from jaxdl.vision3d.single_view import mesh_scores
from jaxdl.vision3d.single_view.mesh_evaluator import MeshEvaluator, named_scores, side_turn
from jaxdl.vision3d.single_view.mesh_scores import (
    Truth,
    f1_of,
    mean_shape,
    spread_points,
    true_points,
)
from jaxdl.vision3d.single_view.rendered_views import solid_mesh, view_splits
from jaxdl.vision3d.single_view.template import sphere

DATA = SolidsData(points=8, resolution=12, image_size=(24,), synthetic_rows=3)
STATE = SimpleNamespace(variables={}, params={})
SPHERE = compositions.CLASSES.index("sphere")


def test_f1_is_that_of_trees_and_points_are_on_the_solid():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    truth = true_points(SPHERE, np.array([0.6, 0, 0]), turn, 0)
    np.testing.assert_allclose(np.linalg.norm(truth, axis=1), 0.6)
    ball = sphere(600)
    points = 0.63 * spread_points(ball)
    there, back = cKDTree(truth).query(points)[0], cKDTree(points).query(truth)[0]
    for near, got in zip((0.02, 0.04), f1_of(points, truth, 1.2), strict=True):
        shares = [(d <= near * 1.2).mean() for d in (there, back)]
        assert got == pytest.approx(2 * shares[0] * shares[1] / max(sum(shares), 1e-9), abs=1e-3)
    low, high = f1_of(points, truth, 1.2)
    assert low < 0.3  # .03 off, allowed .024
    assert high > 0.99  # allowed .048


def test_the_mean_of_balls_is_a_ball_between_them(monkeypatch):
    monkeypatch.setattr(mesh_scores, "POINTS", 3000)
    middle = (np.arange(24) + 0.5) / 12 - 1
    away = np.linalg.norm(np.stack(np.meshgrid(middle, middle, middle), -1), axis=-1)
    radii = np.array([0.5, 0.55, 0.6, 0.65])
    truths = [Truth(true_points(SPHERE, np.array([r, 0, 0]), np.eye(3), 0), 2 * r) for r in radii]
    mesh = mean_shape(away[None] < radii[:, None, None, None], truths)
    found = np.linalg.norm(mesh.vertices, axis=1)
    assert 0.5 < found.mean() < 0.65
    assert found.std() < 0.05
    with pytest.raises(ValueError, match="no place"):
        mean_shape(np.zeros((2, 4, 4, 4), bool), truths)


def true_mesh_evaluator(frame, tmp_path, monkeypatch):
    """An evaluator whose network knows the first test mesh; that mesh, the split, its rows."""
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    splits = view_splits(SolidsData(**vars(DATA) | {"frame": frame}), views=1)
    row = {k: splits["test"].read(k, np.array([0])) for k in ("label", "solid", "rotation")}
    true = solid_mesh(row["label"][0], row["solid"][0])
    turn = row["rotation"][0] if frame == "view" else np.eye(3)
    placed = Mesh(np.asarray(true.vertices @ turn.T, np.float32), true.faces)

    def predict(variables, image):
        return jax.numpy.broadcast_to(placed.vertices, (len(image), *placed.vertices.shape))

    evaluate = MeshEvaluator(predict, true.faces, as_it_is, splits["train"], frame)
    return evaluate, placed, splits["test"], evaluate.rows(STATE, splits["test"])


@pytest.mark.parametrize("frame", ["view", "canonical"])
def test_a_true_mesh_has_f1_near_1_in_either_frame(frame, tmp_path, monkeypatch):
    evaluate, _, _, rows = true_mesh_evaluator(frame, tmp_path, monkeypatch)
    points = spread_points(evaluate.pair(rows, 0)[0])
    # Not 1: parts of the mesh reach into each other, and true points are on the outside alone.
    assert f1_of(points, evaluate.truth(rows, 0), rows["longest"][0])[1] > 0.9


def test_meshes_are_written_as_trimesh_reads_them(tmp_path, monkeypatch):
    trimesh = pytest.importorskip("trimesh")
    evaluate, placed, split, rows = true_mesh_evaluator("canonical", tmp_path, monkeypatch)
    files = evaluate.draw_rows(STATE, split, rows, tmp_path)
    assert {f.name for f in files} == {"meshes.png", "turntable.gif", "mesh0.obj", "mesh0.ply"}
    for name in ("mesh0.obj", "mesh0.ply"):
        judge = trimesh.load(tmp_path / name, process=False)
        np.testing.assert_allclose(judge.vertices, placed.vertices, atol=1e-5)
        np.testing.assert_array_equal(judge.faces, placed.faces)
        assert len(read_mesh(tmp_path / name)[0].faces) == len(placed.faces)


def test_scores_are_named_by_what_they_are_of():
    scores = np.arange(8.0).reshape(2, 2, 2)
    got = named_scores(scores, np.array([False, True]))
    assert got["f1"] == 0
    assert got["f1_wide"] == 1
    assert got["mean_shape_f1"] == 2
    assert got["known_f1"] == 4
    assert got["known_mean_shape_f1_wide"] == 7
    np.testing.assert_allclose(side_turn() @ [0, 1, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(np.abs(side_turn() @ [1, 0, 0]), [0, 0, 1], atol=1e-12)

"""The evaluation of scenes, given the true boxes and voxels, against trimesh and known counts."""

import numpy as np
import pytest

from experiments.vision3d.mesh_rcnn import Config, SceneEvaluator, prepare
from jaxdl.data.config import SolidsData
from jaxdl.vision3d.single_view import mesh_scores
from jaxdl.vision3d.single_view.lattice import lattice_corners, surface_of
from jaxdl.vision3d.single_view.mesh_rcnn import MeshRCNN
from jaxdl.vision3d.single_view.scenes import scene_splits

DATA = SolidsData(points=16, resolution=10, image_size=(48,), synthetic_rows=6)


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """The evaluator, the test split, and rows as of a network that is right to a cell."""
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(mesh_scores, "POINTS", 1000)
    splits = scene_splits(DATA)
    split = splits["test"]
    rows = {name: split.read(name, np.arange(split.size)) for name in split.names}
    surface = surface_of(rows["voxels"].reshape(-1, 10, 10, 10))
    rows["faces"] = np.asarray(surface.faces).reshape(split.size, 2, -1)
    corners = lattice_corners(10)
    rows["vertices"] = np.broadcast_to(corners, (split.size, 2, *corners.shape))
    rows["found"], rows["score"] = rows["boxes"], np.full((split.size, 2), 0.9)
    evaluate = SceneEvaluator(Config(data=DATA), MeshRCNN(resolution=10), prepare, splits["train"])
    return evaluate, split, rows


def test_right_boxes_and_voxels_score_and_lost_ones_cost(scenes):
    evaluate, split, rows = scenes
    right = evaluate.numbers(split, rows)
    assert right["found"] == 1
    assert right["other_boxes"] == 0
    assert right["f1_wide"] > max(0.5, right["mean_shape_f1_wide"])
    moved = rows["boxes"].copy()
    moved[:, 1] += 30
    lost = evaluate.numbers(split, {**rows, "found": moved})
    assert lost["found"] == 0.5
    assert lost["other_boxes"] == 1
    assert lost["f1_wide"] < right["f1_wide"]
    unsure = evaluate.numbers(split, {**rows, "score": np.full((split.size, 2), 0.1)})
    assert (unsure["found"], unsure["f1"], unsure["mean_shape_f1"]) == (0, 0, 0)


def test_pictures_and_files_are_written_and_trimesh_reads_them(scenes, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    evaluate, split, rows = scenes
    files = evaluate.draw_rows(None, split, rows, tmp_path / "new")
    names = {path.name for path in files}
    assert {"scenes.png", "turntable.gif", "mesh0.obj", "mesh0.ply"} <= names
    for kind in ("obj", "ply"):
        judge = trimesh.load(tmp_path / f"new/mesh0.{kind}", process=False)
        assert judge.volume > 0
        assert len(judge.faces) == rows["faces"][0, 0].sum()
        # Of the size of the solid, and around its center.
        assert 0.6 < judge.extents.max() / rows["longest"][0, 0] < 1.5
        assert np.abs(judge.bounds.mean(axis=0)).max() < 0.5

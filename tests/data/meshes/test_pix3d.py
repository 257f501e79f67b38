"""Pix3D's layout as its readme describes it, made small: points must be where the formula of its
demo's camera puts the mesh; bad entries."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.load import load_splits
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.mesh_files import write_mesh
from jaxdl.data.meshes.pix3d import Pix3d
from tests.vision3d.solid_meshes import BOX, SPHERE

WIDTH, HEIGHT, FOCAL = 80, 60, 40.0
TURN = np.array([[0.8, 0, 0.6], [0, 1.0, 0], [-0.6, 0, 0.8]])
AWAY = np.array([0.3, -0.2, 3.0])


def entry(name, category):
    """Blender's camera of the demo, at the origin and turned half around y: x left, y up."""
    return {
        "img": f"img/{category}/{name}.png",
        "mask": f"mask/{category}/{name}.png",
        "model": f"model/{category}/{name}/model.obj",
        "category": category,
        "img_size": [WIDTH, HEIGHT],
        "rot_mat": TURN.tolist(),
        "trans_mat": AWAY.tolist(),
        "focal_length": FOCAL,
        "truncated": False,
    }


def write_set(root):
    entries = []
    for name, category, mesh in (("0001", "chair", BOX), ("0002", "bed", SPHERE)):
        fields = entry(name, category)
        write_mesh(mesh, root / fields["model"])
        placed = mesh.vertices @ TURN.T + AWAY
        u = WIDTH / 2 - FOCAL / 32 * WIDTH * placed[:, 0] / placed[:, 2]  # x to the left
        v = HEIGHT / 2 - FOCAL / 32 * WIDTH * placed[:, 1] / placed[:, 2]  # y up
        fields["bbox"] = [u.min(), v.min(), u.max(), v.max()]
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[int(v.min()) : int(v.max()) + 1, int(u.min()) : int(u.max()) + 1] = 255
        for kind, pixels in (("img", np.stack([mask] * 3, -1) // 2), ("mask", mask)):
            (root / fields[kind]).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / fields[kind])
        entries.append(fields)
    (root / "pix3d.json").write_text(json.dumps(entries))
    return entries


def test_points_are_where_the_camera_sees_the_thing(tmp_path):
    write_set(tmp_path)
    for row in Pix3d(tmp_path, points=3000, size=(40, 40), frame="view"):
        assert row["image"].shape == (40, 40, 3)
        assert not row["mask"][30:].any()  # 60 x 80 became 30 x 40
        assert ((row["image"][..., 0] > 63) != row["mask"]).mean() < 0.03  # at its edge
        seen = row["points"] @ row["camera"].T
        place = seen[:, :2] / seen[:, 2:]
        corners = np.concatenate([place.min(axis=0), place.max(axis=0)])
        np.testing.assert_allclose(corners, row["box"], atol=0.8)
        down, right = np.nonzero(row["mask"])
        inside = [right.min(), down.min(), right.max() + 1, down.max() + 1]
        np.testing.assert_allclose(row["box"], inside, atol=1)
        np.testing.assert_allclose(np.linalg.norm(row["normals"], axis=1), 1, rtol=1e-5)


def test_by_name_in_its_own_frame(tmp_path):
    write_set(tmp_path)
    cfg = data_config("pix3d", path=str(tmp_path), points=50, frame="canonical", image_size=(16,))
    cfg = data_config(**{**vars(cfg), "batch_size": 1})
    splits = load_splits(cfg)
    assert splits["train"].classes == ("bed", "chair")
    assert splits["train"].size + splits["test"].size == 2
    chair = Pix3d(tmp_path / "pix3d.json", points=50, size=(16, 16), frame="canonical")[0]
    np.testing.assert_allclose(np.abs(chair["points"] / [0.3, 0.4, 0.5]).max(axis=1), 1, rtol=1e-5)


BAD = [
    ({"bbox": [5, 1, 2, 9]}, "bbox must be x1, y1, x2, y2"),
    ({"bbox": [1, 2, 3]}, "bbox must be 4 numbers"),
    ({"rot_mat": (2 * TURN).tolist()}, "rot_mat must be a rotation"),
    ({"trans_mat": ["a", 0, 0]}, "trans_mat must be 3 numbers"),
    ({"trans_mat": [float("nan"), 0, 0]}, "trans_mat must be finite"),
    ({"focal_length": -1}, "focal_length must be a number of mm > 0, got -1"),
    ({"img": "img/none.png"}, "img: there is no file"),
    ({"model": "../model.obj"}, "model '../model.obj' leaves"),
    ({"category": 3}, "category must be a text, got 3"),
]


def test_a_bad_entry_is_named_with_its_field(tmp_path):
    entries = write_set(tmp_path)
    path = tmp_path / "pix3d.json"
    for change, message in BAD:
        path.write_text(json.dumps([entries[0], {**entries[1], **change}]))
        with pytest.raises(DataError, match=f"pix3d.json: entry 1: {message}"):
            Pix3d(tmp_path, points=5, size=(8, 8), frame="view")
    path.write_text(json.dumps([entries[0], 7]))
    with pytest.raises(DataError, match="entry 1 must be an object with fields, got 7"):
        Pix3d(tmp_path, points=5, size=(8, 8), frame="view")
    path.write_text("[]")
    with pytest.raises(DataError, match=r"pix3d.json has no entries"):
        Pix3d(tmp_path, points=5, size=(8, 8), frame="view")
    path.write_text(json.dumps(entries))
    Image.new("L", (9, 9)).save(tmp_path / entries[0]["mask"])
    open_mesh = Mesh(BOX.vertices, BOX.faces[1:])
    write_mesh(open_mesh, tmp_path / entries[1]["model"])
    rows = Pix3d(tmp_path, points=5, size=(8, 8), frame="view")
    with pytest.raises(DataError, match=r"entry 0: img is \(60, 80\), mask \(9, 9\)"):
        rows[0]
    assert rows.faults(1) == ["model.obj: 3 holes"]

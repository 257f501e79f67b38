"""Folders of meshes in the layouts that people have, opened by name; what is broken is told."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.load import load_splits
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.mesh_files import write_mesh
from jaxdl.data.meshes.mesh_folder import read_mesh_folder
from tests.vision3d.solid_meshes import BOX, SPHERE


def test_a_class_a_folder_by_name(tmp_path):
    for i in range(5):
        write_mesh(Mesh(BOX.vertices * (i + 1) + i, BOX.faces), tmp_path / f"box/deep/{i}.obj")
        write_mesh(SPHERE, tmp_path / f"ball/{i}.off")
    (tmp_path / "notes.txt").write_text("no mesh")
    write_mesh(SPHERE, tmp_path / "in_no_class.ply")
    cfg = data_config("meshes", path=str(tmp_path), points=50, batch_size=2)
    splits = load_splits(cfg)
    assert splits["train"].classes == ("ball", "box")
    assert splits["train"].size + splits["test"].size == 10
    rows = splits["train"].batch(np.arange(8))
    assert rows["points"].shape == (8, 50, 3)
    ball, box = rows["label"] == 0, rows["label"] == 1
    np.testing.assert_allclose(np.linalg.norm(rows["points"][ball], axis=-1), 0.5, atol=0.05)
    sides = np.abs(rows["points"][box]) / [0.3, 0.4, 0.5]
    np.testing.assert_allclose(sides.max(axis=-1), 1, rtol=1e-5)  # centered, longest side 1
    flat = np.abs(rows["normals"][box]).max(axis=-1)
    np.testing.assert_allclose(flat, 1, rtol=1e-5)
    again = load_splits(cfg)["train"].batch(np.arange(8))
    np.testing.assert_array_equal(again["points"], rows["points"])


@pytest.mark.parametrize("layout", ["{split}/{name}", "{name}/{split}"])
def test_splits_above_or_below_the_classes(tmp_path, layout):
    for split, count in (("train", 3), ("test", 2)):
        for name in ("a", "b"):
            for i in range(count):
                write_mesh(SPHERE, tmp_path / layout.format(split=split, name=name) / f"{i}.ply")
    splits, classes = read_mesh_folder(tmp_path, 10)
    assert classes == ("a", "b")
    assert {name: len(source) for name, source in splits.items()} == {"train": 6, "test": 4}
    assert splits["test"].labels.tolist() == [0, 0, 1, 1]


def test_one_file_a_broken_one_and_nothing(tmp_path):
    path = write_mesh(Mesh(SPHERE.vertices, SPHERE.faces[1:]), tmp_path / "c/open.ply")
    splits, classes = read_mesh_folder(path, 10)
    assert classes == ("open",)
    assert splits["train"].faults(0) == ["open.ply: 3 holes"]
    (tmp_path / "c/bad.obj").write_text("v 1 2\n")
    splits, _ = read_mesh_folder(tmp_path, 10)
    with pytest.raises(DataError, match="row 0 cannot be read.*bad.obj, line 1"):
        splits["train"].rows(np.arange(2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no meshes .*sub-folders"):
        read_mesh_folder(tmp_path / "empty", 10)
    write_mesh(SPHERE, tmp_path / "only/test/c/a.ply")
    with pytest.raises(DataError, match="none of train"):
        read_mesh_folder(tmp_path / "only", 10)

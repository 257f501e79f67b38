"""ShapeNetCore's folders of versions 1 and 2 as its readme lists them, made small; bad entries."""

import json

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.load import load_splits
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.mesh_files import write_mesh
from jaxdl.data.meshes.shapenet import read_shapenet
from tests.vision3d.solid_meshes import BOX, SPHERE

CHAIR, PLANE = "03001627", "02691156"
TAXONOMY = [
    {"synsetId": PLANE, "name": "airplane,aeroplane,plane", "children": [], "numInstances": 2},
    {"synsetId": CHAIR, "name": "chair", "children": [], "numInstances": 3},
]


def write_models(root, file="models/model_normalized.obj"):
    for synset, mesh, count in ((CHAIR, BOX, 3), (PLANE, SPHERE, 2)):
        for i in range(count):
            write_mesh(mesh, root / synset / f"{i}abc" / file)
    (root / CHAIR / "5abc").mkdir()
    (root / "taxonomy.json").write_text(json.dumps(TAXONOMY))


@pytest.mark.parametrize("file", ["models/model_normalized.obj", "model.obj"])
def test_models_of_both_versions_by_name(tmp_path, file):
    write_models(tmp_path, file)
    cfg = data_config("shapenet", path=str(tmp_path), points=20, batch_size=2)
    splits = load_splits(cfg)
    assert splits["train"].classes == ("airplane", "chair")
    assert splits["train"].size + splits["test"].size == 5
    source = read_shapenet(tmp_path, 20)[0]["train"]
    assert source.labels.tolist() == [0, 0, 1, 1, 1]
    box = source[4]["points"]
    np.testing.assert_allclose(np.abs(box / [0.3, 0.4, 0.5]).max(axis=1), 1, rtol=1e-5)
    (line,) = source.remarks()
    assert line.startswith("left out 1: no models/model_normalized.obj or model.obj (03001627/5abc")


def test_official_splits_and_names_without_a_taxonomy(tmp_path):
    write_models(tmp_path)
    (tmp_path / "taxonomy.json").unlink()
    rows = [f"1,{CHAIR},x,0abc,train", f"2,{CHAIR},x,1abc,val", "3,2691156,x,0abc,test"]
    (tmp_path / "all.csv").write_text("\n".join(["id,synsetId,subSynsetId,modelId,split", *rows]))
    splits, classes = read_shapenet(tmp_path, 5)
    assert classes == (PLANE, CHAIR)
    assert {n: s.labels.tolist() for n, s in splits.items()} == {
        "train": [1],
        "val": [1],
        "test": [0],
    }
    assert "left out 2: not in all.csv (02691156/1abc, 03001627/2abc)" in splits["val"].remarks()


def test_broken_meshes_are_counted_and_bad_entries_named(tmp_path):
    write_models(tmp_path)
    write_mesh(Mesh(SPHERE.vertices, SPHERE.faces[1:]), tmp_path / PLANE / "1abc/model.obj")
    (tmp_path / PLANE / "1abc/models/model_normalized.obj").unlink()
    splits, _ = read_shapenet(tmp_path, 5)
    assert splits["train"].faults(1) == ["model.obj: 3 holes"]
    (tmp_path / "taxonomy.json").write_text('[{"synsetId": "03001627"}]')
    with pytest.raises(DataError, match="taxonomy.json: entry 0: name must be a text, got nothing"):
        read_shapenet(tmp_path, 5)
    (tmp_path / "taxonomy.json").write_text("{}")
    with pytest.raises(DataError, match="taxonomy.json must hold a list of entries"):
        read_shapenet(tmp_path, 5)
    (tmp_path / "taxonomy.json").unlink()
    (tmp_path / "all.csv").write_text("synsetId,modelId,split\n03001627,0abc,learn\n")
    with pytest.raises(DataError, match='all.csv, line 2: split must be .*, got "learn"'):
        read_shapenet(tmp_path, 5)
    (tmp_path / "all.csv").write_text("synsetId,modelId\n")
    with pytest.raises(DataError, match="line 1: there is no column split"):
        read_shapenet(tmp_path, 5)
    with pytest.raises(DataError, match="no folder of a synset"):
        read_shapenet(tmp_path / CHAIR, 5)

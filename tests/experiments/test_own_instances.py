"""Masks and keypoints of one's own by one flag: what the file says is what is trained and told."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from jaxdl.catalog import find_config
from jaxdl.cli import main
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.experiment import read_config
from tests.experiments.made_weights import MODEL_FLAGS, make_weights

COUNT, SIDE = 12, 40
FLAGS = [
    *MODEL_FLAGS,
    *("--data.image_size", "32", "--data.batch_size", "4", "--head.features", "4"),
    *("--head.stages", "stage1", "stage2", "--head.anchor_sides", "6", "12", "24"),
    *("--head.hidden", "4", "--head.mask_features", "2", "--head.mask_convs", "1"),
    *("--head.point_features", "2", "--head.point_convs", "1", "--head.post_nms_top_k", "6"),
    *("--head.samples_per_image", "8", "--optim.warmup", "0"),
    *("--detect.max_detections", "4", "--detect.pre_nms_top_k", "8"),
    *("--data.val", "0", "--loop.steps", "2", "--loop.devices", "1"),
]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A COCO-json of twelve pictures in `photos`, and weights to start from."""
    make_weights(tmp_path / "weights")
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path / "weights"))
    rows = Shapes(COUNT, image_size=(SIDE, SIDE)).rows(np.arange(COUNT))
    (tmp_path / "photos").mkdir()
    content = {"images": [], "annotations": [], "categories": []}
    names = {"keypoints": list(Shapes.skeleton.names), "skeleton": [[1, 2], [2, 3]]}
    content["categories"] = [
        {"id": k + 1, "name": name, **names} for k, name in enumerate(Shapes.classes)
    ]
    for r in range(COUNT):
        Image.fromarray(rows["image"][r]).save(tmp_path / "photos" / f"{r}.png")
        content["images"].append({"id": r, "file_name": f"{r}.png", "height": SIDE, "width": SIDE})
        for n in np.flatnonzero(rows["kept"][r]):
            x1, y1, x2, y2 = rows["boxes"][r, n].tolist()
            flat = np.concatenate([[0], rows["masks"][r, n].T.ravel().astype(int)])
            edges = np.flatnonzero(np.diff(flat))
            runs = np.diff(np.concatenate([[0], edges, [SIDE * SIDE]]))
            points = [[x - 0.5, y - 0.5, 2] for x, y in rows["points"][r, n].tolist()]
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": r,
                    "category_id": int(rows["labels"][r, n]) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "segmentation": {"size": [SIDE, SIDE], "counts": runs.tolist()},
                    "keypoints": [number for point in points for number in point],
                }
            )
    path = tmp_path / "own.json"
    path.write_text(json.dumps(content))
    return path


def ask(capsys, *argv):
    with pytest.raises(SystemExit) as stop:
        main(argv=list(argv))
    said = capsys.readouterr()
    return stop.value.code, said.out, said.err


def data_flags(file, kind):
    photos = str(file.parent / "photos")
    return ["--data.path", str(file), "--data.images", photos, "--data.annotations", kind]


@pytest.mark.slow  # the small run of detection.mask_rcnn trains the same by default
def test_masks_are_trained_measured_drawn_and_told(file, tmp_path, capsys):
    run = tmp_path / "run"
    flags = [*data_flags(file, "masks"), *FLAGS, "--detect.score_threshold", "0"]
    code, _, err = ask(capsys, "run", "own_instances", *flags, "--run-dir", str(run))
    assert code == 0, err
    metrics = json.loads((run / "report.json").read_text())["metrics"]
    assert {"test_map50", "test_mask_map50", "test_mask_ap"} <= metrics.keys()
    assert "test_keypoint_ap" not in metrics
    file.rename(tmp_path / "gone.json")  # a run knows what it needs
    code, out, err = ask(capsys, "predict", str(run), str(tmp_path / "photos" / "3.png"))
    assert code == 0, err
    assert "objects of 30% or more" in out
    assert (run / "predicted" / "0_3.png").exists()


HEADS = {"boxes": set(), "masks": {"mask"}, "keypoints": {"point"}}


@pytest.mark.parametrize("kind", HEADS)
def test_the_annotations_choose_the_heads(file, kind):
    flags = [*data_flags(file, kind), *FLAGS]
    experiment, cfg = read_config(find_config("own_instances"), flags)
    task = experiment.builder("test")(cfg)
    skeleton = Skeleton(Shapes.skeleton.names, ((0, 1), (1, 2)))
    assert task.splits["train"].skeleton == (skeleton if kind == "keypoints" else None)
    state = jax.eval_shape(task.init, jax.eval_shape(lambda: jax.random.key(0)))
    assert {"mask", "point"} & state.params.keys() == HEADS[kind]


def test_what_is_wrong_is_named_before_training(file, capsys):
    content = json.loads(file.read_text())
    content["annotations"][0]["segmentation"] = []
    content["annotations"][1]["segmentation"] = [[3, 3, 3, 3, 3, 3]]
    content["annotations"][2]["keypoints"][:3] = [-70, 2, 2]
    file.write_text(json.dumps(content))
    flags = data_flags(file, "masks")
    code, _, err = ask(capsys, "run", "own_instances", *flags, *FLAGS)
    assert code == 6
    assert "annotations[0]: its segmentation must be polygons or run lengths, got []" in err
    assert "annotations[1]: its segmentation has no area in the picture" in err
    code, out, _ = ask(capsys, "check-data", "own_instances", *data_flags(file, "keypoints"))
    assert code == 6
    assert "annotations[2], keypoint 1 at [-69.5, 2.5]: left out: a keypoint outside its" in out

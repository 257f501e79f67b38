"""The task of a detector: its numbers, its pictures, its files."""

import types
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.dense.centernet import CenterMaps, centernet_heat
from jaxdl.detection.detector import DetectConfig, Detections
from jaxdl.detection.evaluate import DetectionEvaluator, draw_heat, unpad
from jaxdl.detection.predict import find_boxes, predict_files
from jaxdl.detection.prepare import BoxImageConfig, prepare_boxes
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.optim.config import SGD
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from tests.detection.thin import DETECTORS

FIELDS = ("image", "boxes", "labels", "kept")


def shapes(count=12, side=40):
    rows = Shapes(count, image_size=(side, side), fields=FIELDS).rows(np.arange(count))
    return Split(rows, Shapes.classes, batch_size=4)


def answers(rows, drop=0):
    """A detector that knows the truth, but for the first `drop` objects of each picture."""

    def detect(variables, batch):
        kept = batch["kept"] & (jnp.arange(batch["kept"].shape[1]) >= drop)[None]
        return Detections(batch["boxes"], jnp.where(kept, 0.9, 0), batch["labels"], kept)

    return detect


EMPTY_STATE = TrainState(jnp.int32(0), {"w": jnp.zeros(1)}, (), jax.eval_shape(jax.random.key, 0))


def test_a_detector_that_knows_all_has_all_points(tmp_path):
    split, prepare = shapes(), prepare_boxes(BoxImageConfig())
    state = EMPTY_STATE
    numbers = DetectionEvaluator(answers(split), prepare)(state, split, tmp_path)
    assert numbers["map50"] == numbers["map50_11"] == numbers["ar100"] == 1
    assert numbers["ap"] == pytest.approx(1)
    for name in ("predictions.png", "precision_recall.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 100
    fewer = DetectionEvaluator(answers(split, drop=1), prepare)(state, split)
    kept, labels = split.read("kept"), split.read("labels")
    part = [
        (kept & (labels == k))[:, 1:].sum() / (kept & (labels == k)).sum()
        for k in np.unique(labels[kept])
    ]
    assert fewer["ar100"] < 1
    assert fewer["map50"] == pytest.approx(np.mean(part))  # all that is found is right


def test_boxes_are_measured_in_pixels_of_the_file():
    rows = {
        "found_boxes": np.array([[[2.0, 4, 6, 8]]]),
        "found_scores": np.ones((1, 1)),
        "found_labels": np.zeros((1, 1), int),
        "found_valid": np.ones((1, 1), bool),
        "boxes": np.array([[[2.0, 4, 6, 8]]]),
        "labels": np.zeros((1, 1), int),
        "kept": np.ones((1, 1), bool),
        "scale": np.array([[0.5, 0.25]]),
    }
    found, truth = unpad(rows)
    np.testing.assert_allclose(found[0].boxes, [[4, 16, 12, 32]])
    np.testing.assert_allclose(truth[0].boxes, [[4, 16, 12, 32]])
    assert not truth[0].difficult.any()
    assert not truth[0].crowd.any()
    np.testing.assert_allclose(truth[0].areas, [8 * 16])
    said = {"difficult": np.ones((1, 1), bool), "areas": np.array([[77.0]], np.float32)}
    (hard,) = unpad(rows | said)[1]
    assert hard.difficult.all()
    assert not hard.crowd.any()
    assert hard.areas.tolist() == [77.0]  # the file's already
    (crowd,) = unpad(rows | {"crowd": np.ones((1, 1), bool), "areas": -np.ones((1, 1))})[1]
    assert crowd.crowd.all()
    assert crowd.areas.tolist() == [128.0]


def config(**options):
    return DetectionConfig(
        data=data_config("shapes", synthetic_rows=16, batch_size=8, image_size=(32,)),
        detect=DetectConfig(max_detections=5, pre_nms_top_k=20, score_threshold=0.0),
        optim=SGD(lr=0.01),
        **options,
    )


def test_heat_lies_over_its_picture(tmp_path):
    images = np.zeros((2, 20, 30, 3), np.uint8)
    heat = np.zeros((2, 4, 6))
    heat[0, 1, 4] = 1  # pixels 20 to 25, 5 to 10
    figure = draw_heat(images, heat)
    laid = figure.axes[1].images[-1]
    np.testing.assert_array_equal(laid.get_array(), heat[0])
    assert laid.get_extent() == [-0.5, 29.5, 19.5, -0.5] == figure.axes[1].images[0].get_extent()
    out = CenterMaps(jnp.array([[[[0.0, 2.0], [-1.0, -3.0]]]]), jnp.zeros(1), jnp.zeros(1))
    want = 1 / (1 + np.exp([[[-2.0, 1.0]]]))
    np.testing.assert_allclose(centernet_heat(out), want, rtol=1e-6)


@pytest.fixture
def trained(tmp_path):
    """A run with an untrained detector."""
    cfg = replace(config(), loop=LoopConfig(steps=1))
    task = detection_task(cfg, lambda cfg, classes: DETECTORS["centernet"](classes))
    state = jax.jit(task.init)(jax.random.key(0))
    return types.SimpleNamespace(folder=tmp_path / "run", cfg=cfg, task=task, state=state)


def test_boxes_are_drawn_on_ones_own_pictures(trained, tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 90, 3), np.uint8)).save(file)
    nothing = tmp_path / "nothing.png"
    drawn = tmp_path / "run" / "predicted"
    said, faults, _ = predict_files(trained, [file, file, nothing], drawn)
    heads = [line for line in said if not line.startswith(" ")]
    assert [line.startswith(f"{file}: ") for line in heads] == [True, True]
    for i in range(2):
        with Image.open(drawn / f"{i}_photo.png") as picture:
            assert picture.size[0] > picture.size[1]
    assert faults == [f"{nothing}: no such file or directory"]
    split = trained.task.splits["test"]
    drawn = trained.task.draw(trained.state, split, tmp_path / "shown")
    assert drawn == [tmp_path / "shown" / name for name in ("predictions.png", "heat.png")]
    assert all(path.exists() for path in drawn)
    numbers = trained.task.evaluate(trained.state, split, tmp_path / "evaluated")
    assert np.isfinite(numbers["map50"])
    with Image.open(tmp_path / "evaluated" / "heat.png") as picture:
        assert min(picture.size) > 100


def test_predictions_are_in_pixels_of_the_file(trained, tmp_path, monkeypatch):
    file = tmp_path / "wide.png"
    Image.fromarray(np.zeros((32, 128, 3), np.uint8)).save(file)  # fits in 32 at a quarter
    box = np.zeros((2, 4), np.float32)
    box[0] = [1, 2, 5, 6]
    row = {"boxes": box, "scores": np.array([0.8, 0.1]), "labels": np.zeros(2, int)}
    row["valid"] = np.array([True, True])
    monkeypatch.setattr("jaxdl.detection.predict.find_boxes", lambda run, images: [row])
    said, _, rows = predict_files(trained, [file], tmp_path)
    (found,) = rows[0]["objects"]
    assert found == {"class": Shapes.classes[0], "score": 0.8, "box": [4, 8, 20, 24]}
    assert "1 objects of 30% or more, drawn in" in said[0]
    assert said[1:] == [f"  {Shapes.classes[0]} 80% at 4, 8, 20, 24"]
    row["scores"] = np.array([0.2, 0.1])
    said, *_ = predict_files(trained, [file], tmp_path)
    assert "0 objects of 30% or more (best: 20%), drawn in" in said[0]


@pytest.mark.parametrize("name", DETECTORS)
def test_scores_that_are_not_finite_are_an_error(tmp_path, name):
    cfg = replace(config(), loop=LoopConfig(steps=1))
    task = detection_task(cfg, lambda cfg, classes: DETECTORS[name](classes))
    state = task.init(jax.random.key(0))
    spoilt = state.replace(params=jax.tree.map(lambda x: x + jnp.nan, state.params))
    run = types.SimpleNamespace(folder=tmp_path, cfg=cfg, task=task, state=spoilt)
    with pytest.raises(DataError, match="scores that are not finite"):
        find_boxes(run, [np.zeros(task.splits["train"].example["image"].shape, np.uint8)])

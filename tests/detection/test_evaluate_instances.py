"""Masks and keypoints of detectors that know the truth, or part of it; pycocotools on the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DivergedError
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.detector import Detections
from jaxdl.detection.evaluate import DetectionEvaluator
from jaxdl.detection.prepare import BoxImageConfig, prepare_boxes
from jaxdl.ops.boxes.paste_masks import paste_masks
from jaxdl.training.state import TrainState
from tests.metrics.cocotools import judge

COUNT, SIDE, CELLS = 10, 40, 14
FIELDS = ("image", "boxes", "labels", "kept", "masks", "points", "visible")
STATE = TrainState(jnp.int32(0), {"w": jnp.zeros(1)}, (), jax.eval_shape(jax.random.key, 0))
CLASSES = len(Shapes.classes)


@pytest.fixture(scope="module")
def split():
    rows = Shapes(COUNT, 5, image_size=(SIDE, SIDE), fields=FIELDS).rows(np.arange(COUNT))
    return Split(rows, Shapes.classes, batch_size=4, skeleton=Shapes.skeleton)


def in_cells(masks, boxes):
    """What a perfect head would give: the mask at the middles of the cells of its box."""
    steps = (np.arange(CELLS) + 0.5) / CELLS
    made = np.zeros((*masks.shape[:2], CELLS, CELLS), np.float32)
    for index in np.ndindex(*masks.shape[:2]):
        x1, y1, x2, y2 = boxes[index]
        y, x = ((low + steps * (high - low)).astype(int) for low, high in ((y1, y2), (x1, x2)))
        made[index] = masks[index][y[:, None], x[None]]
    return made


def detector(split, *, shift=0.0, spoil=None):
    """A detector that knows the truth, with its points so many pixels away."""
    known = jnp.asarray(in_cells(split.read("masks"), split.read("boxes")))
    images = jnp.asarray(split.read("image").astype(np.float32).mean(axis=(1, 2, 3)))

    def detect(variables, batch):
        # Rows are known by their pictures, as the program may have them in any order.
        own = batch["image"].mean(axis=(1, 2, 3)) * 0.25 * 255 + 127.5
        row = jnp.argmin(jnp.abs(own[:, None] - images[None]), axis=1)
        kept, scores = batch["kept"], jnp.where(batch["kept"], 0.9, 0)
        points = jnp.pad(batch["points"] + shift, [(0, 0), (0, 0), (0, 0), (0, 1)])
        masks = known[row] if spoil is None else spoil(known[row])
        return Detections(batch["boxes"], scores, batch["labels"], kept, masks, points)

    return detect


def numbers_of(split, **options):
    evaluate = DetectionEvaluator(detector(split, **options), prepare_boxes(BoxImageConfig()))
    rows = evaluate.rows(STATE, split)
    return rows, evaluate.numbers(split, rows)


def test_who_knows_all_has_all_points_and_the_judges_agree(split):
    rows, numbers = numbers_of(split)
    assert numbers["mask_map50"] == numbers["keypoint_ap"] == numbers["keypoint_ap50"] == 1
    assert 0.6 < numbers["mask_ap"] < 1  # cells are not pixels
    packed = pytest.importorskip("pycocotools.mask")
    real, seen = [], []
    boxes, kept = split.read("boxes"), split.read("kept")
    cells = in_cells(split.read("masks"), boxes)
    for i, n in np.argwhere(kept):
        pasted = paste_masks(cells[i, n][None], boxes[i, n][None], (SIDE, SIDE))[0] > 0.5
        for rows_, mask in ((real, split.read("masks")[i, n]), (seen, pasted)):
            row = {"image": int(i), "label": int(split.read("labels")[i, n]), "score": 0.9}
            code = packed.encode(np.asfortranarray(mask.astype(np.uint8)))
            row |= {"segmentation": code, "area": float(mask.sum()), "bbox": [0, 0, 1, 1]}
            rows_.append(row)
    want = judge("segm", real, seen, images=COUNT, classes=CLASSES)
    for name, value in zip(("ap", "map50", "ap75", "ap_small"), want, strict=False):
        assert numbers[f"mask_{name}"] == pytest.approx(value, abs=1e-9)
    assert rows["found_masks"].dtype == np.uint8
    assert "masks" not in rows  # nothing of a picture's size is kept


def test_points_far_away_and_masks_of_nothing_have_none(split):
    far = numbers_of(split, shift=5.0, spoil=jnp.zeros_like)[1]
    assert far["keypoint_ap"] == far["mask_map50"] == 0
    assert far["map50"] == 1
    some = numbers_of(split, shift=0.4)[1]
    assert 0 < some["keypoint_ap"] < 1


def test_a_mask_that_is_not_finite_is_an_error(split):
    with pytest.raises(DivergedError, match="found_mask_areas of row 0 is NaN"):
        numbers_of(split, spoil=lambda masks: masks.at[:, 0, 3, 3].set(jnp.nan))


def test_areas_and_distances_are_those_of_the_file(split):
    half = split.with_arrays(
        {
            "scale": np.full((COUNT, 2), 0.05, np.float32),
            "difficult": np.zeros((COUNT, 6), bool),
        }
    )
    numbers = numbers_of(half, shift=0.4)[1]
    assert "mask_ap_small" not in numbers  # 20 times as large
    assert "mask_ap_large" in numbers
    assert numbers["keypoint_ap"] == pytest.approx(numbers_of(split, shift=0.4)[1]["keypoint_ap"])
    hard = half.with_arrays({"difficult": np.ones((COUNT, 6), bool)})
    assert not {"mask_map50", "keypoint_ap"} & numbers_of(hard)[1].keys()
    named = half.with_arrays({})
    named.skeleton = Skeleton(("left_hip", "nose", "left_knee", "right_hip"))
    assert numbers_of(named, shift=0.4)[1]["keypoint_ap"] > numbers["keypoint_ap"]

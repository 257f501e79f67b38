"""torchvision's own GeneralizedRCNNTransform, there and back, for pictures of several sizes."""

import importlib
from typing import Any

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.detection.detector import Detections
from jaxdl.detection.torchvision.pictures import DetectorPictures, to_full_size

SIZES = ((30, 41), (50, 37), (20, 90))  # the last is bounded by its longer side
OPTIONS = {
    "sides": ({"shorter": 48, "longer": 80}, {"min_size": 48, "max_size": 80}),
    "multiple": (
        {"shorter": 33, "longer": 80, "multiple": 1, "mean": (0.5,) * 3, "std": (1 / 255,) * 3},
        {"min_size": 33, "max_size": 80, "size_divisible": 1},
    ),
    "fixed": (
        {"fixed": (40, 56), "multiple": 1},
        # theirs is (width, height)
        {"min_size": 1, "max_size": 1, "fixed_size": (56, 40), "size_divisible": 1},
    ),
}


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), np.uint8) for size in SIZES]


@pytest.mark.parametrize("name", OPTIONS)
def test_pictures_and_what_is_found_are_torchvisions(torchvision, photos, name):
    torch = pytest.importorskip("torch")
    transform = importlib.import_module("torchvision.models.detection.transform")
    ours, theirs = OPTIONS[name]
    how = DetectorPictures(**ours)
    twin = transform.GeneralizedRCNNTransform(
        image_mean=list(how.mean), image_std=list(how.std), **theirs
    ).eval()
    got = how(photos)
    given = [torch.tensor(photo).permute(2, 0, 1).float() / 255 for photo in photos]
    want = twin(given)[0]
    scale = want.tensors.abs().max().item()
    np.testing.assert_allclose(
        got.images,
        want.tensors.permute(0, 2, 3, 1).numpy(),
        atol=2e-5 * scale,  # both round their weights to float32
    )
    assert [tuple(size) for size in got.sizes] == want.image_sizes
    assert [tuple(size) for size in got.full] == list(SIZES)

    rng = np.random.default_rng(1)
    boxes = rng.uniform(0, 40, (3, 5, 4)).astype(np.float32)
    points = rng.uniform(0, 40, (3, 5, 2, 3)).astype(np.float32)
    ones = np.ones((3, 5))
    back: Any = to_full_size(Detections(boxes, ones, ones, ones > 0, points=points), got)
    found = [
        {"boxes": torch.tensor(b), "keypoints": torch.tensor(p)}
        for b, p in zip(boxes, points, strict=True)
    ]
    twin.postprocess(found, want.image_sizes, list(SIZES))
    for i, row in enumerate(found):
        np.testing.assert_allclose(back.boxes[i], row["boxes"], rtol=1e-6)
        np.testing.assert_allclose(back.points[i], row["keypoints"], rtol=1e-6)
    assert to_full_size(Detections(boxes, ones, ones, ones > 0), got).points is None


def test_a_picture_that_would_vanish_is_refused():
    with pytest.raises(UsageError, match="2 x 9000 is too narrow"):
        DetectorPictures().size_of((2, 9000))

"""Boxes of a detector whose scores are sums of pixels: maps by hand."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.interpret.attribution.methods import MethodOptions
from jaxdl.interpret.boxes import BoxModel, BoxScore
from jaxdl.interpret.explain_boxes import OF_SCORES, BoxSubject, explain_boxes
from jaxdl.interpret.explain_files import choose_methods

SIDE = 12
BOXES = jnp.array([[0, 0, 6, 6], [6, 6, 12, 12], [0, 0, 6, 12]], jnp.float32)
LABELS = jnp.array([0, 1, 0])


def candidates(variables, batch):
    """The mean of the pixels in each box, times `gain`."""
    x = batch["image"].mean(-1)
    scores = [x[:, :6, :6], x[:, 6:, 6:], x[:, :, :6]]
    scores = jnp.stack([s.mean((1, 2)) for s in scores], 1) * variables["gain"] * batch["weight"]
    rows = len(x)
    return jnp.tile(BOXES[None], (rows, 1, 1)), scores, jnp.tile(LABELS[None], (rows, 1))


def test_the_score_of_a_box_is_the_best_candidate_of_its_class():
    score = BoxScore(jnp.array([[0.0, 0, 6, 9], [0, 0, 6, 6]]), jnp.array([0, 1]))
    stages = {
        "boxes": jnp.tile(BOXES[None], (4, 1, 1)),
        "scores": jnp.array([[0.5, 0.9, 0.5], [0.5, 0.9, 0.5], [0.9, 0.1, 0.2], [0.5, 0.9, 0.5]]),
        "labels": jnp.tile(LABELS[None], (4, 1)),
    }
    # Rows take turns: IoU with (0 0 6 6) is 2/3, with (0 0 6 12) 3/4; none of class 1 is there.
    np.testing.assert_allclose(score(stages), [0.5 * 3 / 4, 0, 0.9 * 2 / 3, 0], rtol=1e-6)


def find(images):
    found = candidates(
        {"gain": 1.0}, {"image": jnp.stack(images) / 255, "weight": jnp.ones((1, 1))}
    )
    boxes, scores, labels = (np.asarray(v)[0] for v in found)
    return [{"boxes": boxes, "scores": scores, "labels": labels, "valid": np.ones(3, bool)}]


@pytest.fixture
def subject():
    return BoxSubject(
        find=find,
        prepare=lambda images: {"image": np.stack(images) / 255, "weight": np.ones((1, 1))},
        fit=lambda image: image,
        candidates=candidates,
        variables={"gain": jnp.float32(1)},
        classes=("left", "right"),
        channels=3,
        least=0.5,
    )


def test_each_box_has_its_own_map(subject, tmp_path):
    image = np.full((SIDE, SIDE, 3), 60, np.uint8)
    image[6:, 6:], image[:6, :6] = 255, 180
    Image.fromarray(image).save(tmp_path / "a.png")
    explained = partial(explain_boxes, subject, [tmp_path / "a.png", tmp_path / "gone.png"])
    methods = ["saliency", "occlusion"]
    made = explained(methods, tmp_path / "out", options=MethodOptions(window=6))
    assert made.lines[1:3] == ["  a.png: right 100%", "  a.png: left 71%"]
    assert len(made.faults) == 1
    with np.load(tmp_path / "out" / "maps.npz") as arrays:
        assert list(arrays["label"]) == [1, 0]
        np.testing.assert_array_equal(arrays["box"], [[6, 6, 12, 12], [0, 0, 6, 6]])
        want = np.zeros((2, SIDE, SIDE))
        want[0, 6:, 6:] = want[1, :6, :6] = 1 / 36 / 3  # of the mean of a channel
        np.testing.assert_allclose(arrays["saliency"], want, atol=1e-6)
        at = np.unravel_index(arrays["occlusion"][1].argmax(), (SIDE, SIDE))
        assert max(at) < 6
    only = explained(["saliency"], tmp_path / "left", target="left")
    assert "1 boxes" in only.lines[0]


def test_methods_that_need_stages_are_not_of_boxes():
    assert len(OF_SCORES) == 7
    assert choose_methods("all", OF_SCORES) == list(OF_SCORES)
    with pytest.raises(UsageError, match="gradcam needs named stages; use saliency, "):
        choose_methods("gradcam", OF_SCORES)
    with pytest.raises(TypeError, match="call apply"):
        BoxModel(candidates)(jnp.zeros((1, 2, 2, 3)), stages=True)

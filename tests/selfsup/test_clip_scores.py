"""Scores of planted vectors against answers worked by hand."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.captions import SPECIAL
from jaxdl.data.config import ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.outlines import KINDS
from jaxdl.selfsup.clip import CLIP, TextEncoder
from jaxdl.selfsup.clip_scores import CLIPEvaluator
from jaxdl.selfsup.shape_texts import COMBINATIONS, prompts, with_texts
from jaxdl.training.state import TrainState
from tests.selfsup.test_clip import Flat

UNIT = np.eye(len(COMBINATIONS), dtype=np.float32)


def prepare(keys, batch, *, train):
    image = batch["image"].astype(jnp.float32) / 255
    return {"inputs": (image, batch["captions"][:, 0]), "captions": batch["captions"]}


@pytest.fixture(scope="module")
def evaluator():
    model = CLIP(Flat(), TextEncoder(26, 9, width=8, heads=2, hidden=8), dim=6)
    return CLIPEvaluator(model, prepare)


@pytest.fixture(scope="module")
def splits():
    cfg = ShapesData(image_size=(24,), max_objects=1, synthetic_rows=300, batch_size=16)
    return with_texts(load_splits(cfg, fields=("image", "caption")), 0.2)


def test_answers_are_counted_by_pair_color_and_kind(evaluator, splits):
    split, ids = splits["test"], prompts()[1]
    truth = split.read("combination")
    guess = truth.copy()
    guess[:3] = truth[:3] // len(KINDS) * len(KINDS) + (truth[:3] + 1) % len(KINDS)  # a wrong kind
    guess[3] = (truth[3] + len(KINDS)) % len(COMBINATIONS)  # a wrong color
    kept = sorted(set(truth.tolist()))
    rows = {
        "image": UNIT[guess],
        "prompts": UNIT,
        "text": UNIT[kept],
        "ids": ids[kept],
        "own": truth[:, None] == np.array(kept),
    }
    got = evaluator.numbers(split, rows)
    assert got["zero_shot"] == pytest.approx(1 - 4 / split.size)
    assert got["zero_shot_kind"] == pytest.approx(1 - 3 / split.size)
    assert got["zero_shot_color"] == pytest.approx(1 - 1 / split.size)
    first = [kept.index(g) if g in kept else 0 for g in guess]  # of equal cosines the first
    right = [kept[i] == t for i, t in zip(first, truth, strict=True)]
    assert got["image_recall_1"] == pytest.approx(np.mean(right))


def test_texts_belong_to_every_picture_that_has_them(evaluator, tmp_path: Path):
    """Two pictures share a caption; one has a single caption, whose padding counts for nothing."""
    draw = np.random.default_rng(0)
    captions = np.zeros((3, 2, 9), np.int32)
    captions[:, :, :3] = [[[1, 4, 2], [1, 5, 2]], [[1, 5, 2], [1, 6, 2]], [[1, 7, 2], [0, 0, 0]]]
    kept = np.array([[1, 1], [1, 1], [1, 0]], bool)
    image = draw.integers(0, 256, (3, 24, 24, 3)).astype(np.uint8)
    arrays = {"image": image, "captions": captions, "kept": kept}
    split = Split(arrays, vocabulary=(*SPECIAL, *"abcd"))
    init = jax.jit(partial(evaluator.model.init, train=False))
    variables = init(jax.random.key(0), (image[:1] / 255.0, captions[:1, 0]))
    state = TrainState(
        step=jnp.int32(0), params=variables["params"], opt_state=(), key=jax.random.key(0)
    )
    rows = evaluator.rows(state, split)
    np.testing.assert_array_equal(rows["ids"][:, 1], [4, 5, 6, 7])
    np.testing.assert_array_equal(rows["own"], [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
    one = jax.jit(partial(evaluator.model.apply, method=CLIP.encode_text))(
        variables, captions[1, :1]
    )
    np.testing.assert_allclose(rows["text"][1], one[0], atol=1e-5)
    evaluator(state, split, tmp_path)
    for name in ("retrieval", "embedding"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert not (tmp_path / "zero_shot.png").exists()

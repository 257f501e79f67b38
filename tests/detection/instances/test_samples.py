"""What a region CNN's heads learn from, by hand: objects first, shares kept, nothing of padding."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.detection.instances.samples import sample_regions
from jaxdl.detection.matching import Matches, match_by_iou
from tests.detection.truths import BATCH, BOXES, overlap

NONE = {**BATCH, "kept": jnp.zeros((2, 3), bool)}


@jax.jit
def sample(regions, valid, truth):
    return sample_regions(regions, valid, truth, count=8, share=0.25, positive_iou=0.5)


def regions():
    rng = np.random.default_rng(0)
    near = BOXES[:, [0, 0, 1, 0]] + rng.uniform(-1, 1, (2, 4, 4))
    low = rng.uniform(0, 20, (2, 12, 2))
    far = np.concatenate([low, low + rng.uniform(2, 9, (2, 12, 2))], axis=-1)
    valid = np.ones((2, 16), bool)
    valid[:, 8:] = False
    valid[1, 2] = False  # near what is no box
    return jnp.asarray(np.concatenate([near, far], axis=1), jnp.float32), jnp.asarray(valid)


def test_objects_come_first_and_are_a_quarter_at_most():
    boxes, valid = regions()
    seen = sample(boxes, valid, BATCH)
    np.testing.assert_array_equal(seen.positive, [[True, True] + [False] * 6] * 2)
    np.testing.assert_array_equal(seen.valid, [[True] * 6 + [False] * 2] * 2)  # four are far
    for i in range(2):
        given = {tuple(row): j for j, row in enumerate(np.asarray(boxes[i]))}
        for region, drawn, is_object, truth, label in zip(
            *(np.asarray(part[i]) for part in seen[:5]), strict=True
        ):
            place = given[tuple(region)]
            assert valid[i, place] or not drawn
            kept = np.flatnonzero(np.asarray(BATCH["kept"][i]))
            best = max(overlap(region, BOXES[i, k]) for k in kept)
            if drawn:
                assert is_object == (best >= 0.5)
            assert label == (BATCH["labels"][i, truth] + 1 if is_object else 0)
            if is_object:
                assert overlap(region, BOXES[i, truth]) == best


def test_pictures_without_objects_give_background_and_compile_nothing_again():
    boxes, valid = regions()
    sample(boxes, valid, BATCH)
    before = sample._cache_size()
    seen = sample(boxes, valid, NONE)
    assert sample._cache_size() == before
    assert not seen.positive.any()
    assert not seen.labels.any()
    assert np.isfinite(seen.offsets).all()
    match = Matches(*jax.vmap(match_by_iou)(boxes, NONE["boxes"], NONE["kept"]))
    assert not match.positive.any()

"""Masks in their picture against torchvision's `paste_masks_in_image`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.boxes.paste_masks import SURE, paste_masks


def problem(size, cells, seed):
    """Boxes inside the picture, some of less than a pixel, some at its edges."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-10, max(size), (30, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.2, max(size), (30, 2))], axis=1)
    boxes = np.clip(boxes, 0, np.tile(size[::-1], 2)).astype(np.float32)
    return rng.random((30, cells, cells)).astype(np.float32), boxes


@pytest.mark.parametrize(("size", "cells"), [((50, 70), 7), ((64, 40), 28), ((90, 133), 14)])
def test_masks_are_pasted_as_torchvision_pastes_them(torchvision, size, cells):
    torch = pytest.importorskip("torch")
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    masks, boxes = problem(size, cells, cells)
    want = paste_masks_in_image(torch.tensor(masks)[:, None], torch.tensor(boxes), size)
    want = want[:, 0].numpy()
    on_host = paste_masks(masks, boxes, size)
    assert isinstance(on_host, np.ndarray)
    assert on_host.dtype == np.float32
    traced = jax.jit(paste_masks, static_argnums=2)(jnp.asarray(masks), jnp.asarray(boxes), size)
    for got in (on_host, np.asarray(traced)):
        np.testing.assert_allclose(got, want, atol=2e-6)
        np.testing.assert_array_equal(got > SURE, want > SURE)  # the same pixels


def test_a_mask_by_hand():
    # One cell and its rim are three times as large as the box of 4..6: 2..8, both ends in.
    masks = np.ones((1, 1, 1), np.float32)
    got = paste_masks(masks, np.array([[4, 4, 6, 6]], np.float32), (12, 12))[0]
    place = np.clip(3 / 7 * (np.arange(12) - 2 + 0.5) - 0.5, 0, 2)
    line = np.where((np.arange(12) >= 2) & (np.arange(12) <= 8), 1 - np.abs(place - 1), 0)
    np.testing.assert_allclose(got, np.outer(line, line), atol=1e-6)


def test_no_masks_and_boxes_without_area():
    assert paste_masks(np.zeros((0, 7, 7)), np.zeros((0, 4)), (5, 6)).shape == (0, 5, 6)
    masks, boxes = np.ones((2, 7, 7), np.float32), np.array([[3, 3, 3, 3], [9, 9, 9, 9.0]])
    got = paste_masks(masks, boxes, (6, 6))
    assert got[0].sum() == pytest.approx(1)  # one pixel, as torchvision has it
    assert not got[1].any()

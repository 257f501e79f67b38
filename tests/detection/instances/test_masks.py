"""Masks of regions: torchvision's cut of full masks, whatever the size of the region."""

import importlib

import jax.numpy as jnp
import numpy as np

from jaxdl.detection.instances.masks import cut_masks, of_class


def test_cut_masks_are_torchvisions(torchvision):
    import torch

    theirs = importlib.import_module("torchvision.models.detection.roi_heads")
    rng = np.random.default_rng(0)
    masks = rng.random((2, 3, 40, 50)) > 0.5
    boxes = np.array(
        [
            [[3, 4, 40, 39], [0, 0, 50, 40], [7.3, 2.1, 9.9, 30.7]],
            [[5, 5, 6, 6], [1, 2, 33, 9], [44, 30, 50, 40]],
        ],
        np.float32,
    )
    truth = np.array([[2, 0, 1], [1, 1, 0]])
    got = cut_masks(jnp.asarray(masks), jnp.asarray(truth), jnp.asarray(boxes), 7)
    for i in range(2):
        given = torch.tensor(masks[i]), torch.tensor(boxes[i]), torch.tensor(truth[i])
        want = theirs.project_masks_on_boxes(*given, 7)
        np.testing.assert_allclose(got[i], want, atol=1e-5)


def test_each_region_has_the_map_of_its_class():
    maps = np.random.default_rng(1).normal(size=(2, 3, 4, 4, 5))
    labels = np.array([[4, 0, 2], [1, 1, 3]])
    got = of_class(jnp.asarray(maps), jnp.asarray(labels))
    for i, j in np.ndindex(2, 3):
        np.testing.assert_allclose(got[i, j], maps[i, j, :, :, labels[i, j]], rtol=1e-6)

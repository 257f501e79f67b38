"""R-CNN and Fast R-CNN: shapes, and regions that are not refined stay as they were proposed."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.detector import Detector
from jaxdl.detection.two_stage.fast_rcnn import RCNN, FastRCNN
from jaxdl.detection.two_stage.faster_rcnn import region_candidates, region_losses
from jaxdl.detection.two_stage.region_proposals import (
    color_regions,
    with_proposals,
)
from tests.detection.thin import Thin


@pytest.mark.parametrize("way", [FastRCNN, RCNN])
def test_regions_are_classified_and_refined(way):
    model = way(Thin(), 3, hidden=8, **({"warp_size": 8} if way is RCNN else {"roi_size": 2}))
    rows = Shapes(4, image_size=(32, 32), fields=("image", "boxes", "labels", "kept")).rows(
        [0, 1, 2, 3]
    )
    split = with_proposals(
        Split(rows, ("a", "b", "c"), batch_size=2), lambda x: color_regions(x, most=5)
    )
    assert with_proposals(split, color_regions) is split  # a trained run brings its own
    batch = {k: jnp.asarray(v) for k, v in split.batch(np.arange(2)).items()}
    batch |= {"image": batch["image"] / 255.0, "draw": jnp.zeros((2, 2), jnp.uint32)}
    batch |= {"labels": batch["labels"] % 3}
    detector = Detector(model, region_losses, region_candidates, propose=color_regions)
    options = detector.options(batch, train=False)
    assert set(options) == {"proposals", "proposed"}
    variables = jax.jit(partial(model.init, train=False))(jax.random.key(0), batch["image"])
    apply = jax.jit(partial(model.apply, train=False))
    out = apply(variables, batch["image"], **options)
    parts = jax.jit(detector.losses)(out, batch)
    assert {k: v.shape for k, v in parts.items()} == {"class": (2,), "box": (2,)}
    boxes, scores, labels = detector.candidates(out, (32, 32))
    assert boxes.shape == (2, 15, 4)
    assert scores.shape == labels.shape == (2, 15)
    # What is no region has no score.
    assert not np.asarray(scores)[np.repeat(~np.asarray(batch["proposed"]), 3, axis=1)].any()
    still = jax.jit(partial(model.clone(refine=False).apply, train=False))(
        variables, batch["image"], **options
    )
    own = detector.candidates(still, (32, 32))[0][:, ::3]
    kept = np.asarray(batch["proposed"])
    np.testing.assert_allclose(own[kept], batch["proposals"][kept], atol=1e-3)

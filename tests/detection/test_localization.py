"""One object per image: its box as a share of the sides, losses by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.detection.localization import (
    Localizer,
    Located,
    largest_object,
    localize_candidates,
    localize_losses,
)
from tests.detection.thin import Thin


def test_the_largest_object_is_located():
    batch = {
        "image": jnp.zeros((2, 20, 40, 3)),
        "boxes": jnp.array([[[0.0, 0, 4, 4], [10, 5, 30, 15]], [[0, 0, 0, 0], [0, 0, 0, 0]]]),
        "labels": jnp.array([[0, 1], [0, 0]]),
        "kept": jnp.array([[True, True], [False, False]]),
    }
    box, label, there = largest_object(batch)
    np.testing.assert_allclose(box[0], [0.25, 0.25, 0.75, 0.75])
    assert label[0] == 1
    assert there.tolist() == [True, False]
    out = Located(jnp.zeros((2, 2)), jnp.array([[0.25, 0.25, 0.75, 0.95], [0.1, 0.1, 0.2, 0.2]]))
    for weight in (1.0, 3.0):
        got = localize_losses(out, batch, box_weight=weight)
        np.testing.assert_allclose(got["class"], [np.log(2), 0], rtol=1e-6)
        np.testing.assert_allclose(got["box"], [weight * 0.15, 0], rtol=1e-5)
    boxes, score, label = localize_candidates(out, (20, 40))
    np.testing.assert_allclose(boxes[0, 0], [10, 5, 30, 19], rtol=1e-6)
    assert (score.shape, label.shape) == ((2, 1), (2, 1))


def test_a_localizer_gives_a_box_inside_out_of_features():
    model = Localizer(Thin(), 3, features=4)
    out = model.init_with_output(jax.random.key(0), jnp.ones((2, 16, 16, 3)), train=False)[0]
    assert out.classes.shape == (2, 3)
    assert (out.boxes[:, :2] < out.boxes[:, 2:]).all()

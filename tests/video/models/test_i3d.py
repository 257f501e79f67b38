"""Inflation: a clip in which nothing moves gives what GoogLeNet gave for its picture."""

import jax
import numpy as np
import pytest

from jaxdl.models.convnets.googlenet import GoogLeNet
from jaxdl.video.models.i3d import I3D, inflate
from tests.models.weights.twins import quick_jit
from tests.video.models.random_variables import clips, random_variables, shapes_of

BLOCKS = (("inception3a", (2, 3, 4, 2, 3, 2)), ("inception4a", (3, 2, 4, 2, 3, 2)))
OPTIONS = {"stem": (3, 4, 5), "blocks": BLOCKS}


def test_a_still_clip_gives_the_logits_of_its_picture():
    flat, deep = GoogLeNet(5, aux=False, **OPTIONS), I3D(5, **OPTIONS)
    image, t = clips(2, 40, 40, 3), 7
    variables = random_variables(flat, image.shape)
    still = np.repeat(image[:, None], t, axis=1)
    inflated = inflate(variables, shapes_of(deep, still.shape))
    want = quick_jit(lambda v, x: flat.apply(v, x, train=False))(variables, image)
    apply = quick_jit(lambda v, x: deep.apply(v, x, train=False))
    assert np.abs(want).max() > 0.1
    np.testing.assert_allclose(apply(inflated, still), want, atol=1e-5 * np.abs(want).max())
    moving = still + clips(2, t, 1, 1, 3, seed=1)
    assert np.abs(apply(inflated, moving) - want).max() > 1e-2


def test_what_does_not_fit_is_named():
    variables = {"params": {"a": {"kernel": np.ones((3, 3, 2, 4))}, "b": {"bias": np.ones(4)}}}
    like = jax.tree.map(lambda v: v, variables)
    like["params"] = {"a": {"kernel": np.ones((5, 3, 3, 2, 4))}, "b": {"bias": np.ones(5)}}
    with pytest.raises(ValueError, match=r"params/b/bias \(4,\) for \(5,\)"):
        inflate(variables, like)
    like["params"]["b"] = {"bias": np.ones(4)}
    made = inflate(variables, like)["params"]["a"]["kernel"]
    np.testing.assert_allclose(made.sum(0), np.ones((3, 3, 2, 4)), rtol=1e-6)
    del like["params"]["b"]
    with pytest.raises(ValueError, match="do not fit the clip network: params/b/bias"):
        inflate(variables, like)

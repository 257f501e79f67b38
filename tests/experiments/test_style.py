"""Crops against NumPy's slices; the weights of content at another size; data that cannot be."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.interpret.style import Config, NetConfig, Stylist, build, crop_and_flip
from jaxdl.data.config import data_config
from jaxdl.interpret.synthesis.style import StyleWeights
from jaxdl.models.registry import model_options


@pytest.mark.parametrize(
    ("draws", "top", "left"), [((0, 0.99, 0.2), 0, 6), ((0.5, 0.3, 0.7), 2, 2)]
)
def test_a_crop_is_a_slice(draws, top, left):
    image = np.random.default_rng(0).random((8, 10, 3))
    want = image[top : top + 4, left : left + 4]
    want = want[:, ::-1] if draws[2] > 0.5 else want
    np.testing.assert_allclose(crop_and_flip(jnp.array(draws), jnp.array(image), side=4), want)


def test_sums_over_positions_count_the_same_at_every_size():
    # Half of the config's area, so that a sum counts twice.
    thin = model_options("squeezenet1_1")(stem=4, squeeze=(1,) * 8)
    weights = StyleWeights("conv1", 2.0, ("conv1",), (3.0,), 5.0)
    cfg = Config(styles=("ihc.png",), size=64, crop=20, model=thin, weights=weights)
    goal = Stylist(cfg).objective(jnp.zeros((1, 64, 32, 3)), jnp.ones((1, 1)))
    assert goal.weights.content_weight == 4.0
    assert goal.weights.tv_weight == 10.0
    assert goal.weights.style_weights == (3.0,)


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match="crop must be at least 20, got 10"):
        Config(crop=10)
    with pytest.raises(ValueError, match="needs a style, a photograph"):
        Config(styles=())
    gray = Config(data=data_config("digits"), crop=20, net=NetConfig(2, 1))
    with pytest.raises(ValueError, match="color pictures of 20x20 or more, got 8x8x1"):
        build(gray)

"""U-Net against its torch twin, at sizes that halve and at odd ones; each way up by its maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.upsample import METHODS
from jaxdl.models.segmentation.unet import UNet
from tests.interop.torch_twins.test_registry import normal, randomized

torch = pytest.importorskip("torch")

from jaxdl.interop.torch_twins.registry import twin_of  # noqa: E402


@pytest.mark.parametrize(
    ("size", "options"),
    [((13, 18), {"up": "bilinear", "stem_stride": 2}), ((16, 12), {"up": "nearest"})],
)
def test_unet_computes_what_torch_does(size, options):
    model, x = UNet(5, (3, 4, 6), **options), normal(2, *size, 3)
    start = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = randomized(jax.tree.map(lambda s: np.ones(s.shape, np.float32), start))
    twin = twin_of(model, x.shape)
    twin.load(variables)
    twin.module.eval()
    got = jax.jit(lambda v: model.apply(v, x, train=False))(variables)
    want = twin.module(torch.tensor(x.transpose(0, 3, 1, 2))).detach().numpy()
    assert got.shape == (2, *size, 5)
    near = 1e-5 * np.abs(want).max()
    np.testing.assert_allclose(got, want.transpose(0, 2, 3, 1), atol=near)


@pytest.mark.parametrize("up", METHODS)
def test_every_way_up_gives_maps_of_each_size(up):
    model = UNet(4, (3, 4, 5), up)
    shapes = jax.eval_shape(
        lambda: model.init_with_output(
            jax.random.key(0), jnp.zeros((1, 20, 12, 3)), train=False, stages=True
        )
    )[0]
    sizes = {name: value.shape[1:] for name, value in shapes.items()}
    assert sizes["down3"] == (5, 3, 5)
    assert (sizes["up2"], sizes["up1"]) == ((10, 6, 4), (20, 12, 3))
    assert sizes["logits"] == (20, 12, 4)


def test_dropout_drops_channels_of_the_coarsest_map():
    model, x = UNet(2, (2, 3), dropout=0.5), jnp.asarray(normal(1, 8, 8, 3))
    variables = jax.jit(lambda: model.init(jax.random.key(0), x, train=False))()

    def call(seed):
        rngs = {"dropout": jax.random.key(seed)}
        return model.apply(variables, x, train=True, rngs=rngs, mutable=["batch_stats"])[0]

    assert np.abs(call(0) - call(1)).max() > 0
    still = UNet(2, (2, 3))
    np.testing.assert_array_equal(
        *(
            still.apply(
                variables,
                x,
                train=True,
                rngs={"dropout": jax.random.key(i)},
                mutable=["batch_stats"],
            )[0]
            for i in (0, 1)
        )
    )


def test_a_picture_that_is_too_small_says_so():
    with pytest.raises(ValueError, match="8 pixels a side or more"):
        UNet(2, (2, 2, 2, 2)).init(jax.random.key(0), jnp.zeros((1, 4, 8, 3)), train=False)

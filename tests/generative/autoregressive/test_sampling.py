"""Models of pixels: who sees whom, by the Jacobian; the likelihood; cached sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxdl.generative.autoregressive.masked_conv import CausalConv, color_mask
from jaxdl.generative.autoregressive.pixelcnn import GatedPixelCNN, PixelCNN
from jaxdl.generative.autoregressive.pixelrnn import RowLSTM
from jaxdl.generative.autoregressive.sampling import (
    from_levels,
    pixel_nll,
    sample_pixels,
    to_levels,
)

MODELS = {"plain": PixelCNN, "gated": GatedPixelCNN, "row_lstm": RowLSTM}
SIDE = 5


def build(name, colors=1, **options):
    options = {"levels": 3, "features": 6 * colors, "depth": 2, "first_kernel_size": 3} | options
    return MODELS[name](colors=colors, **options)


def variables_of(model, values, label=None):
    """Random numbers for every parameter, so that nothing is zero by its start."""
    shapes = jax.eval_shape(lambda k: model.init(k, values, label, train=False), jax.random.key(0))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda s: jnp.float32(rng.normal(size=s.shape) * 0.5), shapes)


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_no_color_of_a_pixel_sees_itself_or_a_later_one(name, colors):
    model = build(name, colors)
    x = np.random.default_rng(1).normal(size=(1, SIDE, SIDE, colors)).astype(np.float32)
    variables = variables_of(model, jnp.zeros(x.shape, jnp.int32))
    apply = lambda x: model.apply(variables, x, method="network").sum(axis=-1)  # noqa: E731
    jacobian = np.asarray(jax.jit(jax.jacrev(apply))(x)).reshape(SIDE**2 * colors, -1)
    place = np.arange(len(jacobian))
    later = place[None] >= place[:, None]  # in raster order, colors within a pixel in order
    assert not jacobian[later].any()
    seen = jacobian != 0
    middle = (2 * SIDE + 2) * colors
    assert seen[middle, middle - colors]  # its left neighbor
    if name == "gated":  # no blind spot: of the row above, all that lies in reach
        rows = seen.reshape(SIDE, SIDE, colors, SIDE, SIDE, colors)
        assert rows[2, 2, 0, 1].all()
        assert rows[2, 2, 0, 2, :2].all()
    if colors == 3:  # a pixel's blue sees its red and green
        own = seen.reshape(SIDE * SIDE, 3, SIDE * SIDE, 3)[7, :, 7]
        np.testing.assert_array_equal(own, np.tri(3, k=-1, dtype=bool))


def test_the_plain_form_has_a_blind_spot_and_the_gated_has_none():
    """Right of a pixel, above: the stack of masked kernels reaches it row by row too slowly."""
    spots = {}
    for name in ("plain", "gated"):
        model = build(name, depth=4)
        x = np.random.default_rng(1).normal(size=(1, 7, 7, 1)).astype(np.float32)
        variables = variables_of(model, jnp.zeros(x.shape, jnp.int32))
        apply = lambda x, m=model, v=variables: m.apply(v, x, method="network")[0, 3, 1].sum()  # noqa: E731
        spots[name] = np.asarray(jax.jit(jax.grad(apply))(x))[0, 2, :, 0] != 0
    assert spots["gated"].tolist() == [True] * 6 + [False]
    assert spots["plain"].tolist() == [True] * 3 + [False] * 4


@pytest.mark.parametrize(("kind", "colors"), [("A", 1), ("B", 1), ("A", 3), ("B", 3)])
def test_a_causal_convolution_is_torchs_with_a_mask(kind, colors):
    torch = pytest.importorskip("torch")
    layer = CausalConv(3, 6, 5, kind, colors)
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    params = variables_of(Wrapped(layer), jnp.asarray(x))["params"]["layer"]
    whole = np.zeros((5, 5, 3, 6), np.float32)
    whole[:2], whole[2, :3] = params["above"], params["left"][0]
    color = lambda n: np.arange(n) // (n // colors)  # noqa: E731
    allowed = (np.less if kind == "A" else np.less_equal).outer(color(3), color(6))
    whole[2, 2] *= allowed
    want = torch.nn.functional.conv2d(
        torch.tensor(x).permute(0, 3, 1, 2),
        torch.tensor(whole).permute(3, 2, 0, 1),
        torch.tensor(np.array(params["bias"])),
        padding=2,
    )
    got = layer.apply({"params": params}, x)
    np.testing.assert_allclose(got, want.permute(0, 2, 3, 1), atol=1e-5)


class Wrapped:
    """A layer behind the call of a model."""

    def __init__(self, layer):
        self.layer = layer

    def init(self, key, x, label, train):
        return {"params": {"layer": self.layer.init(key, x)["params"]}}


def test_gates_repeat_the_order_of_colors():
    mask = color_mask(3, 12, 3, "A", parts=2)
    np.testing.assert_array_equal(mask[:, :6], mask[:, 6:])
    with pytest.raises(ValueError, match="must divide into 3 colors"):
        color_mask(3, 8, 3, "A")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain", {"classes": 2}),
        ("gated", {"classes": 2, "colors": 2, "levels": 4}),
        ("gated", {"one_hot": True}),
        ("row_lstm", {"mixtures": 2, "levels": 8, "colors": 2}),
    ],
)
def test_cached_sampling_is_sampling_with_whole_images(name, options):
    """The reference calls the whole network for each color of each pixel, with the same keys."""
    model = build(name, **options)
    shape = (2, 4, 3, model.colors)
    label = jnp.array([0, 1]) if model.classes else None
    variables = variables_of(model, jnp.zeros(shape, jnp.int32), label)
    key = jax.random.key(3)
    got = jax.jit(lambda k: sample_pixels(model, variables, k, shape, label=label))(key)
    whole = jax.jit(lambda v: model.apply(variables, v, label, train=False))
    values = np.zeros(shape, np.int32)
    for i, j, c in np.ndindex(*shape[1:]):
        out = whole(values)[:, i, j, c]
        own = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(key, i), j), c)
        if model.mixtures:
            from jaxdl.losses.logistic_mixture import draw_logistic

            values[:, i, j, c] = draw_logistic(own, out, levels=model.levels)
        else:
            values[:, i, j, c] = jax.random.categorical(own, out)
    np.testing.assert_array_equal(got, values)


def test_a_low_temperature_takes_the_likeliest_level():
    model = build("gated")
    variables = variables_of(model, jnp.zeros((1, 4, 4, 1), jnp.int32))
    draw = lambda k: sample_pixels(model, variables, k, (1, 4, 4, 1), temperature=1e-4)  # noqa: E731
    values = draw(jax.random.key(0))
    np.testing.assert_array_equal(values, draw(jax.random.key(1)))
    logits = model.apply(variables, values, train=False)
    np.testing.assert_array_equal(values, logits.argmax(-1))


def test_the_likelihood_of_all_images_adds_up_to_one():
    """2x2 bits: sixteen images."""
    model = build("gated", levels=2, first_kernel_size=3, depth=1)
    images = (np.arange(16)[:, None] >> np.arange(4) & 1).reshape(16, 2, 2, 1)
    variables = variables_of(model, jnp.asarray(images))
    out = model.apply(variables, jnp.asarray(images), train=False)
    nats = pixel_nll(out, jnp.asarray(images), levels=2)
    assert special.logsumexp(-np.asarray(nats, np.float64)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("levels", [2, 256])
def test_levels_cut_the_grays_evenly(levels):
    gray = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    values = np.asarray(to_levels(jnp.asarray(gray), levels))
    assert set(np.bincount(values.ravel())) == {256 // levels}
    assert from_levels(values, levels).max() == 1

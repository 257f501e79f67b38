"""The ViT's positions against the formula and torch's resampling, and its options."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.transformers.vit import ViT, resample_positions, sincos_positions
from tests.models.torch_layers import images, quick_jit, random_variables


def test_sines_and_cosines_are_the_formula_in_loops():
    table = sincos_positions((2, 3), 8, temperature=100.0)
    assert table.shape == (6, 8)
    for y in range(2):
        for x in range(3):
            want = [f(x * 100.0 ** (-k / 2)) for f in (math.sin, math.cos) for k in range(2)]
            want += [f(y * 100.0 ** (-k / 2)) for f in (math.sin, math.cos) for k in range(2)]
            np.testing.assert_allclose(table[3 * y + x], want, atol=1e-6)
    with pytest.raises(ValueError, match="width must be a multiple of 4, got 6"):
        sincos_positions((2, 2), 6)


@pytest.mark.parametrize("pool", ["token", "mean"])
@pytest.mark.parametrize("positions", ["learned", "sincos"])
def test_what_is_pooled_and_added(pool, positions):
    model = ViT(3, 4, 8, depth=1, heads=2, hidden=8, pool=pool, positions=positions)
    variables, x = random_variables(model, (8, 12, 3)), images((8, 12, 3))
    params = variables["params"]
    assert ("token" in params) == (pool == "token")
    assert ("positions" in params) == (positions == "learned")
    out = quick_jit(lambda v, x: model.apply(v, x, train=False, stages=True))(variables, x)
    tokens = 6 + (pool == "token")
    assert out["tokens"].shape == (3, tokens, 8)
    want = out["tokens"][:, 0] if pool == "token" else out["tokens"].mean(1)
    np.testing.assert_allclose(out["pooled"], want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("grid", [(3, 5), (6, 6)])
@pytest.mark.parametrize("pool", ["token", "mean"])
def test_positions_are_resampled_as_torch_does(grid, pool):
    torch = pytest.importorskip("torch")
    model = ViT(3, 2, 8, depth=1, heads=2, hidden=8, pool=pool)
    params = random_variables(model, (8, 8, 3))["params"]
    new = resample_positions(params, grid)
    first = int(pool == "token")
    table = torch.tensor(np.asarray(params["positions"]))
    image = table[first:].reshape(1, 4, 4, 8).permute(0, 3, 1, 2)
    want = torch.nn.functional.interpolate(image, grid, mode="bicubic", antialias=True)
    want = want.permute(0, 2, 3, 1).reshape(-1, 8)
    np.testing.assert_allclose(new["positions"][first:], want.numpy(), atol=1e-5)
    np.testing.assert_array_equal(new["positions"][:first], params["positions"][:first])
    x = jnp.zeros((1, 2 * grid[0], 2 * grid[1], 3))
    assert model.apply({"params": new}, x, train=False).shape == (1, 3)


def test_dropout_acts_in_training_alone():
    model = ViT(3, 4, 8, depth=1, heads=2, hidden=8, dropout=0.5)
    variables, x = random_variables(model, (8, 8, 3)), images((8, 8, 3))
    apply = quick_jit(model.apply, static_argnames="train")
    a, b = (apply(variables, x, train=True, rngs={"dropout": jax.random.key(i)}) for i in (0, 1))
    assert np.abs(a - b).max() > 0.01
    assert apply(variables, x, train=False).shape == (3, 3)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({}, (10, 8, 3), r"ViT: image 10x8 must divide into 4x4 patches"),
        ({"pool": "max"}, (8, 8, 3), r"ViT: pool must be one of token, mean, got 'max'"),
        ({"wiring": "mid"}, (8, 8, 3), r"ViT: wiring must be one of pre, post, deepnorm"),
        ({"positions": "none"}, (8, 8, 3), r"ViT: positions must be one of learned, sincos"),
    ],
)
def test_errors(options, shape, message):
    model = ViT(3, 4, 8, depth=1, heads=2, hidden=8, **options)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False))


def test_positions_of_another_size_are_refused():
    model = ViT(3, 4, 8, depth=1, heads=2, hidden=8)
    variables = random_variables(model, (8, 8, 3))
    with pytest.raises(ValueError, match=r"positions are for 5 tokens.*3x2 patches has 7"):
        model.apply(variables, jnp.zeros((1, 12, 8, 3)), train=False)
    params = {**variables["params"], "positions": jnp.zeros((6, 8))}
    with pytest.raises(ValueError, match="5 positions are no square grid"):
        resample_positions(params, (3, 3))

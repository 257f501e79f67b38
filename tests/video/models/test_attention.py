"""Divided attention against float64 NumPy over every token, and against what it may look at."""

import jax
import numpy as np
import pytest
from scipy.special import erf, softmax

from jaxdl.video.models.attention import DividedBlock, SpaceTimeTransformer
from tests.models.weights.twins import quick_jit
from tests.video.models.random_variables import clips, random_variables


def norm(x, p):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["scale"] + p["bias"]


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def attend(tokens, p, heads):
    """`(L, D)` -> the same, head by head."""
    width = tokens.shape[1] // heads
    q, k, v = np.split(dense(tokens, p["qkv"]), 3, axis=1)
    cut = [slice(h * width, (h + 1) * width) for h in range(heads)]
    y = [softmax(q[:, c] @ k[:, c].T / width**0.5, axis=1) @ v[:, c] for c in cut]
    return dense(np.concatenate(y, axis=1), p["out"])


def block_by_hand(x, p, heads):
    x = x.copy()
    y = norm(x, p["norm_time"])
    x += np.stack([attend(y[:, n], p["time"], heads) for n in range(x.shape[1])], axis=1)
    y = norm(x, p["norm_space"])
    x += np.stack([attend(y[t], p["space"], heads) for t in range(len(x))])
    y = dense(norm(x, p["norm_mlp"]), p["fc1"])
    return x + dense(y * (1 + erf(y / 2**0.5)) / 2, p["fc2"])


def test_a_clip_is_what_numpy_makes_of_it():
    model = SpaceTimeTransformer(3, patch=2, tubelet=2, width=8, depth=2, heads=2, hidden=6)
    x = clips(1, 6, 4, 4, 3)
    variables = random_variables(model, x.shape)
    p = jax.tree.map(np.float64, variables["params"])
    tubelets = x[0].reshape(3, 2, 2, 2, 2, 2, 3).transpose(0, 2, 4, 1, 3, 5, 6).reshape(3, 4, 24)
    kernel = p["tubelets"]["kernel"].reshape(24, 8)
    y = tubelets @ kernel + p["tubelets"]["bias"] + p["place"][None] + p["time"]
    for i in (1, 2):
        y = block_by_hand(y, p[f"block{i}"], 2)
    want = dense(norm(y, p["norm"]).mean((0, 1)), p["head"])
    got = quick_jit(lambda v, x: model.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(got[0], want, rtol=1e-4, atol=1e-5)


def test_dropout_acts_in_training_alone():
    block, x = DividedBlock(2, 4, 0.5), clips(1, 2, 3, 4)

    @quick_jit
    def outputs(key):
        variables = block.init(key, x, train=False)
        return [block.apply(variables, x, train=t, rngs={"dropout": key}) for t in (True, False)]

    noisy, plain = outputs(jax.random.key(0))
    assert np.abs(noisy - plain).max() > 0.1


def test_a_clip_that_does_not_divide_is_refused():
    model = SpaceTimeTransformer(3, patch=4, tubelet=2, width=8, depth=1, heads=2, hidden=6)
    with pytest.raises(ValueError, match=r"\(3, 8, 8\).*\(2, 4, 4\)"):
        model.init({}, clips(1, 3, 8, 8, 3), train=False)

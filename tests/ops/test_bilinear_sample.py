"""Bilinear sampling against torch's grid_sample, values and both gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.bilinear_sample import bilinear_sample


def test_values_and_gradients_are_those_of_grid_sample():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 4, 5, 3)).astype(np.float32)
    places = rng.uniform(-0.2, 1.2, (2, 30, 2)).astype(np.float32)
    weight = rng.normal(size=(2, 30, 3)).astype(np.float32)

    def value(features, places):
        return jnp.sum(bilinear_sample(features, places) * weight)

    got = value(features, places), *jax.jit(jax.grad(value, argnums=(0, 1)))(features, places)
    there = [torch.tensor(v, requires_grad=True) for v in (features, places)]
    sampled = torch.nn.functional.grid_sample(
        there[0].permute(0, 3, 1, 2),
        2 * there[1][:, :, None] - 1,
        padding_mode="border",
        align_corners=False,
    )
    want = (sampled[..., 0].permute(0, 2, 1) * torch.tensor(weight)).sum()
    want.backward()
    np.testing.assert_allclose(got[0], want.item(), rtol=1e-4)
    for ours, theirs in zip(got[1:], there, strict=True):
        np.testing.assert_allclose(ours, theirs.grad, atol=1e-4)
    with pytest.raises(ValueError, match="4 axes"):
        bilinear_sample(jnp.ones((2, 2)), jnp.ones((1, 1, 2)))

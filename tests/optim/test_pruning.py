"""Pruning by size against torch.nn.utils.prune; what is out stays out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.pruning import magnitude_masks, masked


@pytest.fixture
def params():
    rng = np.random.default_rng(0)
    return {
        "a": {"kernel": rng.normal(size=(6, 5)), "bias": rng.normal(size=5)},
        "b": {"kernel": rng.normal(size=(3, 3, 2, 4))},
    }


@pytest.mark.parametrize("sparsity", [0.0, 0.4, 0.9])
def test_the_smallest_of_each_kernel_are_out(params, sparsity):
    torch = pytest.importorskip("torch")
    from torch.nn.utils import prune

    masks = magnitude_masks(params, sparsity)
    assert masks["a"]["bias"].all()
    for name in ("a", "b"):
        layer = torch.nn.Module()
        layer.kernel = torch.nn.Parameter(torch.tensor(params[name]["kernel"]))
        prune.l1_unstructured(layer, "kernel", amount=sparsity)
        np.testing.assert_array_equal(masks[name]["kernel"], layer.kernel_mask.numpy() == 1)
    kept = np.concatenate([masks[name]["kernel"].ravel() for name in ("a", "b")])
    assert 1 - kept.mean() == pytest.approx(sparsity, abs=0.02)


def test_what_an_earlier_mask_leaves_out_does_not_come_back(params):
    first = magnitude_masks(params, 0.5)
    grown = jax.tree.map(lambda leaf: 1 / leaf, params)  # the smallest are now the largest
    second = magnitude_masks(grown, 0.8, within=first)
    for name in ("a", "b"):
        assert not (second[name]["kernel"] & ~first[name]["kernel"]).any()
        assert second[name]["kernel"].mean() == pytest.approx(0.2, abs=0.03)
    with pytest.raises(UsageError, match="50% are out already"):
        magnitude_masks(grown, 0.3, within=first)


def test_masked_weights_are_zero_and_have_no_gradient(params):
    masks = magnitude_masks(params, 0.4)
    slopes = jax.grad(lambda p: jnp.sum(masked(p, masks)["a"]["kernel"] ** 2))(params)
    kernel = params["a"]["kernel"]
    np.testing.assert_allclose(slopes["a"]["kernel"], 2 * kernel * masks["a"]["kernel"], rtol=1e-6)

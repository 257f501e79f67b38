"""Rank correlation against SciPy's; the order and reach of the randomization on a known network."""

import jax
import numpy as np
import pytest
from scipy import stats

from jaxdl.interpret.attribution.gradients import saliency
from jaxdl.interpret.attribution.sanity import (
    cascading_randomization,
    randomization_check,
    rank_correlation,
)
from jaxdl.models.named import make_model
from tests.interpret.tiny_nets import Pooled, network_of, pictures

X = pictures(side=12)


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=(2, 9, 8)), rng.integers(0, 4, (2, 9, 8))):
        want = stats.spearmanr(values[0].ravel(), values[1].ravel())[0]
        assert rank_correlation(*values) == pytest.approx(want, abs=1e-12)
    assert np.isnan(rank_correlation(np.ones((2, 2)), np.eye(2)))


def test_layers_are_drawn_anew_from_the_top_and_stay_so():
    model = make_model("deep_convnet", 3, filters=(2, 3), pools=(1,), batch_norm=True)
    network = network_of(model, X)
    layers = dict(cascading_randomization(network, X, jax.random.key(5)))
    names = list(layers)
    assert names[0] == "head"
    assert names[-1] == "conv1"
    kernels = [n for n in names if n.startswith(("conv", "head"))]
    for i, name in enumerate(names):
        if name not in kernels:
            continue
        for other in kernels:
            before = network.variables["params"][other]["kernel"]
            after = layers[name].variables["params"][other]["kernel"]
            assert np.array_equal(before, after) == (names.index(other) > i)


def test_a_map_that_depends_on_the_weights_changes_and_one_that_does_not_stays():
    network = network_of(Pooled(), X)
    key = jax.random.key(1)
    found = randomization_check(network, X, lambda net: saliency(net, X, 0), key)
    assert list(found) == ["head", "conv"]
    assert (found["conv"] < 0.7).all()
    edges = randomization_check(network, X, lambda net: np.abs(np.diff(X, axis=1)), key)
    np.testing.assert_allclose(list(edges.values()), 1)

"""Scores and gradients of targets against closed forms; the errors of targets that cannot be."""

import jax
import numpy as np
import pytest

from jaxdl.interpret.network import Network, Unit, gradient, scores, stage_gradient
from tests.interpret.tiny_nets import Cubic, NoStages, Pooled, network_of, pictures

X = pictures()


def test_a_class_a_unit_and_a_function_of_stages_on_a_linear_network():
    network = network_of(Cubic(), X)
    weights = np.asarray(network.variables["params"]["head"]["kernel"])
    for target in (1, (2, 0)):
        chosen = weights[:, np.broadcast_to(target, 2)].T.reshape(X.shape)
        np.testing.assert_allclose(gradient(network, X, target), chosen, rtol=1e-6)
        np.testing.assert_allclose(
            scores(network, X, target), (X * chosen).sum((1, 2, 3)), rtol=1e-4
        )
    one = np.zeros(X.shape)
    one[:, 1, 2, 0] = 1
    np.testing.assert_array_equal(gradient(network, X, Unit("map", (1, 2, 0))), one)
    total = gradient(network, X, lambda stages: 3 * stages["map"][..., 2].sum((1, 2)))
    np.testing.assert_array_equal(total, np.broadcast_to([0, 0, 3], X.shape))


def test_the_gradient_at_a_stage_is_that_of_what_lies_behind_it():
    network = network_of(Pooled(), X)
    maps, grads = stage_gradient(network, X, 2, "map")
    np.testing.assert_allclose(maps, network(X)["map"], rtol=1e-6)
    weights = np.asarray(network.variables["params"]["head"]["kernel"])[:, 2]
    np.testing.assert_allclose(grads, np.broadcast_to(weights / 25, maps.shape), rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (3, "a class must be in 0 to 2, got 3"),
        (-1, "a class must be in 0 to 2, got -1"),
        ((0, 1, 2), "one for each of 2 pictures"),
        (1.5, "one class.*got 1.5"),
        (Unit("mop", (0, 0, 0)), "there is no 'mop'; did you mean map"),
        (Unit("map", (0, 5, 0)), r"\(0, 5, 0\) of map: must lie in \(5, 5, 3\)"),
        (Unit("map", (0,)), r"\(0,\) of map: must lie in"),
        (lambda stages: stages["map"], r"one number per picture, shape \(2,\), got \(2, 5, 5, 3\)"),
    ],
)
def test_a_target_that_cannot_be_is_named(target, words):
    with pytest.raises(ValueError, match=words):
        gradient(network_of(Cubic(), X), X, target)


def test_a_stage_that_cannot_be_is_named():
    network = network_of(Pooled(), X)
    with pytest.raises(ValueError, match="there is no 'mop'; did you mean map"):
        stage_gradient(network, X, 0, "mop")
    with pytest.raises(ValueError, match="'aside': the target does not depend on it"):
        stage_gradient(network, X, 0, "aside")


def test_a_network_that_names_no_stages_and_pictures_without_a_batch_are_refused():
    model = NoStages()
    network = Network(model.init(jax.random.key(0), X, train=False), model)
    with pytest.raises(ValueError, match="NoStages has no named stages"):
        gradient(network, X, 0)
    with pytest.raises(ValueError, match=r"\(B, H, W, C\).*got shape \(5, 5, 3\)"):
        gradient(network_of(Cubic(), X), X[0], 0)

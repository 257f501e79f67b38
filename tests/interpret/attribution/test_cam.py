"""CAM against the weights of the last layer; Grad-CAM's relation to it; their errors."""

import numpy as np
import pytest

from jaxdl.interpret.attribution.cam import cam, grad_cam
from tests.interpret.tiny_nets import Cubic, Pooled, network_of, pictures

X = pictures()


def test_cam_is_the_maps_weighted_by_the_last_layer():
    network = network_of(Pooled(), X)
    head = network.variables["params"]["head"]
    head = {"kernel": head["kernel"], "bias": head["bias"] + 0.7}
    network = network.replace(variables={"params": {**network.variables["params"], "head": head}})
    stages = network(X)
    for target in (0, 2):
        want = np.asarray(stages["map"]) @ np.asarray(head["kernel"][:, target])
        got = cam(network, X, target, stage="map")
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
        mean = np.asarray(got).mean((1, 2)) + 0.7
        np.testing.assert_allclose(mean, stages["logits"][:, target], rtol=1e-5)
        grad = grad_cam(network, X, target, stage="map")  # section 3 of its paper
        np.testing.assert_allclose(grad, np.maximum(want, 0) / 25, rtol=1e-5, atol=1e-6)


def test_cam_refuses_a_network_that_does_not_end_with_a_mean_and_a_line():
    network = network_of(Cubic(), X)
    with pytest.raises(ValueError, match="cam: the network must be a mean.*'map'; use grad_cam"):
        cam(network, X, 0)


def test_a_stage_that_is_no_map_is_named():
    with pytest.raises(ValueError, match="stage must be one of map, got 'logits'"):
        grad_cam(network_of(Cubic(), X), X, 0, stage="logits")

"""A network with weights gives the logits of the weights' own model; without a file, what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.interpret.network import stages_at
from jaxdl.interpret.open_network import open_network
from jaxdl.models.named import make_model
from jaxdl.models.registry import model_options
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.published import Weights, save_weights

THIN = {"conv1": 2, "conv2": 3, "hidden": 4}


def test_a_file_gives_its_network_pixels_and_classes(tmp_path, monkeypatch):
    model = make_model("lenet", 3, **THIN)
    x = jnp.zeros((1, 8, 8, 3))
    variables = jax.jit(lambda key: model.init(key, x, train=False))(jax.random.key(5))
    how = Preprocessing(8, 8, (0.1, 0.2, 0.3), (0.5, 0.25, 0.5))
    weights = Weights("lenet", 3, variables, how, "own", THIN, ("a", "b", "c"))
    save_weights(tmp_path / "mine.safetensors", weights)
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path))
    network, pixels, classes = open_network(model_options("lenet")(weights="mine", **THIN))
    picture = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    values = (picture / 255 - np.array(how.mean)) / np.array(how.std)
    np.testing.assert_allclose(pixels.values(picture), values, atol=1e-5)
    want = model.apply(variables, jnp.asarray(values, jnp.float32), train=False)
    got = stages_at(network, pixels.values(picture), ("logits",))
    np.testing.assert_allclose(got["logits"], want, atol=1e-4)
    assert list(got) == ["logits"]
    assert classes == ("a", "b", "c")
    with pytest.raises(ValueError, match="there is no 'stge1'; did you mean stage1"):
        stages_at(network, pixels.values(picture), ("stage2", "stge1"))


def test_weights_that_are_not_there_are_asked_for(monkeypatch):
    monkeypatch.delenv("JAXDL_WEIGHTS_DIR", raising=False)
    with pytest.raises(Exception, match="squeezenet1_1: there is no such file.*JAXDL_WEIGHTS_DIR"):
        open_network(model_options("squeezenet1_1")(weights="squeezenet1_1"))


def test_without_weights_a_network_is_random_and_that_is_said(capsys):
    assert len(open_network(model_options("lenet")(**THIN)).classes) == 1000
    assert "random" in capsys.readouterr().err

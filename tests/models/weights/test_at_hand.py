"""What a config's weights decide, with a small file, and where there is none."""

import jax
import jax.numpy as jnp
import pytest

from jaxdl.models.registry import create_model, model_options
from jaxdl.models.weights.at_hand import resolve_weights
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.published import Weights, save_weights
from jaxdl.models.weights.weight_file import WeightFileError

SMALL = {"expansions": (1,), "features": (4,), "repeats": (1,), "strides": (2,), "last": 8}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A weights folder with a small net that was trained with `padding` same."""
    model = create_model("mobilenet_v2", 3, padding="same", **SMALL)
    variables = model.init(jax.random.key(0), jnp.zeros((1, 16, 16, 3)), train=False)
    how = Preprocessing(size=16, resize=16, mean=(0.1,) * 3, std=(0.2,) * 3)
    options = {"padding": "same", **SMALL}
    weights = Weights("mobilenet_v2", 3, variables, how, "torchvision", options)
    save_weights(tmp_path / "mine.safetensors", weights)
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


def test_an_option_auto_becomes_what_the_weights_were_trained_with(folder):
    cfg = model_options("mobilenet_v2")(weights="mine", **SMALL)
    resolved, images = resolve_weights(cfg)
    assert (cfg.padding, resolved.padding) == ("auto", "same")
    assert images.mean == (0.1,) * 3


def test_known_weights_that_are_not_here_are_said_and_done_without(folder, capsys):
    cfg = model_options("mobilenet_v2")(weights="mobilenet_v2")
    resolved, images = resolve_weights(cfg, optional=True)
    assert (resolved.weights, images) == ("", None)
    said = capsys.readouterr().err
    assert "not on this machine, so training starts from scratch" in said
    assert "torch.save" in said
    with pytest.raises(WeightFileError, match="no such file"):
        resolve_weights(cfg)
    with pytest.raises(WeightFileError, match="no such file"):
        resolve_weights(model_options("mobilenet_v2")(weights="mobilnet"), optional=True)

"""Layers that draw are compared with themselves in evaluation, which draws nothing."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl
from jaxdl.catalog import find_configs
from jaxdl.diagnose.regularization import plain_loss, plain_prepare, without_regularization
from jaxdl.experiment import read_config
from jaxdl.models.named import make_model
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.step import apply_train

ROOT = Path(__file__).parents[2]
IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)
DRAWING = {  # one model for each kind of layer that draws
    "dropout": ("mlp", {"hidden": (8,), "dropout": (0.5,)}),
    "drop_connect": ("mlp", {"hidden": (8,), "drop_connect": 0.5}),
    "fractional_pool": ("deep_convnet", {"filters": (4,), "pools": (1,), "pool": "fractional"}),
    "drop_path": ("preact_resnet20", {"width": 4, "norm": "layer", "drop_path": 0.9}),
}


def outputs_of(model):
    """A function with the arguments of a loss, which gives the model's outputs as training does."""
    return lambda params, extra, batch, key: apply_train(model, params, extra, batch, key)[0]


@pytest.mark.parametrize("name", DRAWING)
def test_layers_that_draw_are_as_in_evaluation(name):
    model_name, options = DRAWING[name]
    model = make_model(model_name, 3, **options)
    params = model.init(jax.random.key(1), IMAGES, train=False)["params"]
    loss = outputs_of(model)
    seeds = [loss(params, {}, IMAGES, jax.random.key(seed)) for seed in (0, 1)]
    assert not np.allclose(*seeds)  # it does draw
    want = model.apply({"params": params}, IMAGES, train=False)
    for seed in (0, 1):
        got = plain_loss(loss)(params, {}, IMAGES, jax.random.key(seed))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    after = [loss(params, {}, IMAGES, jax.random.key(seed)) for seed in (0, 1)]
    np.testing.assert_array_equal(after, seeds)  # and draws again afterwards


def test_every_layer_that_draws_can_be_told_not_to():
    """A layer is found by its field `deterministic`: nobody may draw from `dropout` without it."""
    drawing = 0
    for path in Path(jaxdl.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.unparse(node) if isinstance(node, ast.ClassDef) else ""
            # Where a sampled glimpse goes is what is learned, not noise upon it.
            if "make_rng('dropout')" in text and node.name != "GlimpseClassifier":
                assert "deterministic: bool" in text, f"{path}: {text[:60]}"
                drawing += 1
    assert drawing == 3


def test_noise_of_the_objective_is_the_same_at_every_step():
    loss = plain_loss(lambda params, extra, batch, key: jax.random.normal(key))  # pyright: ignore
    assert loss({}, {}, {}, jax.random.key(0)) == loss({}, {}, {}, jax.random.key(1))  # pyright: ignore

    def noisy(keys, batch, *, train):
        return {"x": jax.vmap(jax.random.normal)(keys)}

    one, two = (
        plain_prepare(noisy)(jax.random.split(jax.random.key(seed), 3), {}, train=True)["x"]
        for seed in (0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert len(set(np.asarray(one).tolist())) == 3  # yet another one for each row


@pytest.mark.parametrize(
    "option",
    [{"crop": 2}, {"flip": True}, {"rotate": 30.0}, {"cutout": 3}, {"mixup": 1.0}, {"cutmix": 1.0}],
)
def test_augmentation_is_off(option):
    cfg = ImageConfig(**option)
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    rows = {"image": images, "label": np.arange(4)}
    keys = jax.random.split(jax.random.key(0), 4)
    batch = plain_prepare(prepare_images(cfg, 4))(keys, rows, train=True)
    np.testing.assert_allclose(batch["image"], images / 255, rtol=1e-6)
    assert "target" not in batch
    assert not np.allclose(prepare_images(cfg, 4)(keys, rows, train=True)["image"], batch["image"])


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        ("digits_mlp", "label_smoothing", "0.1"),
        ("digits_mlp", "aux_weight", "0.3"),
        ("cifar10_svm", "penalty_weight", "1e-3"),
        ("solids_pointnet", "model.align_weight", "0.001"),
    ],
)
def test_terms_of_the_loss_are_switched_off(config, field, value):
    read = lambda flags: read_config(find_configs(ROOT)[config], flags)[1]  # noqa: E731
    flags = [f"--{field}", value]
    off = without_regularization(read(flags))
    assert f"--{field}=0.0" in off
    assert without_regularization(read([*flags, *off])) == []
    assert jnp.isfinite(float(read(flags).optim.lr))

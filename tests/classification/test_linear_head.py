"""A layer on features against the same worked out in NumPy, and nets that end in it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.classification.linear_head import (
    Features,
    Standardizer,
    head_path,
    place_head,
    pooled_features,
)
from jaxdl.data.splits.split import Split
from jaxdl.models.registry import create_model
from jaxdl.training.prepare_images import ImageConfig

RNG = np.random.default_rng(0)
SQUEEZE = {"stem": 8, "squeeze": (2, 2), "pools": (1,)}


def test_a_folded_layer_does_to_features_what_it_did_to_standardized_ones():
    features = Features(RNG.normal(3, 5, (6, 4)).astype(np.float32), np.full((6, 4), 2.0))
    standard = Standardizer.of(features)
    both = np.concatenate([features.plain, np.full((6, 4), 2.0)])
    np.testing.assert_allclose(standard.center, both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(standard.spread, both.std(0), rtol=1e-5)
    rows = {"image": np.zeros((6, 2, 2, 3), np.uint8), "label": np.arange(6) % 2}
    split = standard.split(Split(rows, ("a", "b"), batch_size=2), features)
    assert split.size == 12
    np.testing.assert_array_equal(split.labels, [*rows["label"], *rows["label"]])
    head = {"kernel": RNG.normal(size=(4, 2)), "bias": RNG.normal(size=2)}
    kernel, bias = standard.fold_in(head)
    want = split.read("input") @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(both @ kernel + bias, want, atol=1e-4)


def test_mirrored_features_are_those_of_mirrored_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path))

    class Left(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            return x[:, 0, 0]

    images = RNG.integers(0, 255, (3, 2, 4, 3), np.uint8)
    split = Split({"image": images, "label": np.zeros(3, int)}, ("a",), batch_size=1)
    cfg = ImageConfig(mean=(0.5,), std=(0.25,))
    features = pooled_features(Left(), {}, cfg, split, mirrored=True)
    np.testing.assert_allclose(features.plain, (images[:, 0, 0] / 255 - 0.5) / 0.25, rtol=1e-5)
    np.testing.assert_allclose(features.mirrored, (images[:, 0, -1] / 255 - 0.5) / 0.25, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [("preact_resnet20", {"blocks": (1,), "width": 4}, 8), ("squeezenet1_1", SQUEEZE, 16)],
)
def test_a_placed_layer_gives_the_nets_own_probabilities(name, options, size):
    x = jnp.asarray(RNG.normal(size=(3, size, size, 3)), jnp.float32)
    full, bare = (create_model(name, k, **options) for k in (2, 0))
    variables = full.init(jax.random.key(0), x, train=False)
    path = head_path(variables["params"], bare.init(jax.random.key(0), x, train=False)["params"])
    without = {**variables, "params": {k: v for k, v in variables["params"].items() if k != "head"}}
    features = np.asarray(bare.apply(without, x, train=False))
    layer = RNG.normal(size=(features.shape[1], 2)).astype(np.float32), np.array([0.3, -2.0])
    made = place_head(full, variables, path, layer, (x, features))
    got = jax.nn.softmax(full.apply(made, x, train=False))
    want = np.exp(features @ layer[0] + layer[1])
    np.testing.assert_allclose(got, want / want.sum(1, keepdims=True), atol=1e-3)


def test_a_net_with_a_larger_head_is_refused():
    x = jnp.zeros((1, 64, 64, 3))
    full, bare = (create_model("alexnet", k) for k in (2, 0))
    shapes = [
        jax.eval_shape(lambda m=m: m.init(jax.random.key(0), x, train=False)) for m in (full, bare)
    ]
    with pytest.raises(UsageError, match="must end in one linear layer"):
        head_path(shapes[0]["params"], shapes[1]["params"])

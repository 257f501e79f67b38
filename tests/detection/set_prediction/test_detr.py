"""DETR's forward against torch's attention and linear layers with the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.set_prediction.detr import DETR, SetPredictions, detr_candidates
from jaxdl.ops.position_encoding import sincos_grid
from tests.detection.thin import Thin

torch = pytest.importorskip("torch")
F = torch.nn.functional
WIDTH, HEADS, HIDDEN, QUERIES, CLASSES = 8, 2, 12, 5, 3


def tensor(x):
    return torch.tensor(np.asarray(x, np.float64))


class Twin:
    """The published order of operations, in float64; its weights are those of a Flax tree."""

    def __init__(self, params, norm_first):
        self.params, self.norm_first = params, norm_first

    def linear(self, p, x):
        return F.linear(x, tensor(p["kernel"]).T, tensor(p["bias"]))

    def norm(self, p, x):
        return F.layer_norm(x, x.shape[-1:], tensor(p["scale"]), tensor(p["bias"]), 1e-5)

    def attention(self, p, query, key, value):
        layer = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, dtype=torch.float64)
        kinds = ("query", "key", "value")
        state = {
            "in_proj_weight": torch.cat([tensor(p[k]["kernel"]).T for k in kinds]),
            "in_proj_bias": torch.cat([tensor(p[k]["bias"]) for k in kinds]),
            "out_proj.weight": tensor(p["out"]["kernel"]).T,
            "out_proj.bias": tensor(p["out"]["bias"]),
        }
        layer.load_state_dict(state)
        return layer(query, key, value)[0]

    def mlp(self, p, x):
        return self.linear(p["fc2"], F.relu(self.linear(p["fc1"], x)))

    def add(self, norm, x, part):
        if self.norm_first:
            return x + part(self.norm(norm, x))
        return self.norm(norm, x + part(x))

    def block(self, p, x, at, memory=None, memory_at=None):
        def own(y):
            return self.attention(p["self_attention"], y + at, y + at, y)

        def look(y):
            assert memory is not None
            return self.attention(p["cross_attention"], y + at, memory + memory_at, memory)

        x = self.add(p["norm_self"], x, own)
        if memory is not None:
            x = self.add(p["norm_cross"], x, look)
        return self.add(p["norm_mlp"], x, lambda y: self.mlp(p["mlp"], y))

    def __call__(self, features, at):
        p = self.params
        y = self.linear(p["project"], features)
        for i in (1, 2):
            y = self.block(p[f"encoder{i}"], y, at)
        memory = self.norm(p["encoder_norm"], y) if self.norm_first else y
        queries = tensor(p["queries"]).expand(len(y), -1, -1)
        z, classes, boxes = torch.zeros_like(queries), [], []
        for i in (1, 2):
            z = self.block(p[f"decoder{i}"], z, queries, memory, at)
            out = self.norm(p["decoder_norm"], z)
            classes.append(self.linear(p["classes"], out))
            for name in ("box_hidden1", "box_hidden2"):
                out = F.relu(self.linear(p[name], out))
            boxes.append(torch.sigmoid(self.linear(p["boxes"], out)))
        return torch.stack(classes, 1), torch.stack(boxes, 1)


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_forward_is_that_of_torchs_layers(norm_first):
    model = DETR(
        Thin(),
        CLASSES,
        num_queries=QUERIES,
        width=WIDTH,
        heads=HEADS,
        hidden=HIDDEN,
        encoder_depth=2,
        decoder_depth=2,
        norm_first=norm_first,
    )
    rng = np.random.default_rng(0)
    image = jnp.asarray(rng.normal(size=(2, 16, 24, 3)), jnp.float32)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), image, train=False))
    params = jax.tree.map(
        lambda x: jnp.asarray(rng.normal(0, 0.4, x.shape), jnp.float32), shapes["params"]
    )
    got = jax.jit(lambda p: model.apply({"params": p}, image, train=False))(params)
    stages = Thin().apply({"params": params["backbone"]}, image, train=False, stages=True)
    features = tensor(stages["last"]).reshape(2, 6, -1)
    project = params["project"]
    flat = {**params, "project": {**project, "kernel": project["kernel"].reshape(-1, WIDTH)}}
    with torch.no_grad():
        want = Twin(flat, norm_first)(features, tensor(sincos_grid(2, 3, WIDTH)))
    assert got.classes.shape == (2, 2, QUERIES, CLASSES + 1)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=2e-5)


def test_the_last_layer_answers_in_pixels():
    classes = jnp.zeros((1, 2, 2, 4)).at[0, 1, 0].set(jnp.array([0, 3.0, 1, 2]))
    classes = classes.at[0, 1, 1, 3].set(9.0)  # no object
    boxes = jnp.zeros((1, 2, 2, 4)).at[0, 1, 0].set(jnp.array([0.5, 0.25, 0.5, 0.5]))
    got, scores, labels = detr_candidates(SetPredictions(classes, boxes), (40, 80))
    np.testing.assert_allclose(got[0, 0], [20, 0, 60, 20])
    assert labels[0, 0] == 1
    np.testing.assert_allclose(scores[0, 0], np.exp(3) / np.exp([0, 3, 1, 2]).sum(), rtol=1e-6)
    np.testing.assert_allclose(scores[0, 1], 1 / (3 + np.exp(9)), rtol=1e-5)

"""The language model against torch's encoder layers under a causal mask, with the same weights."""

from functools import partial

import jax
import numpy as np
import pytest

from jaxdl.language.transformer import TransformerLM
from tests.layers.sequence.test_transformer import block_params, linear, norm, numpy_state

torch = pytest.importorskip("torch")
B, L, D, V = 2, 5, 8, 7


def from_torch(like, state, first):
    """Our tree with torch's numbers; attention's packed projections are split."""
    layers = {}
    for i in range(2):
        prefix = f"encoder.layers.{i}."
        layer = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        layers[f"block_{i}"] = block_params(layer, False)
    stack = dict(layers)
    if first:
        stack["norm"] = norm(state, "encoder.norm")
    params = {
        "embed": {"embed": {"table": state["table"]}, "positions_table": state["positions"]},
        "stack": stack,
        "head": linear(state, "head"),
    }
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, like)
    return params


class Twin(torch.nn.Module):
    """sqrt(D) W[ids] + learned positions, two layers, linear."""

    def __init__(self, first):
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(
            D, 2, 16, 0.0, "relu", batch_first=True, norm_first=first
        )
        last = torch.nn.LayerNorm(D) if first else None
        self.encoder = torch.nn.TransformerEncoder(layer, 2, last, enable_nested_tensor=False)
        self.table = torch.nn.Parameter(torch.zeros(V, D))
        self.positions = torch.nn.Parameter(torch.zeros(L, D))
        self.head = torch.nn.Linear(D, V)

    def forward(self, ids):
        x = D**0.5 * self.table[ids] + self.positions
        mask = torch.nn.Transformer.generate_square_subsequent_mask(L)
        return self.head(self.encoder(x, mask=mask))


@pytest.mark.parametrize("first", [True, False])
def test_logits_and_gradients_are_torchs(first):
    model = TransformerLM(V, L, D, 2, 2, 16, norm_first=first, positions="learned")
    ids = np.random.default_rng(0).integers(0, V, (B, L)).astype(np.int32)
    like = jax.eval_shape(partial(model.init, train=False), jax.random.key(0), ids)["params"]
    module = Twin(first)
    params = from_torch(like, numpy_state(module), first)

    def loss(params):
        logits = model.apply({"params": params}, ids, train=True)
        return (logits**2).sum(), logits

    (_, got), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    want = module(torch.tensor(ids).long())
    (want**2).sum().backward()
    np.testing.assert_allclose(got, want.detach(), atol=1e-4)
    theirs = {name: p.grad.numpy() for name, p in module.named_parameters()}
    for a, b in zip(
        *map(jax.tree.leaves, (gradient, from_torch(like, theirs, first))), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-4 * max(1, np.abs(b).max()), rtol=1e-3)

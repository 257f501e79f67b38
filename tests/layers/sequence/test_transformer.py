"""Attention layers and Transformer blocks against torch's with the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.sequence.attention import (
    AdditiveAttention,
    AttentionLayer,
    DotAttention,
    MultiHeadAttention,
    SelfAttention,
)
from jaxdl.layers.sequence.embed import TokenEmbed
from jaxdl.layers.sequence.transformer import Block, Stack
from jaxdl.ops.attention import causal_mask

torch = pytest.importorskip("torch")
B, L, M, D, HEADS, HIDDEN = 2, 5, 4, 8, 2, 16


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def attention_params(state, prefix):
    """torch's packed projections as ours."""
    weights = np.split(state[prefix + "in_proj_weight"], 3)
    biases = np.split(state[prefix + "in_proj_bias"], 3)
    names = ("query", "key", "value")
    made = {n: {"kernel": w.T, "bias": b} for n, w, b in zip(names, weights, biases, strict=True)}
    return made | {"out": linear(state, prefix + "out_proj")}


def linear(state, prefix):
    return {"kernel": state[prefix + ".weight"].T, "bias": state[prefix + ".bias"]}


def norm(state, prefix):
    return {"scale": state[prefix + ".weight"], "bias": state[prefix + ".bias"]}


def block_params(state, cross):
    params = {
        "self_attention": attention_params(state, "self_attn."),
        "mlp": {"fc1": linear(state, "linear1"), "fc2": linear(state, "linear2")},
        "norm_self": norm(state, "norm1"),
        "norm_mlp": norm(state, "norm3" if cross else "norm2"),
    }
    if cross:
        params["cross_attention"] = attention_params(state, "multihead_attn.")
        params["norm_cross"] = norm(state, "norm2")
    return params


def numpy_state(module, seed=1):
    """A state dict with every number random, so that no bias is zero."""
    state = {
        k: 0.4 * array(*v.shape, seed=seed + i)
        for i, (k, v) in enumerate(module.state_dict().items())
    }
    module.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    return state


def gradients_of(module):
    return {name: p.grad.numpy() for name, p in module.named_parameters()}


def close(got, want, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol, rtol=1e-4), got, want)


def test_multi_head_attention_is_torchs():
    theirs = torch.nn.MultiheadAttention(D, HEADS, batch_first=True)
    params = attention_params(numpy_state(theirs), "")
    x, context = array(B, L, D), array(B, M, D, seed=9)
    kept = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    ours = MultiHeadAttention(HEADS, D)

    def loss(params, x):
        y, weights = ours.apply({"params": params}, x, context, mask=kept[:, None])
        return jnp.sum(jnp.sin(y)), (y, weights)

    (_, (y, weights)), (grads, dx) = jax.value_and_grad(loss, (0, 1), has_aux=True)(params, x)
    tx, tc = torch.tensor(x, requires_grad=True), torch.tensor(context)
    want, want_weights = theirs(
        tx, tc, tc, key_padding_mask=torch.tensor(~kept), average_attn_weights=False
    )
    torch.sin(want).sum().backward()
    close(y, want.detach().numpy(), 1e-5)
    close(weights, want_weights.detach().numpy(), 1e-6)
    close(dx, tx.grad.numpy(), 1e-4)
    close(grads, attention_params(gradients_of(theirs), ""), 1e-4)


@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_blocks_are_torchs(cross, first):
    cls = torch.nn.TransformerDecoderLayer if cross else torch.nn.TransformerEncoderLayer
    act = "gelu" if first else "relu"
    theirs = cls(D, HEADS, HIDDEN, 0.0, act, batch_first=True, norm_first=first)
    params = block_params(numpy_state(theirs), cross)
    ours_act = (lambda v: jax.nn.gelu(v, approximate=False)) if first else jax.nn.relu
    ours = Block(HEADS, D, HIDDEN, cross, norm_first=first, act=ours_act)
    x, memory = array(B, L, D), array(B, M, D, seed=9) if cross else None
    mask = causal_mask(L)[None]

    def loss(params, x):
        y, _ = ours.apply({"params": params}, x, memory, mask=mask, train=True)
        return jnp.sum(jnp.sin(y)), y

    (_, y), (grads, dx) = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(params, x)
    tx = torch.tensor(x, requires_grad=True)
    hidden = torch.tensor(~np.asarray(mask[0]))
    if cross:
        want = theirs(tx, torch.tensor(memory), tgt_mask=hidden)
    else:
        want = theirs(tx, src_mask=hidden)
    torch.sin(want).sum().backward()
    close(y, want.detach().numpy(), 1e-5)
    close(dx, tx.grad.numpy(), 1e-4)
    close(grads, block_params(gradients_of(theirs), cross), 1e-4)


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_cached_steps_equal_the_whole(rotary, first):
    stack = Stack(2, HEADS, D, HIDDEN, True, norm_first=first, rotary=rotary)
    x, memory = array(B, L, D), array(B, M, D, seed=9)
    seen = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)[:, None]
    options = {"mask": causal_mask(L)[None], "memory_mask": seen, "train": False}
    (want, weights), variables = stack.init_with_output(jax.random.key(0), x, memory, **options)
    assert weights.shape == (B, 2, HEADS, L, M)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)

    @jax.jit
    def step(x, caches, at):
        return stack.apply(variables, x, caches, at, seen, method="step")

    caches = stack.apply(variables, memory, B, L, method="start")
    for t in range(L):
        y, caches = step(x[:, t : t + 1], caches, jnp.int32(t))
        np.testing.assert_allclose(y, want[:, t : t + 1], atol=1e-5)


def test_rotary_positions_are_seen():
    x = np.repeat(array(1, 1, D), 3, axis=1)  # equal tokens: only positions tell them apart
    x[0, 1] += array(D, seed=2)
    outs = {}
    for rotary in (False, True):
        layer = MultiHeadAttention(HEADS, D, rotary)
        (y, _), _ = layer.init_with_output(jax.random.key(0), x)
        outs[rotary] = np.asarray(y)
    np.testing.assert_allclose(outs[False][0, 0], outs[False][0, 2], atol=1e-6)
    assert np.abs(outs[True][0, 0] - outs[True][0, 2]).max() > 1e-3


def test_self_attention_is_permutation_equivariant():
    x, order = array(B, L, D), np.array([3, 0, 4, 1, 2])
    for layer in (SelfAttention(6), MultiHeadAttention(HEADS, D)):
        (y, _), variables = layer.init_with_output(jax.random.key(0), x)
        moved, _ = layer.apply(variables, x[:, order])
        np.testing.assert_allclose(moved, y[:, order], atol=1e-6)
        masked, _ = layer.apply(variables, x, mask=causal_mask(L)[None])
        assert np.abs(np.asarray(masked - y)).max() > 1e-3


@pytest.mark.parametrize(
    "layer", [AttentionLayer(3), DotAttention(), AdditiveAttention(5), MultiHeadAttention(HEADS, D)]
)
def test_masked_positions_change_nothing(layer):
    query, memory = array(B, 3, D), array(B, L, D, seed=1)
    mask = np.array([1, 1, 0, 1, 0], bool)[None, None]
    (y, weights), variables = layer.init_with_output(jax.random.key(0), query, memory, mask=mask)
    other = memory.copy()
    other[:, [2, 4]] = 1e3
    again, _ = layer.apply(variables, query, other, mask=mask)
    np.testing.assert_array_equal(y, again)
    np.testing.assert_array_equal(np.asarray(weights)[..., [2, 4]], 0)
    assert y.shape[:2] == (B, 3)


def test_the_attention_layer_in_loops():
    query, x = array(1, 2, 3), array(1, 4, 5, seed=1)
    layer = AttentionLayer(6)
    (y, weights), variables = layer.init_with_output(jax.random.key(0), query, x)
    wk, wv = (np.float64(variables["params"][n]["kernel"]) for n in ("key", "value"))
    for m in range(2):
        e = np.array([query[0, m] @ (x[0, n] @ wk) for n in range(4)]) / np.sqrt(3)
        a = np.exp(e) / np.exp(e).sum()
        np.testing.assert_allclose(weights[0, m], a, atol=1e-5)
        np.testing.assert_allclose(y[0, m], sum(a[n] * (x[0, n] @ wv) for n in range(4)), atol=1e-5)


@pytest.mark.parametrize("positions", ["sincos", "learned", "none"])
def test_embedded_tokens_begin_where_they_are_told(positions):
    embed = TokenEmbed(7, 4, 6, positions)
    ids = jnp.array([[1, 2, 1, 5]])
    whole, variables = embed.init_with_output(jax.random.key(0), ids)
    np.testing.assert_allclose(embed.apply(variables, ids[:, 2:], 2), whole[:, 2:], atol=1e-6)
    same = np.allclose(whole[0, 0], whole[0, 2])
    assert same == (positions == "none")
    scaled = 2 * variables["params"]["embed"]["table"][1]
    added = {"sincos": [0, 1, 0, 1], "none": 0}.get(positions)
    if added is None:
        added = variables["params"]["positions_table"][0]
    np.testing.assert_allclose(whole[0, 0], scaled + jnp.asarray(added), atol=1e-6)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="7 tokens are more than .*max_len.* of 6"):
        TokenEmbed(7, 4, 6).init(jax.random.key(0), jnp.zeros((1, 7), jnp.int32))
    with pytest.raises(ValueError, match=r"width \(=8\) must divide into heads \(=3\)"):
        MultiHeadAttention(3, 8).init(jax.random.key(0), array(1, 2, 8))

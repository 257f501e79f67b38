"""Every twin computes what its model does: outputs, states and gradients, in torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxdl.interop.torch_twins.registry import twin_of  # noqa: E402
from jaxdl.language.char_lm import CharacterModel  # noqa: E402
from jaxdl.models.registry import create_model  # noqa: E402
from jaxdl.video.models.c3d import C3D  # noqa: E402

MODELS = {
    "softmax": ("mlp", {"hidden": ()}, (8, 8, 2)),
    "mlp": ("mlp", {"hidden": (7, 5)}, (8, 8, 2)),
    "lenet": ("lenet", {"conv1": 3, "conv2": 4, "hidden": 6}, (8, 8, 2)),
    "cifar_convnet": ("cifar_convnet", {"filters": (3, 4, 5), "hidden": 6}, (8, 8, 3)),
    "deep": ("deep_convnet", {"filters": (3, 4, 5), "pools": (1, 3)}, (8, 8, 1)),
    "deep_norm": (
        "deep_convnet",
        {"filters": (3, 4), "pools": (2,), "batch_norm": True},
        (8, 8, 3),
    ),
    "inception": (
        "mnist_inception",
        {"filters": (3, 4), "narrow": 2, "wide": 3},
        (20, 20, 1),
    ),
    "residual": ("mnist_residual", {"filters": (3, 4)}, (20, 20, 1)),
    "preact": ("preact_resnet20", {"blocks": (2, 1), "width": 4}, (8, 8, 3)),
    "plain": ("preact_plain20", {"blocks": (1, 1), "width": 4}, (8, 8, 3)),
    "vit": ("cifar_vit", {"width": 12, "depth": 2, "heads": 3, "hidden": 8}, (8, 8, 3)),
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def randomized(tree):
    """Nothing at its start: zero heads and unit scales would hide a wrong name."""
    leaves, kind = jax.tree.flatten(tree)
    leaves = [0.3 * normal(*x.shape, seed=i) + (x == 1) for i, x in enumerate(leaves)]
    tree = jax.tree.unflatten(kind, leaves)
    if "batch_stats" in tree:
        tree["batch_stats"] = jax.tree.map(lambda v: np.abs(v) + 0.5, tree["batch_stats"])
    return tree


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("train", [True, False])
def test_a_twin_computes_what_its_model_does(case, train):
    name, options, size = MODELS[case]
    model, x = create_model(name, 5, **options), normal(3, *size)
    start = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = randomized(jax.tree.map(lambda s: np.ones(s.shape, np.float32), start))
    twin = twin_of(model, x.shape)
    twin.load(variables)
    twin.module.train(train)

    def ours(params):
        kept = {name: value for name, value in variables.items() if name != "params"}
        out = model.apply({"params": params, **kept}, x, train=train, mutable=list(kept))[0]
        return jnp.sum(out**2), out

    (_, out), grads = jax.jit(jax.value_and_grad(ours, has_aux=True))(variables["params"])
    theirs = twin.module(torch.tensor(x.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(theirs.detach().numpy(), out, rtol=1e-4, atol=1e-5)
    (theirs**2).sum().backward()
    own = twin.arrays({"params": grads})
    for path, parameter in twin.module.named_parameters():
        scale = max(float(np.abs(own[path]).max()), 1e-2)
        np.testing.assert_allclose(parameter.grad.numpy(), own[path], atol=2e-4 * scale)
    assert {twin.layer(path) for path in ("head", "fc2")} & set(dict(twin.module.named_modules()))


def test_the_twin_of_a_network_for_clips():
    model, x = C3D(4, stages=(1, 2), features=(2, 3), hidden=(6, 5)), normal(2, 3, 5, 6, 3)
    start = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = randomized(jax.tree.map(lambda s: np.ones(s.shape, np.float32), start))
    twin = twin_of(model, x.shape)
    twin.load(variables)
    out = jax.jit(lambda v: model.apply(v, x, train=False))(variables)
    theirs = twin.module(torch.tensor(x.transpose(0, 1, 4, 2, 3)))
    np.testing.assert_allclose(theirs.detach().numpy(), out, rtol=1e-4, atol=1e-5)
    assert [twin.layer(name) for name in ("conv1_1", "fc3", "head")] == [None, "fc3", "head"]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("embedding", [0, 3])
def test_the_twin_of_a_text_model(cell, embedding):
    model = CharacterModel(6, 4, cell, layers=2, embedding_dim=embedding)
    ids = np.random.default_rng(0).integers(0, 6, (3, 5))
    variables = randomized(jax.device_get(model.init(jax.random.key(0), ids, train=False)))
    twin = twin_of(model, ids.shape)
    twin.load(variables)
    out, state = model.apply(variables, jnp.asarray(ids), train=False)
    theirs, their_state = twin.module(torch.tensor(ids))
    np.testing.assert_allclose(theirs.detach().numpy(), out, atol=1e-5)
    their_state = their_state[0] if cell == "lstm" else their_state
    np.testing.assert_allclose(their_state.detach().numpy().swapaxes(0, 1), state[0], atol=1e-5)
    free = {name: mask.sum() for name, mask in twin.still.items()}
    assert set(free.values()) == {4.0 if cell == "gru" else 0.0}
    assert len(free) == 2

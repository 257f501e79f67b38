"""Blocks computed again: the same values, and less that a gradient keeps, in every deep family."""

import jax
import jax.numpy as jnp
import pytest

from jaxdl.checks import UsageError
from jaxdl.language.transformer import TransformerLM
from jaxdl.layers.repeated_block import remat
from jaxdl.models.registry import create_model
from jaxdl.video.models.attention import SpaceTimeTransformer
from jaxdl.video.models.slowfast import SlowFast
from jaxdl.video.models.video_resnet import VideoResNet

IMAGE, CLIP = (2, 32, 32, 3), (2, 8, 32, 32, 3)
THIN = {"blocks": (1, 1, 1, 1)}
FAMILIES = {  # and the shape that they are given
    "vit": (lambda: create_model("cifar_vit", 4, depth=2, width=32, heads=2, dropout=0.1), IMAGE),
    "swin": (lambda: create_model("swin_t", 4, depths=(1, 1), heads=(2, 4), width=16), IMAGE),
    "resnet": (lambda: create_model("resnet18", 4, **THIN), IMAGE),
    "bottleneck": (lambda: create_model("resnet50", 4, **THIN), IMAGE),
    "preact": (lambda: create_model("preact_resnet20", 4, blocks=(1, 1, 1)), IMAGE),
    "densenet": (lambda: create_model("densenet121", 4, blocks=(2, 2), growth=8), IMAGE),
    "convnext": (lambda: create_model("convnext_tiny", 4, blocks=(1, 1, 1, 1)), IMAGE),
    "mobilenet_v2": (lambda: create_model("mobilenet_v2", 4, width=0.25), IMAGE),
    "clips": (lambda: VideoResNet(4, stem="2+1d", blocks=(1, 1, 1, 1), width=8), CLIP),
    "slowfast": (lambda: SlowFast(4, blocks=(1, 1, 1, 1), width=8, small=True), CLIP),
    "space_time": (lambda: SpaceTimeTransformer(4, 8, 2, 16, 2, 2, 32), CLIP),
}


def loss_of(model, shape):
    """A loss of (params, all other variables) with what training changes; what makes both."""
    x = jax.random.normal(jax.random.key(2), shape)

    def start():
        variables = model.init(jax.random.key(0), x, train=False)
        return variables.pop("params"), variables

    def loss(params, rest):
        options = {"rngs": {"dropout": jax.random.key(1)}, "mutable": ["batch_stats"]}
        out, changed = model.apply({"params": params, **rest}, x, train=True, **options)
        return jnp.sum(jnp.sin(3 * out + 1)), changed

    return loss, start


def kept(loss, start):
    """Bytes that the gradient of `loss` keeps of the forward pass, without its parameters."""
    params, rest = jax.eval_shape(start)

    def held(params, rest):
        return jax.tree.leaves(jax.vjp(lambda p: loss(p, rest), params, has_aux=True)[1])

    sizes = [
        sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))
        for tree in (jax.eval_shape(held, params, rest), params)
    ]
    return sizes[0] - sizes[1]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_gradient_keeps_less(name):
    make, shape = FAMILIES[name]
    loss, start = loss_of(make(), shape)
    assert kept(remat(loss), start) < 0.8 * kept(loss, start)


def test_a_transformers_blocks_with_masks_keep_less():
    model, tokens = TransformerLM(7, 16, 32, depth=4, hidden=64), jnp.arange(32).reshape(2, 16) % 7

    def loss(params, rest):
        return jnp.sum(model.apply(params, tokens, train=True) ** 2), None

    start = lambda: (model.init(jax.random.key(0), tokens, train=False), {})  # noqa: E731
    assert kept(remat(loss), start) < 0.8 * kept(loss, start)


@pytest.mark.parametrize("name", ["vit", "resnet"])  # dropout, batch statistics
def test_loss_gradient_and_statistics_are_the_same(name):
    make, shape = FAMILIES[name]
    loss, start = loss_of(make(), shape)
    params, rest = jax.jit(start)()
    given = jax.tree.map(lambda x: x + 0.02, params), rest  # a last layer starts at zero
    there = jax.jit(jax.value_and_grad(loss, has_aux=True))(*given)
    here = jax.jit(jax.value_and_grad(remat(loss), has_aux=True))(*given)
    largest = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(there[1]))
    for a, b in zip(jax.tree.leaves(there), jax.tree.leaves(here), strict=True):
        assert jnp.allclose(a, b, rtol=1e-5, atol=1e-6 * largest)


def test_a_model_without_blocks_is_refused():
    loss, start = loss_of(create_model("mlp", 4, hidden=(5,)), (2, 8, 8, 1))
    with pytest.raises(UsageError, match=r"loop\.remat"):
        jax.eval_shape(remat(loss), *jax.eval_shape(start))

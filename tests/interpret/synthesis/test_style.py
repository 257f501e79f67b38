"""The whole loss of style transfer and its gradient against torch on torchvision's SqueezeNet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.interpret.synthesis.style import StyleWeights, style_objective
from tests.interpret.tiny_nets import Pooled, network_of, pictures, torchvision_pair

WEIGHTS = StyleWeights("fire3", 0.3, ("conv1", "fire4"), (7.0, 2.0), 0.05)


@pytest.fixture(scope="module")
def pair(torchvision):
    with jax.enable_x64(True):
        yield torchvision_pair(torchvision, "squeezenet1_1")


def torch_stages(twin, x):
    """conv1, fire3 and fire4 of torchvision's: behind the pools that follow them."""
    out = {}
    for i, layer in enumerate(twin.features):
        x = layer(x)
        out |= {name: x for name, at in (("conv1", 2), ("fire3", 5), ("fire4", 6)) if i == at}
    return out


def torch_gram(f):
    flat = f.reshape(len(f), f.shape[1], -1)
    return flat @ flat.transpose(1, 2) / (f.shape[1] * flat.shape[2])


@pytest.mark.parametrize(("content", "mix"), [(True, (0.25, 2.0)), (False, ())])
def test_the_loss_and_its_gradient_are_torchs(pair, content, mix):
    torch = pytest.importorskip("torch")
    network, twin, images, torch_images, *_ = pair
    x, styles = images[:1] * 0.7, [images[1:], images[:1, ::-1]]
    goal = style_objective(network, WEIGHTS, styles, images[:1] if content else None, mix=mix)
    losses, grads = jax.jit(jax.value_and_grad(lambda goal, x: goal(x).sum(), argnums=1))(goal, x)
    px = (torch_images[:1] * 0.7).requires_grad_()
    got = torch_stages(twin, px)
    want = 0.05 * (torch.diff(px, dim=2).pow(2).sum() + torch.diff(px, dim=3).pow(2).sum())
    if content:
        want = (
            want + 0.3 * (got["fire3"] - torch_stages(twin, torch_images[:1])["fire3"]).pow(2).sum()
        )
    for m, style in zip(
        mix or (0.5, 0.5), (torch_images[1:], torch_images[:1].flip(2)), strict=True
    ):
        target = torch_stages(twin, style)
        for name, w in (("conv1", 7.0), ("fire4", 2.0)):
            want = want + m * w * (torch_gram(got[name]) - torch_gram(target[name])).pow(2).sum()
    want.backward()
    np.testing.assert_allclose(losses, want.detach(), rtol=1e-5)
    wanted = px.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(grads, wanted, atol=1e-4 * np.abs(wanted).max())


def test_what_cannot_be_is_named():
    x = pictures(1, 8)
    network = network_of(Pooled(), x)
    ok = StyleWeights("map", 1.0, ("map",), (1.0,))
    for weights, styles, options, words in (
        (
            StyleWeights("mop", 1.0, ("map",), (1.0,)),
            [x],
            {},
            "there is no 'mop'; did you mean map",
        ),
        (
            StyleWeights("map", 1.0, ("logits",), (1.0,)),
            [x],
            {},
            r"'logits': must be a map.*\(3,\)",
        ),
        (ok, [], {}, "one style picture or more"),
        (ok, [x], {"mix": (1.0, 2.0)}, r"one number >= 0 per style.*\(1.0, 2.0\) for 1"),
        (ok, [x], {"mix": (0.0,)}, "not all 0"),
    ):
        with pytest.raises(ValueError, match=words):
            style_objective(network, weights, styles, x, **options)
    with pytest.raises(ValueError, match="got 1 weights for a, b"):
        StyleWeights(styles=("a", "b"), style_weights=(1.0,))
    with pytest.raises(ValueError, match="weights must be >= 0"):
        StyleWeights(tv_weight=-1.0)


def test_of_a_texture_the_content_may_have_any_name():
    x = pictures(1, 8)
    goal = style_objective(
        network_of(Pooled(), x), StyleWeights("", 1.0, ("map",), (2.0,), 0.0), [x]
    )
    np.testing.assert_allclose(goal(x), 0.0, atol=1e-6)
    assert float(goal(jnp.flip(x, 1) * 2)[0]) > 0

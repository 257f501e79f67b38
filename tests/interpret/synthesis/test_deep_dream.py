"""DeepDream of one octave is ascent; octaves by torch's resizing; sizes and errors by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.interpret.open_network import Pixels
from jaxdl.interpret.synthesis.deep_dream import Dream, deep_dream, octave_sizes
from jaxdl.interpret.synthesis.targets import Energy
from tests.interpret.tiny_nets import Pooled, network_of, pictures

WIDE = Pixels((0.5, 0.5, 0.5), (0.05, 0.05, 0.05))
X = pictures(1, 46)
NETWORK = network_of(Pooled(), X)


@pytest.mark.parametrize(("octaves", "scale"), [(1, 1.4), (2, 1.2)])
def test_a_dream_without_jitter_is_the_loop_in_torch(octaves, scale):
    torch = pytest.importorskip("torch")
    how = Dream(octaves, scale, steps=2, lr=0.3, jitter=0)
    params = NETWORK.variables["params"]["conv"]
    kernel = torch.tensor(np.asarray(params["kernel"]).transpose(3, 2, 0, 1))
    whole = torch.tensor(np.asarray(X).transpose(0, 3, 1, 2))

    def resized(x, side, antialias):
        return torch.nn.functional.interpolate(
            x, (side, side), mode="bilinear", antialias=antialias
        )

    sides = [round(46 * scale**-i) for i in reversed(range(octaves))]
    detail = torch.zeros(1, 3, sides[0], sides[0])
    for side in sides:
        base = resized(whole, side, True)
        dream = (base + resized(detail, side, False)).clip(-10, 10)
        for _ in range(how.steps):
            dream = dream.detach().requires_grad_()
            energy = torch.relu(torch.nn.functional.conv2d(dream, kernel, padding=1)).pow(2).sum()
            (g,) = torch.autograd.grad(energy, dream)
            dream = (dream + how.lr * g / g.pow(2).mean().sqrt()).clip(-10, 10)  # rms of 1
        detail = dream.detach() - base
    want = (whole + detail).numpy().transpose(0, 2, 3, 1)
    got = deep_dream(NETWORK, X, Energy("map"), WIDE, how, key=jax.random.key(0))
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_jitter_moves_a_dream_and_the_same_key_gives_the_same():
    still, moved = (Dream(1, 1.4, 2, 0.3, jitter) for jitter in (0, 5))
    args = NETWORK, X, Energy("map"), WIDE
    one, two, three = (
        deep_dream(*args, how, key=jax.random.key(1)) for how in (still, moved, moved)
    )
    np.testing.assert_array_equal(two, three)
    assert float(jnp.abs(one - two).max()) > 1e-3


def test_octaves_have_the_sizes_of_the_scale_and_small_ones_are_refused():
    assert octave_sizes((256, 128), Dream(3, 1.5)) == [(114, 57), (171, 85), (256, 128)]
    with pytest.raises(ValueError, match=r"smallest of 3 octaves would have \(50, 25\).*fewer"):
        octave_sizes((200, 100), Dream(3, 2.0))
    for options in ({"octaves": 0}, {"scale": 1.0}, {"lr": 0.0}, {"steps": -1}):
        with pytest.raises(ValueError, match="octaves >= 1"):
            Dream(**options)

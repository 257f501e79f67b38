"""Adam in a picture against torch's; inversion of a linear stage finds the picture again."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from jaxdl.checks import DivergedError
from jaxdl.interpret.open_network import Pixels
from jaxdl.interpret.synthesis.descent import Descent, descend
from jaxdl.interpret.synthesis.inversion import inversion_of, pixel_error
from tests.interpret.tiny_nets import Cubic, network_of, pictures

X = pictures(side=6)
WIDE = Pixels((0.5, 0.5, 0.5), (0.05, 0.05, 0.05))  # values from -10 to 10
NARROW = Pixels((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))  # from -0.5 to 0.5


class Bowl(struct.PyTreeNode):
    """sum c (x - a)^2, by hand."""

    a: jnp.ndarray
    c: jnp.ndarray

    def __call__(self, images):
        return jnp.sum(self.c * jnp.square(images - self.a), (1, 2, 3))


@pytest.mark.parametrize(("pixels", "half"), [(WIDE, 10.0), (NARROW, 0.5)])
def test_steps_are_torchs_adam_with_a_cosine_rate(pixels, half):
    torch = pytest.importorskip("torch")
    c = np.random.default_rng(1).uniform(0.1, 3, X.shape).astype(np.float32)
    how = Descent(steps=9, lr=0.2)
    seen = []
    got, losses = descend(
        Bowl(jnp.ones_like(X), jnp.asarray(c)), X, pixels, how, on_step=lambda *a: seen.append(a)
    )
    x = torch.tensor(np.asarray(X), requires_grad=True)
    adam = torch.optim.Adam([x], lr=0.2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 9)
    for step in range(9):
        adam.zero_grad()
        loss = (torch.tensor(c) * (x - 1) ** 2).sum((1, 2, 3))
        np.testing.assert_allclose(losses[step], loss.detach(), rtol=1e-4)
        loss.sum().backward()
        adam.step()
        schedule.step()
        with torch.no_grad():
            x.clamp_(-half, half)
    np.testing.assert_allclose(got, x.detach(), atol=1e-4)
    assert [step for step, _ in seen] == list(range(9))
    np.testing.assert_array_equal(seen[-1][1], got)


def test_inversion_of_a_stage_that_keeps_all_finds_the_picture():
    network = network_of(Cubic(), X)
    blank = 0.0 * X
    got, losses = descend(inversion_of(network, X, "map", tv=0.0), blank, WIDE, Descent(200, 0.2))
    np.testing.assert_allclose(losses[0], 1.0, rtol=1e-5)  # of features that are 0
    np.testing.assert_allclose(got, X, atol=0.02)
    flat, _ = descend(inversion_of(network, X, "map", tv=50.0), blank, WIDE, Descent(200, 0.2))
    assert float(jnp.abs(jnp.diff(flat, axis=1)).mean()) < 0.2  # variation has its price


def test_the_error_of_pixels_is_by_hand():
    a, b = np.zeros((2, 1, 2, 1)), np.array([[[[0.0], [0.0]]], [[[0.6], [0.8]]]])
    np.testing.assert_allclose(pixel_error(a, b), [0, 0.5**0.5])


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match="there is no 'mop'; did you mean map"):
        inversion_of(network_of(Cubic(), X), X, "mop")
    with pytest.raises(DivergedError, match="not finite at step 0; take a smaller lr than 0.1"):
        descend(Bowl(X, jnp.full_like(X, jnp.nan)), X, WIDE, Descent(3))
    for options in ({"steps": 0}, {"lr": -1.0}):
        with pytest.raises(ValueError, match="steps must be >= 1 and lr > 0"):
            Descent(**options)

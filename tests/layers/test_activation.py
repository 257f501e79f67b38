"""PReLU against torch's, maxout against NumPy's maximum."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.activation import Maxout, PReLU, activation_layer, width_before

X = np.random.default_rng(0).normal(size=(4, 3, 6)).astype(np.float32)


@pytest.mark.parametrize("per_channel", [False, True])
def test_prelu_is_torchs(per_channel):
    torch = pytest.importorskip("torch")
    twin = torch.nn.PReLU(6 if per_channel else 1)
    slope = np.linspace(0.1, 0.6, 6 if per_channel else 1).astype(np.float32)
    with torch.no_grad():
        twin.weight.copy_(torch.tensor(slope))
    want = twin(torch.tensor(X).reshape(12, 6)).reshape(4, 3, 6)
    (want**2).sum().backward()
    layer = PReLU(per_channel=per_channel)

    def loss(params):
        y = layer.apply({"params": params}, jnp.asarray(X))
        return jnp.sum(y**2), y

    grads, y = jax.grad(loss, has_aux=True)({"slope": jnp.asarray(slope)})
    np.testing.assert_allclose(y, want.detach(), atol=1e-6)
    np.testing.assert_allclose(grads["slope"], twin.weight.grad, rtol=1e-4)
    start = layer.init(jax.random.key(0), X)["params"]["slope"]
    np.testing.assert_allclose(start, 0.25)


@pytest.mark.parametrize("pieces", [2, 3])
def test_maxout_is_the_largest_of_its_pieces(pieces):
    y = Maxout(pieces).apply({}, jnp.asarray(X))
    want = [[[max(row[i : i + pieces]) for i in range(0, 6, pieces)] for row in m] for m in X]
    np.testing.assert_array_equal(y, want)
    with pytest.raises(ValueError, match="4 pieces must divide the channels"):
        Maxout(4).apply({}, jnp.asarray(X))


@pytest.mark.parametrize("name", ["maxout", "prelu", "tanh"])
def test_a_layer_before_it_is_wide_enough(name):
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Dense(width_before(name, 5), name="dense")(x)
            return activation_layer(name)(x)

    assert Net().init_with_output(jax.random.key(0), X)[0].shape == (4, 3, 5)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="activation: there is no 'maxot'; did you mean maxout"):
        activation_layer("maxot")

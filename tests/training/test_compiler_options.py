"""What a program is compiled with follows from what it holds, seen in what XLA makes of it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxdl.layers.conv import Conv
from jaxdl.runs import environment
from jaxdl.training import compiler_options as module
from jaxdl.training.compiler_options import compiler_options, is_recurrent


class Net(nn.Module):
    """A product; inside a loop where it is `recurrent`; after a convolution where that is asked."""

    recurrent: bool
    convolves: bool = False

    @nn.compact
    def __call__(self, x):
        w = self.param("w", nn.initializers.normal(), (64, 64), jnp.float32)
        if self.convolves:
            x = Conv(64, 3, padding=1)(x[..., None, :])[..., 0, :]
        if not self.recurrent:
            return jnp.tanh(x @ w)
        return jax.lax.scan(lambda h, x: (jnp.tanh(h @ w + x), None), x[:, 0], x.swapaxes(0, 1))[0]


def step_of(**options):
    """The gradient of a net's sum, and what it is taken at."""
    model, x = Net(**options), jnp.ones((64, 5, 64), jnp.float32)
    params = model.init(jax.random.key(0), x)
    return jax.grad(lambda params: jnp.sum(model.apply(params, x) ** 2)), params


@pytest.fixture
def known(monkeypatch):
    """A process that the commands prepared, with a compiler that takes the option."""
    if not environment.takes_cpu_option():
        pytest.skip("this jaxlib is not known to take the option")
    monkeypatch.setenv("XLA_FLAGS", f"--{environment.CPU_OPTION}={environment.REDUCTIONS}")


def test_a_loop_of_products_without_a_convolution_is_recurrent():
    for options, wanted in (
        ({"recurrent": True}, True),
        ({"recurrent": False}, False),
        ({"recurrent": True, "convolves": True}, False),
    ):
        step, params = step_of(**options)
        assert is_recurrent(jax.make_jaxpr(step)(params).jaxpr) == wanted, options


@pytest.mark.parametrize("recurrent", [True, False])
def test_the_library_gets_products_of_a_recurrent_net_alone(known, recurrent):
    step, params = step_of(recurrent=recurrent)
    options = compiler_options(jax.make_jaxpr(step)(params), "cpu")
    made = jax.jit(step).lower(params).compile(compiler_options=options).as_text()
    assert ("ynn_fusion" in made) == recurrent  # small sums stay with XLA, whatever the option


def test_other_devices_other_compilers_and_a_persons_own_choice_are_left_alone(known, monkeypatch):
    step, params = step_of(recurrent=True)
    jaxpr = jax.make_jaxpr(step)(params)
    assert compiler_options(jaxpr, "cpu")
    assert compiler_options(jaxpr, "gpu") is None
    monkeypatch.setenv("XLA_FLAGS", f"--{environment.CPU_OPTION}=LIBRARY_FUSION_TYPE_DOT")
    assert compiler_options(jaxpr, "cpu") is None
    monkeypatch.setenv("XLA_FLAGS", "")
    assert compiler_options(jaxpr, "cpu")
    monkeypatch.setattr(module, "takes_cpu_option", lambda: False)
    assert compiler_options(jaxpr, "cpu") is None

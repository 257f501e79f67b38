"""torch's own rules take the steps of the configs; what torch has not is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxdl.checks import UsageError  # noqa: E402
from jaxdl.interop.torch_twins.optimizers import TorchRule  # noqa: E402
from jaxdl.optim.config import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, OptimConfig, RMSprop  # noqa: E402
from jaxdl.optim.optimizer import make_optimizer  # noqa: E402


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


OPTIMIZERS = [
    SGD(lr=0.1, weight_decay=0.01, clip_norm=0.5),
    Momentum(lr=0.1, momentum=0.7, clip_value=0.2),
    Nesterov(lr=0.1, weight_decay=0.1, decay_paths=("*",)),
    Adagrad(lr=0.1, eps=1e-3, adagrad_init=0.2),
    RMSprop(lr=0.01, rmsprop_decay=0.8, centered=True, rmsprop_momentum=0.5),
    Adam(lr=0.01, b1=0.8, b2=0.9, eps=1e-3, weight_decay=0.1),
    Adam(lr=0.01, weight_decay=0.1, decoupled=True),
    AdamW(lr=0.01, weight_decay=0.2),
]


@pytest.mark.parametrize("optim", OPTIMIZERS, ids=lambda o: o.name)
def test_torchs_rule_is_that_of_the_config(optim):
    params = {"kernel": jnp.asarray(normal(3, 2)), "bias": jnp.asarray(normal(2, seed=1))}
    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(np.asarray(params["kernel"]).T))
        module.bias.copy_(torch.tensor(np.asarray(params["bias"])))
    tx = make_optimizer(optim, 10)
    state = tx.init(params)
    whole = bool(optim.decay_paths)
    rule = TorchRule(optim, module, {"weight": True, "bias": whole})
    for step in range(5):
        grads = {"kernel": normal(3, 2, seed=9 + step), "bias": normal(2, seed=99 + step)}
        updates, state = tx.update(jax.tree.map(jnp.asarray, grads), state, params)
        params = jax.tree.map(jnp.add, params, updates)
        module.weight.grad = torch.tensor(grads["kernel"].T.copy())
        module.bias.grad = torch.tensor(grads["bias"])
        rule.step(optim.lr)
    np.testing.assert_allclose(module.weight.detach().numpy().T, params["kernel"], atol=2e-6)
    np.testing.assert_allclose(module.bias.detach().numpy(), params["bias"], atol=2e-6)


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("adam", {"l1": 0.1}, "optim.l1"),
        ("adam", {"ema": 0.9}, "optim.ema"),
        ("adam", {"eps_in_root": True}, "optim.eps_in_root"),
        ("sgd", {"decoupled": True}, "decoupled"),
        ("lbfgs", {}, "lbfgs"),
    ],
)
def test_a_rule_that_torch_has_not_is_refused(name, options, word):
    with pytest.raises(UsageError, match=word):
        TorchRule(
            OptimConfig.choose(name)(**options),
            torch.nn.Linear(2, 2),
            {"weight": True, "bias": False},
        )

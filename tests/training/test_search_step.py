"""L-BFGS in the same loop, on whole batches, against SciPy's and torch's optimum."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import optimize

from jaxdl.checks import UsageError
from jaxdl.optim.config import LBFGS
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import as_it_is, supervised

from .toys import points

DECAY = 0.01


def softmax_regression(optim, batch_size=64):
    """A linear classifier of the toy's points: with L2 decay a strictly convex problem."""
    import flax.linen as nn

    class Linear(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            return nn.Dense(2, name="out")(x)

    model = Linear()

    def loss_fn(params, extra, batch, key):
        logits, extra = apply_train(model, params, extra, batch["x"], key)
        own = jnp.take_along_axis(logits, batch["label"][:, None], axis=1)[:, 0]
        loss = jax.nn.logsumexp(logits, axis=1) - own
        return global_mean(loss), (extra, {"loss": (loss.sum(), loss.size)})

    splits = {"train": points(64, batch_size)}
    return supervised(
        model, splits, as_it_is, loss_fn, optim, loop=LoopConfig(steps=40), inputs="x"
    )


def value(flat, decay=DECAY):
    """The same loss in float64, from a vector of the 10 weights and 2 biases."""
    arrays = points(64, 64).resident()
    w, b = flat[:10].reshape(5, 2), flat[10:]
    z = arrays["x"].astype(np.float64) @ w + b
    loss = np.log(np.exp(z).sum(1)) - z[np.arange(64), arrays["label"]]
    return loss.mean() + 0.5 * decay * (w**2).sum()


@pytest.mark.parametrize(("decay", "devices"), [(DECAY, 1), (0.1, 4)])
def test_it_ends_at_scipys_optimum(decay, devices, tmp_path):
    task = softmax_regression(LBFGS(weight_decay=decay))
    ran = fit(task, LoopConfig(steps=40, devices=devices), tmp_path)
    dense = jax.tree.map(np.asarray, ran.state.params["out"])
    flat = np.concatenate([dense["kernel"].ravel(), dense["bias"]]).astype(np.float64)
    best = optimize.minimize(value, np.zeros(12), (decay,), "L-BFGS-B", tol=1e-12)
    assert value(flat, decay) == pytest.approx(best.fun, rel=1e-6)
    np.testing.assert_allclose(dense["kernel"], best.x[:10].reshape(5, 2), atol=5e-3)


def test_torchs_lbfgs_finds_the_same_value():
    torch = pytest.importorskip("torch")
    arrays = {k: torch.tensor(v) for k, v in points(64, 64).resident().items()}
    layer = torch.nn.Linear(5, 2).double()
    tx = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        tx.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            layer(arrays["x"].double()), arrays["label"].long()
        )
        loss = loss + 0.5 * DECAY * (layer.weight**2).sum()
        loss.backward()
        return loss

    tx.step(closure)
    flat = np.concatenate([layer.weight.detach().numpy().T.ravel(), layer.bias.detach().numpy()])
    best = optimize.minimize(value, np.zeros(12), (DECAY,), "L-BFGS-B", tol=1e-12)
    assert value(flat) == pytest.approx(best.fun, rel=1e-6)


def test_its_options_change_the_course():
    def valley(params):  # Rosenbrock's: a first try is often refused
        x, y = params["x"][0], params["x"][1]
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2

    def end(steps=40, **options):
        tx = make_optimizer(LBFGS(**options), steps)

        def one(_, carry):
            params, state = carry
            value, grads = jax.value_and_grad(valley)(params)
            updates, state = tx.update(
                grads, state, params, value=value, grad=grads, value_fn=valley
            )
            return optax.apply_updates(params, updates), state

        start = {"x": jnp.array([-1.2, 1.0])}
        run = jax.jit(lambda p: jax.lax.fori_loop(0, steps, one, (p, tx.init(p))))
        return run(start)[0]["x"]

    best = end()
    np.testing.assert_allclose(best, 1.0, atol=1e-3)
    for option in ({"lbfgs_history": 1}, {"lbfgs_search_steps": 2}):
        assert np.abs(best - end(**option)).max() > 1e-6


def test_part_of_the_rows_is_refused():
    with pytest.raises(UsageError, match=r"set data.batch_size to its 64 rows, got 16"):
        softmax_regression(LBFGS(), batch_size=16)

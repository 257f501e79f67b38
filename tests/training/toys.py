"""Small tasks of every shape of work: a network with batch norm, a GAN, an environment."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.data.splits.split import NoData, Split
from jaxdl.metrics.accumulate import total, weighted
from jaxdl.optim.config import Adam
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, average, global_mean, keep_if_finite, row_keys
from jaxdl.training.task import Task, as_it_is, supervised
from jaxdl.typing import AXIS


def points(rows=64, batch_size=16, **options):
    """A split of labeled points whose labels can be learned; `weight` differs from row to row."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 5)).astype(np.float32)
    label = (x[:, 0] + x[:, 1] > 0).astype(np.int32)
    weight = draw.integers(0, 3, size=rows).astype(np.float32)
    arrays = {"x": x, "label": label, "weight": weight}
    return Split(arrays, ("below", "above"), batch_size=batch_size, **options)


class Net(nn.Module):
    """Dense, synchronized norm, dense."""

    axis_name: str | None = AXIS

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Dense(8, name="hidden")(x)
        axis = self.axis_name if train else None
        x = nn.BatchNorm(not train, axis_name=axis, name="norm")(x)
        return nn.Dense(2, name="out")(nn.relu(x))


def add_noise_rows(keys, batch, *, train):
    """Adds noise in training: one draw a row."""
    if not train:
        return batch
    noise = jax.vmap(lambda key: jax.random.normal(key, (5,)))(keys)
    return {**batch, "x": batch["x"] + 0.1 * noise}


def classifier(optim=Adam(lr=0.05), *, steps=40, poison=None, split=None, evaluate=None):
    """Weighted two-class task; with `poison` the loss of that step is not finite."""
    splits = {"train": split or points()}
    if evaluate is not None:
        splits["val"] = splits["train"]
    model = Net()

    def loss_fn(params, extra, batch, key):
        logits, extra = apply_train(model, params, extra, batch["x"], key)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
        weight = batch["weight"]
        metrics = {"loss": weighted(loss, weight)}
        return global_mean(loss, weight), (extra, metrics)

    task = supervised(
        model,
        splits,
        add_noise_rows,
        loss_fn,
        optim,
        loop=LoopConfig(steps=steps),
        inputs="x",
        evaluate=evaluate,
    )
    return task if poison is None else poisoned(task, poison)


class Linear(nn.Module):
    """One weight an input, no bias."""

    @nn.compact
    def __call__(self, x, *, train):
        return x @ self.param("kernel", nn.initializers.ones, (x.shape[-1], 1))


def linear(optim, split):
    """Least squares with one linear layer."""
    model = Linear()

    def loss_fn(params, extra, batch, key):
        out, extra = apply_train(model, params, extra, batch["x"], key)
        loss = (out[:, 0] - batch["label"]) ** 2
        return global_mean(loss), (extra, {"loss": (loss.sum(), loss.size)})

    return supervised(
        model, {"train": split}, as_it_is, loss_fn, optim, loop=LoopConfig(steps=1), inputs="x"
    )


def poisoned(task, at):
    """`task` whose batch holds a NaN at step `at`."""
    import dataclasses

    def step(state, batch):
        bad = jnp.where(state.step == at, jnp.nan, 0.0)
        return task.step(state, {**batch, "x": batch["x"] + bad})

    return dataclasses.replace(task, step=step)


def gan():
    """Two networks and two optimizers in one state, with a step of its own."""
    split = points()
    g_net, d_net, tx = nn.Dense(5), nn.Dense(1), optax.adam(1e-2)

    def init(key):
        g = g_net.init(key, jnp.zeros((1, 3)))["params"]
        d = d_net.init(key, jnp.zeros((1, 5)))["params"]
        params = {"g": g, "d": d}
        opt_state = {name: tx.init(part) for name, part in params.items()}
        return TrainState(jnp.int32(0), params, opt_state, key)

    def step(state, batch):
        key = jax.random.fold_in(state.key, state.step)
        z = jax.vmap(lambda k: jax.random.uniform(k, (3,)))(row_keys(key, batch))

        def score(params, x):
            return d_net.apply({"params": params["d"]}, x)[:, 0]

        def losses(params):
            fake = g_net.apply({"params": params["g"]}, z)
            frozen = jax.lax.stop_gradient
            d_fake = score(params, frozen(fake))
            d_loss = global_mean(nn.softplus(d_fake) + nn.softplus(-score(params, batch["x"])))
            g_loss = global_mean(nn.softplus(-score(frozen(params), fake)))
            return d_loss + g_loss, (d_loss, g_loss)

        grads, (d_loss, g_loss) = average(jax.grad(losses, has_aux=True)(state.params))
        new_params, new_opt = {}, {}
        for name in ("d", "g"):
            updates, new_opt[name] = tx.update(grads[name], state.opt_state[name])
            new_params[name] = optax.apply_updates(state.params[name], updates)
        new = state.replace(params=new_params, opt_state=new_opt)
        state = keep_if_finite(d_loss + g_loss, new, state)
        pairs = total({"d_loss": (d_loss, 1), "g_loss": (g_loss, 1)}, AXIS)
        return state.replace(step=state.step + 1), pairs

    return Task({"train": split}, init, as_it_is, step)


def environment(envs=16):
    """A policy that learns to hold a walker at zero: no data, the walkers live in `local`."""
    tx = optax.sgd(0.05)

    def init(key):
        params = {"gain": jnp.zeros(())}
        local = {"position": jnp.linspace(-1, 1, envs), "age": jnp.zeros(envs, jnp.int32)}
        return TrainState(jnp.int32(0), params, tx.init(params), key, local=local)

    def step(state, batch):
        def loss(params):
            moved = state.local["position"] * (1 - params["gain"])
            return global_mean(moved**2), moved

        (value, moved), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
        value, grads = average((value, grads))
        updates, opt_state = tx.update(grads, state.opt_state)
        params = optax.apply_updates(state.params, updates)
        again = jnp.abs(moved) < 0.1  # close enough: start over from 1
        local = {"position": jnp.where(again, 1.0, moved), "age": state.local["age"] + 1}
        new = state.replace(params=params, opt_state=opt_state, local=local)
        return new.replace(step=state.step + 1), {"loss": (value, jnp.float32(1))}

    return Task({"train": NoData(10, envs)}, init, as_it_is, step)

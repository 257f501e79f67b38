"""The step of two networks that play against each other: `(state, batch) -> (state, metrics)`."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import UsageError, check_one_of
from jaxdl.data.splits.split import Split
from jaxdl.losses.adversarial import LOSSES, discriminator_loss, generator_loss, gradient_penalty
from jaxdl.metrics.accumulate import total, weighted
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.optim.config import OptimConfig, check_without
from jaxdl.optim.optimizer import make_optimizer, schedule_shape
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.state import TrainState
from jaxdl.training.step import (
    Step,
    apply_gradients,
    average,
    global_mean,
    keep_if_finite,
    move_averages,
    row_keys,
)
from jaxdl.training.task import Draw, Evaluate, Task, example_input, make_refresh
from jaxdl.typing import AXIS, Array, Batch, Key, Pairs, Prepare, Tree

NOISE = ("uniform", "normal")


@dataclasses.dataclass(frozen=True)
class GANConfig:
    """The rules of the game."""

    loss: str = "gan"
    """gan, minimax (whose generator saturates), lsgan or wgan."""
    latent_dim: int = 96
    """Numbers that a sample is made of."""
    latent_distribution: str = "uniform"
    """uniform in (-1, 1), or normal."""
    critic_steps: int = 1
    """Updates of the discriminator for one of the generator; each takes its part of the batch."""
    gradient_penalty: float = 0.0
    """Weight of (slope - 1)^2 between real and made examples (the WGAN-GP paper: 10)."""

    def __post_init__(self) -> None:
        check_one_of("gan.loss", self.loss, LOSSES)
        check_one_of("gan.latent_distribution", self.latent_distribution, NOISE)
        if self.latent_dim < 1 or self.critic_steps < 1 or self.gradient_penalty < 0:
            raise UsageError(
                "gan.latent_dim and gan.critic_steps must be at least 1, gan.gradient_penalty "
                f">= 0, got {self.latent_dim}, {self.critic_steps} and {self.gradient_penalty}"
            )


def draw_noise(keys: Key, game: GANConfig) -> Array:
    """One row of noise a key: `(B,)` -> `(B, latent_dim)`."""
    draw = partial(jax.random.uniform, minval=-1, maxval=1)
    if game.latent_distribution == "normal":
        draw = jax.random.normal
    return jax.vmap(lambda key: draw(key, (game.latent_dim,), jnp.float32))(keys)


def network_variables(variables: Tree, name: str) -> dict[str, Any]:
    """The collections of one player, `g` or `d`."""
    return {kind: tree[name] for kind, tree in variables.items() if name in tree}


class GAN:
    """Two networks under one set of rules: `params` and `extra` have the parts `g` and `d`.

    A prepared batch has `real`, what is imitated, and perhaps `label`, of which a row of noise is
    given, too.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, game: GANConfig) -> None:
        self.generator, self.discriminator, self.game = generator, discriminator, game

    def init(self, key: Key, real: Array, label: Array | None) -> dict[str, Any]:
        """The variables of both: collection -> `g`, `d` -> tree."""
        g_key, d_key = jax.random.split(key)
        z = jnp.zeros((len(real), self.game.latent_dim), jnp.float32)
        made: Any = {
            "g": self.generator.init(g_key, z, label, train=False),
            "d": self.discriminator.init(d_key, real, label, train=False),
        }
        names = {name for part in made.values() for name in part}
        return {n: {k: part[n] for k, part in made.items() if n in part} for n in sorted(names)}

    def make(self, params: Tree, extra: Tree, z: Array, label: Array | None) -> tuple[Array, Tree]:
        """What the generator makes of noise in training, and its new statistics."""
        own = network_variables(extra, "g")
        variables = {"params": params, **own}
        made, new = self.generator.apply(variables, z, label, train=True, mutable=list(own))
        merged = {
            name: {**tree, "g": new[name]} if name in new else tree for name, tree in extra.items()
        }
        return made, merged

    def score(self, params: Tree, x: Array, label: Array | None) -> Array:
        """The discriminator's scores; it has no statistics."""
        made: Any = self.discriminator.apply({"params": params}, x, label, train=True)
        return made

    def discriminate(self, params: Tree, batch: Batch, keys: Key, extra: Tree) -> Any:
        """D's loss on a batch: `(loss, (extra, metrics))`, differentiated by `params["d"]`."""
        real, label = batch["real"], batch.get("label")
        noise_keys, mix_keys = split_rows(keys, 2)
        fake, extra = self.make(params["g"], extra, draw_noise(noise_keys, self.game), label)
        fake = jax.lax.stop_gradient(fake)
        seen = self.score(params["d"], real, label), self.score(params["d"], fake, label)
        loss = discriminator_loss(*seen, kind=self.game.loss)
        metrics = {"d_loss": weighted(loss), "real_score": weighted(seen[0])}
        metrics["fake_score"] = weighted(seen[1])
        if self.game.gradient_penalty:
            share = jax.vmap(partial(jax.random.uniform, dtype=real.dtype))(mix_keys)
            share = share.reshape(-1, *[1] * (real.ndim - 1))
            between = share * real + (1 - share) * fake
            slopes = jax.grad(lambda x: jnp.sum(self.score(params["d"], x, label)))(between)
            penalty = gradient_penalty(slopes)
            metrics["slope_penalty"] = weighted(penalty)
            loss = loss + self.game.gradient_penalty * penalty
        return global_mean(loss), (extra, metrics)

    def generate(self, params: Tree, batch: Batch, keys: Key, extra: Tree) -> Any:
        """G's loss on noise: `(loss, (extra, metrics))`, differentiated by `params["g"]`."""
        label = batch.get("label")
        fake, extra = self.make(params["g"], extra, draw_noise(keys, self.game), label)
        loss = generator_loss(self.score(params["d"], fake, label), kind=self.game.loss)
        return global_mean(loss), (extra, {"g_loss": weighted(loss)})

    def generator_loss(self, params: Tree, extra: Tree, batch: Batch, key: Key) -> Any:
        """`generate` as a `LossFn`."""
        return self.generate(params, batch, row_keys(key, batch), extra)


def update_network(
    tx: optax.GradientTransformation, state: TrainState, name: str, grads: Tree
) -> TrainState:
    """`state` with the parameters of `g` or `d` one update of `tx` on."""
    player = state.replace(params=state.params[name], opt_state=state.opt_state[name])
    moved = apply_gradients(tx, player, grads)
    params = {**state.params, name: moved.params}
    return state.replace(params=params, opt_state={**state.opt_state, name: moved.opt_state})


def make_gan_step(
    game: GAN,
    tx: optax.GradientTransformation,
    prepare: Prepare,
    *,
    ema: float = 0.0,
    axis_name: str = AXIS,
) -> Step:
    """Updates D, `critic_steps` times, then G by the new D on noise of its own.

    With more than one critic step the rows of *each device* are divided into parts, so that the
    parts, not their union, depend on the number of devices.
    """
    parts = game.game.critic_steps

    def update(name: str, state: TrainState, batch: Batch, keys: Key) -> tuple[TrainState, Any]:
        """The state after an update of one player; its metrics, and what is not finite if it is."""
        loss_fn = {"d": game.discriminate, "g": game.generate}[name]

        def of_player(params: Tree) -> Any:
            return loss_fn({**state.params, name: params}, batch, keys, state.extra)

        grad_fn = jax.value_and_grad(of_player, has_aux=True)
        (loss, (extra, metrics)), grads = grad_fn(state.params[name])
        loss, grads, extra = average((loss, grads, extra), axis_name)
        new = update_network(tx, state.replace(extra=extra), name, grads)
        return new, (metrics, loss + optax.tree.norm(grads))

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        prepare_keys, d_keys, g_keys = split_rows(row_keys(key, batch, axis_name), 3)
        ready = dict(prepare(prepare_keys, batch, train=True))
        pieces = divide_rows((ready, d_keys), parts)
        new, (d_metrics, d_witness) = each_part(partial(update, "d"), state, pieces, parts)
        last = jax.tree.map(lambda x: x[-1], pieces[0])
        new, (g_metrics, g_witness) = update("g", new, last, g_keys[: len(g_keys) // parts])
        new = move_averages(new, ema)
        state = keep_if_finite(jnp.sum(d_witness) + g_witness, new, state)
        metrics = total({**d_metrics, **g_metrics}, axis_name)
        return state.replace(step=state.step + 1), metrics

    return step


def divide_rows(tree: Tree, parts: int) -> Tree:
    """`(B, ...)` -> `(parts, B / parts, ...)`, leaf by leaf."""
    rows = len(jax.tree.leaves(tree)[0])
    if rows % parts:
        raise UsageError(f"gan.critic_steps: {rows} rows of a device / {parts} parts")
    return jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), tree)


def each_part(
    update: Callable[..., Any], state: TrainState, pieces: Tree, parts: int
) -> tuple[TrainState, Any]:
    """The state after `update(state, *piece)` by each piece in turn; summed metrics, witnesses."""
    if parts == 1:
        return update(state, *jax.tree.map(lambda x: x[0], pieces))
    state, (metrics, witness) = jax.lax.scan(lambda s, piece: update(s, *piece), state, pieces)
    return state, (jax.tree.map(lambda x: jnp.sum(x, axis=0), metrics), witness)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GANTask(Task):
    """A task of two networks; `game` is them and their rules."""

    game: GAN


def gan_task(
    game: GAN,
    splits: Mapping[str, Split],
    prepare: Prepare,
    optim: OptimConfig,
    *,
    loop: LoopConfig,
    evaluate: Evaluate | None = None,
    draw: Draw | None = None,
    report: Callable[[], Mapping[str, Any]] = dict,
) -> GANTask:
    """The task of a game over a run of `loop`; both players have the same rule and rates."""
    check_without(optim, "accumulate_steps", "swa", "line_search", who="two players")
    steps = total_steps(loop, splits["train"].steps_per_epoch)
    tx = make_optimizer(optim, steps)

    def init(key: Key) -> TrainState:
        init_key, run_key = jax.random.split(key)
        real = example_input(splits["train"], prepare, "real")
        label = jnp.zeros(len(real), jnp.int32)
        extra = game.init(init_key, real, label)
        params = extra.pop("params")
        opt_state = {name: tx.init(part) for name, part in params.items()}
        hyper: Any = opt_state["g"]
        state = TrainState(
            step=jnp.int32(0),
            params=params,
            opt_state=opt_state,
            key=run_key,
            extra=extra,
            hyper=dict(hyper.hyperparams),
        )
        return state.start_averages() if optim.ema else state

    return GANTask(
        splits=splits,
        init=init,
        prepare=prepare,
        step=make_gan_step(game, tx, prepare, ema=optim.ema),
        evaluate=evaluate,
        draw=draw,
        report=report,
        game=game,
        tx=tx,
        refresh=make_refresh(game.generator_loss, prepare, splits["train"], optim),
        rate=lambda t: float(optim.lr * schedule_shape(optim, steps)(jnp.int32(t))),
    )

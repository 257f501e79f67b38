"""Optimisers and schedules by name, as optax transformations."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.typing import Array, Tree

OPTIMISERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "step", "linear", "inverse_sqrt")
Shape = Callable[[Array], Array]


@dataclass(frozen=True)
class OptimConfig:
    """The update rule, and how its rate changes over the run."""

    name: str = "adam"
    """sgd, momentum, nesterov, adam or adamw."""
    lr: float = 1e-3
    """The learning rate that the schedule multiplies."""
    momentum: float = 0.9
    """Of momentum and nesterov."""
    b1: float = 0.9
    """Of adam and adamw: decay of the first moment."""
    b2: float = 0.999
    """Of adam and adamw: decay of the second moment."""
    weight_decay: float = 0.0
    """L2 decay, decoupled in adamw; vectors (biases, norms) are spared."""
    schedule: str = "constant"
    """constant, cosine, step, linear or inverse_sqrt."""
    milestones: tuple[float, ...] = (0.3, 0.6, 0.9)
    """Of step: the parts of the run after which the rate is divided by ten."""
    warmup: int = 0
    """Steps over which the rate first rises linearly."""
    clip_norm: float = 0.0
    """The largest global norm of a gradient (0: no limit)."""
    ema: float = 0.0
    """Decay of averaged parameters, which evaluation then uses (0: none)."""

    def __post_init__(self) -> None:
        check_one_of("optim.name", self.name, OPTIMISERS)
        check_one_of("optim.schedule", self.schedule, SCHEDULES)
        for name in ("lr", "weight_decay", "warmup", "clip_norm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"optim.{name} must be >= 0, got {getattr(self, name)}")
        for name in ("momentum", "b1", "b2", "ema"):
            check_fraction(f"optim.{name}", getattr(self, name))


def schedule_shape(cfg: OptimConfig, steps: int) -> Shape:
    """The factor on the learning rate at each update t of a run of `steps`, t = 0 the first one.

    After w warm-up updates, in which it is (t + 1) / w, with s = t - w and T = steps - w:
    constant 1; cosine (1 + cos(pi s / T)) / 2; linear 1 - s / T; inverse_sqrt 1 / sqrt(s + 1);
    step 0.1 ** (number of milestones m with s >= m T).
    """
    after = max(steps - cfg.warmup, 1)

    def shape(t: Array) -> Array:
        s = jnp.clip(t - cfg.warmup, 0, after).astype(jnp.float32)
        marks = jnp.asarray(cfg.milestones, jnp.float32) * after
        base = {
            "constant": lambda: jnp.ones_like(s),
            "cosine": lambda: 0.5 * (1 + jnp.cos(jnp.pi * s / after)),
            "linear": lambda: 1 - s / after,
            "inverse_sqrt": lambda: jax.lax.rsqrt(s + 1),
            "step": lambda: jnp.float32(0.1) ** jnp.sum(s >= marks),
        }[cfg.schedule]()
        if not cfg.warmup:
            return base
        return jnp.where(t < cfg.warmup, (t + 1) / jnp.float32(cfg.warmup), base)

    return shape


def make_optimiser(cfg: OptimConfig, steps: int) -> optax.GradientTransformation:
    """The transformation of `cfg` for a run of `steps` updates.

    Its state carries `lr` and `weight_decay` as arrays (`optax.inject_hyperparams`), so that one
    compiled program serves every value of them.
    """
    shape = schedule_shape(cfg, steps)

    def build(lr: Array, weight_decay: Array) -> optax.GradientTransformation:
        decay = optax.add_decayed_weights(weight_decay, mask=decayed)
        rule = {
            "sgd": optax.identity,
            "momentum": lambda: optax.trace(cfg.momentum),
            "nesterov": lambda: optax.trace(cfg.momentum, nesterov=True),
            "adam": lambda: optax.scale_by_adam(cfg.b1, cfg.b2),
            "adamw": lambda: optax.scale_by_adam(cfg.b1, cfg.b2),
        }[cfg.name]()
        clip = optax.clip_by_global_norm(cfg.clip_norm) if cfg.clip_norm else optax.identity()
        order = [clip, rule, decay] if cfg.name == "adamw" else [clip, decay, rule]
        return optax.chain(*order, optax.scale_by_schedule(lambda t: -lr * shape(jnp.asarray(t))))

    make = optax.inject_hyperparams(build)
    return make(lr=cfg.lr, weight_decay=cfg.weight_decay)  # pyright: ignore[reportCallIssue]


def decayed(params: Tree) -> Tree:
    """True for the parameters that weight decay acts on: those with two or more axes."""
    return jax.tree.map(lambda p: p.ndim > 1, params)

"""The update rule of a config as one optax transformation."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.optim import update_rules as rules
from jaxdl.optim.param_patterns import match_paths
from jaxdl.optim.schedules import SCHEDULES, Shape, make_schedule
from jaxdl.typing import Array, Tree

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lbfgs")


@dataclass(frozen=True)
class OptimConfig:
    """The update rule, and how its rate changes over the run."""

    name: str = "adam"
    """sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw or lbfgs."""
    lr: float = 1e-3
    """The learning rate that the schedule multiplies (lbfgs searches its own)."""
    momentum: float = 0.9
    """Of momentum and nesterov."""
    b1: float = 0.9
    """Of adam and adamw: decay of the first moment."""
    b2: float = 0.999
    """Of adam and adamw: decay of the second moment."""
    eps: float | None = None
    """What roots of squares are kept from zero by (default: 1e-8, of adagrad 1e-10)."""
    eps_in_root: bool = False
    """sqrt(s + eps), as in optax's rmsprop, not sqrt(s) + eps."""
    smoothing: float = 0.99
    """Of rmsprop: decay of the mean square (optax: 0.9)."""
    centered: bool = False
    """Of rmsprop: divide by the deviation of the gradient, not by its root mean square."""
    step_momentum: float = 0.0
    """Of rmsprop: momentum of the steps that it makes."""
    accumulator: float = 0.0
    """Of adagrad: what its sums start from (optax: 0.1)."""
    memory: int = 10
    """Of lbfgs: pairs of steps and gradients that it keeps."""
    search_steps: int = 20
    """Of lbfgs: evaluations of the loss that a line search may take."""
    weight_decay: float = 0.0
    """L2 decay: the gradient of half this times the squared weights, or as `decoupled` says."""
    decoupled: bool = False
    """The decay shrinks the weights themselves, past the rule; adamw is adam with it."""
    l1: float = 0.0
    """Adds so much times the sign of a weight to its gradient."""
    decay_paths: tuple[str, ...] = ()
    """What weight_decay and l1 act on, patterns of paths: *kernel !head/* (default: all parameters
    with two or more axes, so no bias and no scale of a norm; * is all)."""
    max_norm: float = 0.0
    """The largest norm of the weights that lead to a unit (0: no limit)."""
    schedule: str = "constant"
    """constant, step, cosine, linear, inverse_sqrt, restarts or triangular."""
    milestones: tuple[float, ...] = (0.3, 0.6, 0.9)
    """Of step: the parts of the run after which the rate is multiplied by step_factor."""
    step_factor: float = 0.1
    """Of step."""
    cycle: float = 0.25
    """Of restarts and triangular: length of the first cycle, a part of the run."""
    cycle_mult: float = 1.0
    """Of restarts and triangular: how much longer each cycle is than the one before."""
    floor: float = 0.0
    """Of cosine, linear, restarts and triangular: the lowest part of the rate."""
    warmup: int = 0
    """Steps over which the rate first rises linearly."""
    clip_norm: float = 0.0
    """The largest global norm of a gradient (0: no limit)."""
    clip_value: float = 0.0
    """The largest absolute value in a gradient (0: no limit)."""
    accumulate: int = 1
    """Parts that a device's share of a batch is taken in, one after the other, for one update."""
    ema: float = 0.0
    """Decay of averaged parameters, which evaluation then uses (0: none)."""
    swa: float = 0.0
    """The part of the run after which evaluation uses the mean of all later weights (0: none)."""
    swa_every: int = 1
    """Updates between the weights that this mean takes."""

    def __post_init__(self) -> None:
        check_one_of("optim.name", self.name, OPTIMIZERS)
        check_one_of("optim.schedule", self.schedule, SCHEDULES)
        limits = ("lr", "weight_decay", "warmup", "clip_norm", "clip_value", "l1", "max_norm")
        for name in (*limits, "accumulator", "eps"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise UsageError(f"optim.{name} must be >= 0, got {value}")
        for name in ("momentum", "b1", "b2", "smoothing", "step_momentum", "ema", "floor"):
            check_fraction(f"optim.{name}", getattr(self, name))
        for name in ("memory", "search_steps", "accumulate", "swa_every", "cycle_mult"):
            if getattr(self, name) < 1:
                raise UsageError(f"optim.{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.cycle <= 1:
            raise UsageError(f"optim.cycle must lie in (0, 1], got {self.cycle}")
        if not 0 <= self.swa < 1:
            raise UsageError(f"optim.swa must lie in [0, 1), got {self.swa}")
        if self.ema and self.swa:
            raise UsageError("optim: ema and swa exclude each other; give one")
        if self.name == "lbfgs":
            self._check_line_search()

    def _check_line_search(self) -> None:
        off = {"l1": 0, "clip_norm": 0, "clip_value": 0, "max_norm": 0, "decoupled": False}
        off |= {"accumulate": 1, "warmup": 0, "schedule": "constant", "ema": 0, "swa": 0}
        for name, value in off.items():
            if getattr(self, name) != value:
                raise UsageError(
                    f"optim.{name} does not go with lbfgs, whose line search needs the "
                    f"loss and its own gradient; leave it at {value}"
                )

    @property
    def line_search(self) -> bool:
        """Whether an update calls the loss again."""
        return self.name == "lbfgs"


def schedule_shape(cfg: OptimConfig, steps: int) -> Shape:
    """The factor on the learning rate at each update of a run of `steps`; see `make_schedule`."""
    return make_schedule(
        cfg.schedule,
        steps,
        warmup=cfg.warmup,
        milestones=cfg.milestones,
        step_factor=cfg.step_factor,
        cycle=cfg.cycle,
        cycle_mult=cfg.cycle_mult,
        floor=cfg.floor,
    )


def make_optimizer(cfg: OptimConfig, steps: int) -> optax.GradientTransformationExtraArgs:
    """The transformation of `cfg` for a run of `steps` updates.

    In this order: clipping of values, then of the norm; the penalties; the rule; decoupled decay;
    the rate; max-norm. Its state carries `lr` and `weight_decay` as arrays
    (`optax.inject_hyperparams`), so that one compiled program serves every value of them.
    """
    shape = schedule_shape(cfg, steps)
    mask = partial(decayed, patterns=cfg.decay_paths)
    decoupled = cfg.decoupled or cfg.name == "adamw"

    def build(lr: Array, weight_decay: Array) -> optax.GradientTransformation:
        if cfg.line_search:
            return line_searching(cfg)
        decay = optax.add_decayed_weights(weight_decay, mask=mask)
        chain = [optax.clip(cfg.clip_value)] if cfg.clip_value else []
        chain += [optax.clip_by_global_norm(cfg.clip_norm)] if cfg.clip_norm else []
        chain += [rules.sign_penalty(cfg.l1, mask)] if cfg.l1 else []
        chain += [make_rule(cfg), decay] if decoupled else [decay, make_rule(cfg)]
        chain += [optax.scale_by_schedule(lambda t: -lr * shape(jnp.asarray(t)))]
        chain += [rules.keep_norms(cfg.max_norm)] if cfg.max_norm else []
        return optax.chain(*chain)

    make = optax.inject_hyperparams(build)
    return make(lr=cfg.lr, weight_decay=cfg.weight_decay)  # pyright: ignore[reportCallIssue]


def make_rule(cfg: OptimConfig) -> optax.GradientTransformation:
    """The rule alone: gradients to the step that the rate multiplies."""
    eps = (1e-10 if cfg.name == "adagrad" else 1e-8) if cfg.eps is None else cfg.eps
    root = {"in_root": cfg.eps_in_root}
    adam = partial(rules.adam, cfg.b1, cfg.b2, eps, **root)
    return {
        "sgd": optax.identity,
        "momentum": partial(rules.momentum, cfg.momentum),
        "nesterov": partial(rules.momentum, cfg.momentum, nesterov=True),
        "adagrad": partial(rules.adagrad, eps, start=cfg.accumulator, **root),
        "rmsprop": partial(
            rules.rmsprop,
            cfg.smoothing,
            eps,
            centered=cfg.centered,
            rho=cfg.step_momentum,
            **root,
        ),
        "adam": adam,
        "adamw": adam,
    }[cfg.name]()


def line_searching(cfg: OptimConfig) -> Any:
    """L-BFGS with a line search to Wolfe's strong conditions (Nocedal & Wright 2006, 7.5 and 3.5).

    `update` also takes `value`, `grad` and `value_fn`, the loss as a function of the parameters.
    """
    search = optax.scale_by_zoom_linesearch(
        max_linesearch_steps=cfg.search_steps, initial_guess_strategy="one"
    )
    return optax.chain(optax.scale_by_lbfgs(cfg.memory), optax.scale(-1.0), search)


def l2_penalty(cfg: OptimConfig) -> Callable[[Tree, Tree], Array]:
    """`penalty(params, hyper)`, half the decay times the squared decayed weights.

    A line search compares losses, so decay must be in the loss that it sees.
    """

    def penalty(params: Tree, hyper: Tree) -> Array:
        kept = decayed(params, cfg.decay_paths)
        squares = jax.tree.map(lambda p, yes: jnp.sum(p * p) if yes else 0.0, params, kept)
        return 0.5 * hyper["weight_decay"] * sum(jax.tree.leaves(squares))

    return penalty


def decayed(params: Tree, patterns: tuple[str, ...] = ()) -> Tree:
    """True for what weight decay acts on: what `patterns` fit, else all with two or more axes."""
    if patterns:
        return match_paths("optim.decay_paths", params, patterns)
    return jax.tree.map(lambda p: p.ndim > 1, params)

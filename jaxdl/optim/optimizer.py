"""The update rule of a config as one optax transformation."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.optim import update_rules as rules
from jaxdl.optim.config import LBFGS, AdamW, FirstOrder, OptimConfig
from jaxdl.optim.param_patterns import match_paths
from jaxdl.optim.schedules import Shape, make_schedule
from jaxdl.typing import Array, Tree


def make_optimizer(cfg: OptimConfig, steps: int) -> optax.GradientTransformationExtraArgs:
    """The transformation of `cfg` for a run of `steps` updates.

    Its state carries `lr` and `weight_decay` as arrays (`optax.inject_hyperparams`), so that one
    compiled program serves every value of them.
    """

    def build(lr: Array, weight_decay: Array) -> optax.GradientTransformation:
        if isinstance(cfg, FirstOrder):
            return first_order(cfg, lr, weight_decay, schedule_shape(cfg, steps))
        assert isinstance(cfg, LBFGS), "the one rule that searches along a line"
        return line_searching(cfg)

    make = optax.inject_hyperparams(build)
    return make(lr=cfg.lr, weight_decay=cfg.weight_decay)  # pyright: ignore[reportCallIssue]


def first_order(
    cfg: FirstOrder, lr: Array, weight_decay: Array, shape: Shape
) -> optax.GradientTransformation:
    """Updates of one gradient each, at the rate `lr` times the schedule's `shape`.

    In this order: clipping of values, then of the norm; the penalties; the rule; decoupled decay;
    the rate; max-norm.
    """
    mask = partial(decayed, patterns=cfg.decay_paths)
    decay = optax.add_decayed_weights(weight_decay, mask=mask)
    chain = [optax.clip(cfg.clip_value)] if cfg.clip_value else []
    chain += [optax.clip_by_global_norm(cfg.clip_norm)] if cfg.clip_norm else []
    chain += [rules.sign_penalty(cfg.l1, mask)] if cfg.l1 else []
    decoupled = cfg.decoupled or isinstance(cfg, AdamW)
    chain += [cfg.rule(), decay] if decoupled else [decay, cfg.rule()]
    chain += [optax.scale_by_schedule(lambda t: -lr * shape(jnp.asarray(t)))]
    chain += [rules.keep_norms(cfg.max_norm)] if cfg.max_norm else []
    return optax.chain(*chain)


def schedule_shape(cfg: OptimConfig, steps: int) -> Shape:
    """The factor on the learning rate at each update of a run of `steps`; see `make_schedule`."""
    if not isinstance(cfg, FirstOrder):
        return make_schedule("constant", steps)
    return make_schedule(
        cfg.schedule,
        steps,
        warmup=cfg.warmup,
        milestones=cfg.milestones,
        step_factor=cfg.step_factor,
        first_cycle=cfg.first_cycle,
        cycle_mult=cfg.cycle_mult,
        min_factor=cfg.min_factor,
    )


def line_searching(cfg: LBFGS) -> Any:
    """L-BFGS with a line search to Wolfe's strong conditions (Nocedal & Wright 2006, 7.5 and 3.5).

    `update` also takes `value`, `grad` and `value_fn`, the loss as a function of the parameters.
    """
    search = optax.scale_by_zoom_linesearch(
        max_linesearch_steps=cfg.lbfgs_search_steps, initial_guess_strategy="one"
    )
    return optax.chain(optax.scale_by_lbfgs(cfg.lbfgs_history), optax.scale(-1.0), search)


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

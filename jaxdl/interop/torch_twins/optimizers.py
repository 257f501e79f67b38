"""The update rules of a config as `torch.optim` has them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from jaxdl.checks import UsageError
from jaxdl.optim.config import (
    Adagrad,
    Adam,
    AdamW,
    FirstOrder,
    Momentum,
    Nesterov,
    OptimConfig,
    RMSprop,
)

# Fields that change an update and have no counterpart in torch.optim.
WITHOUT = ("l1", "max_norm", "eps_in_root", "ema", "swa")


class TorchRule:
    """An optimizer of torch with clipping and the decay of `cfg`; the caller gives the rate."""

    def __init__(self, cfg: OptimConfig, module: nn.Module, decayed: Mapping[str, bool]) -> None:
        """`decayed` says of each parameter whether weight decay acts on it."""
        self.cfg = cfg
        self.named = {n: p for n, p in module.named_parameters() if p.requires_grad}
        kind, self.settings = torch_settings(cfg)
        groups = [
            {
                "params": [p for n, p in self.named.items() if decayed[n] == yes],
                "weight_decay": cfg.weight_decay if yes else 0.0,
            }
            for yes in (True, False)
        ]
        self.optimizer = kind([g for g in groups if g["params"]], lr=cfg.lr, **self.settings)

    def step(self, rate: float) -> None:
        """One update by the gradients that the parameters have."""
        values = list(self.named.values())
        if self.cfg.clip_value:
            nn.utils.clip_grad_value_(values, self.cfg.clip_value)
        if self.cfg.clip_norm:
            nn.utils.clip_grad_norm_(values, self.cfg.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()


def torch_settings(cfg: OptimConfig) -> tuple[Any, dict[str, Any]]:
    """torch's class and its arguments, but for rate and decay.

    Raises UsageError where torch has no such rule.
    """
    for name in WITHOUT:
        if getattr(cfg, name, 0):
            raise UsageError(f"compare: torch.optim has no optim.{name}; leave it out")
    if not isinstance(cfg, FirstOrder):
        raise UsageError(f"compare: optim.name = {cfg.name} has no twin; every other rule has")
    decoupled = cfg.decoupled or isinstance(cfg, AdamW)
    if cfg.accumulate_steps > 1 or (decoupled and not isinstance(cfg, Adam)):
        raise UsageError(
            "compare: optim.accumulate_steps, and decoupled decay of other rules than adam, have "
            "no twin"
        )
    match cfg:
        case Momentum():
            nesterov = isinstance(cfg, Nesterov)
            return torch.optim.SGD, {"momentum": cfg.momentum, "nesterov": nesterov}
        case Adagrad():
            settings = {"eps": cfg.eps, "initial_accumulator_value": cfg.adagrad_init}
            return torch.optim.Adagrad, settings
        case RMSprop():
            settings = {"alpha": cfg.rmsprop_decay, "momentum": cfg.rmsprop_momentum}
            return torch.optim.RMSprop, settings | {"eps": cfg.eps, "centered": cfg.centered}
        case Adam():
            rule = torch.optim.AdamW if decoupled else torch.optim.Adam
            return rule, {"betas": (cfg.b1, cfg.b2), "eps": cfg.eps}
    return torch.optim.SGD, {"momentum": 0.0}

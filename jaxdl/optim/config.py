"""Which update rule, and its options: `optim.name` first, then the fields of that rule's class."""

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import optax

from jaxdl.checks import UsageError, check_at_least, check_fraction, check_one_of
from jaxdl.config import shared_fields
from jaxdl.optim import update_rules as rules
from jaxdl.optim.schedules import SCHEDULES


@dataclass(frozen=True)
class OptimConfig:
    """What all rules share; each has a class of its own, which `choose` gives by its name."""

    name: str = ""
    """sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw or lbfgs."""
    lr: float = 1e-3
    """The learning rate that the schedule multiplies (lbfgs searches its own)."""
    weight_decay: float = 0.0
    """L2 decay: the gradient of half this times the squared weights is added."""
    decay_paths: tuple[str, ...] = ()
    """What penalties act on, patterns of paths: *kernel !head/* (default: all parameters with two
    or more axes, so no bias and no scale of a norm; * is all)."""

    line_search: ClassVar[bool] = False  # an update calls the loss again
    # What only rules of one gradient per update can have, where they have it not.
    clip_norm: ClassVar[float] = 0.0
    clip_value: ClassVar[float] = 0.0
    accumulate_steps: ClassVar[int] = 1
    ema: ClassVar[float] = 0.0
    swa: ClassVar[float] = 0.0

    @staticmethod
    def choose(name: str) -> type["OptimConfig"]:
        """The class of the rule `name`."""
        check_one_of("optim.name", name, RULES)
        return RULES[name]

    @staticmethod
    def known_by(option: str) -> list[str]:
        """The names of the rules that have `option`."""
        return [n for n, rule in RULES.items() if option in {f.name for f in fields(rule)}]

    def __post_init__(self) -> None:
        rule = OptimConfig.choose(self.name)
        if not isinstance(self, rule):
            raise UsageError(
                f"optim.name = {self.name} is {rule.__name__}(...), got {type(self).__name__}(...)"
            )
        self._check_not_negative("lr", "weight_decay")

    def _check_not_negative(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise UsageError(f"optim.{name} must be >= 0, got {value}")

    def _check_fractions(self, *names: str) -> None:
        for name in names:
            check_fraction(f"optim.{name}", getattr(self, name))

    def _check_below_one(self, *names: str) -> None:
        """Of a mean's decay, or the part of a run it leaves out: at 1 it never takes anything."""
        for name in names:
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise UsageError(f"optim.{name} must lie in [0, 1), got {value}")

    def _check_at_least_one(self, *names: str) -> None:
        for name in names:
            check_at_least(f"optim.{name}", getattr(self, name), 1)


@dataclass(frozen=True)
class FirstOrder(OptimConfig):
    """What all rules share that make one update of one gradient."""

    decoupled: bool = False
    """The decay shrinks the weights themselves, past the rule; adamw is adam with it."""
    l1: float = 0.0
    """Adds so much times the sign of a weight to its gradient."""
    max_norm: float = 0.0
    """The largest norm of the weights that lead to a unit (0: no limit)."""
    schedule: str = "constant"
    """constant, step, cosine, linear, inverse_sqrt, restarts or triangular."""
    milestones: tuple[float, ...] = (0.3, 0.6, 0.9)
    """Of step: the parts of the run after which the rate is multiplied by step_factor."""
    step_factor: float = 0.1
    """Of step."""
    first_cycle: float = 0.25
    """Of restarts and triangular: length of the first cycle, a part of the run."""
    cycle_mult: float = 1.0
    """Of restarts and triangular: how much longer each cycle is than the one before."""
    min_factor: float = 0.0
    """Of cosine, linear, restarts and triangular: the lowest part of the rate."""
    warmup: int = 0
    """Steps over which the rate first rises linearly."""
    clip_norm: float = 0.0
    """The largest global norm of a gradient (0: no limit)."""
    clip_value: float = 0.0
    """The largest absolute value in a gradient (0: no limit)."""
    accumulate_steps: int = 1
    """Parts that a device's share of a batch is taken in, one after the other, for one update."""
    ema: float = 0.0
    """Decay of averaged parameters and batch statistics, which evaluation then uses (0: none)."""
    swa: float = 0.0
    """The part of the run after which evaluation uses the mean of all later weights (0: none)."""
    swa_every: int = 1
    """Updates between the weights that this mean takes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("optim.schedule", self.schedule, SCHEDULES)
        self._check_not_negative("warmup", "clip_norm", "clip_value", "l1", "max_norm")
        self._check_fractions("min_factor")
        self._check_below_one("ema", "swa")
        self._check_at_least_one("accumulate_steps", "swa_every", "cycle_mult")
        if not 0 < self.first_cycle <= 1:
            raise UsageError(f"optim.first_cycle must lie in (0, 1], got {self.first_cycle}")
        if self.ema and self.swa:
            raise UsageError("optim: ema and swa exclude each other; give one")

    def rule(self) -> optax.GradientTransformation:
        """Gradients to the step that the rate multiplies."""
        raise NotImplementedError


@dataclass(frozen=True)
class SGD(FirstOrder):
    """The gradient itself."""

    name: str = "sgd"

    def rule(self) -> optax.GradientTransformation:
        """See `FirstOrder`."""
        return optax.identity()


@dataclass(frozen=True)
class Momentum(FirstOrder):
    """A running sum of gradients."""

    name: str = "momentum"
    momentum: float = 0.9
    """What is left of the sum at each update."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_fractions("momentum")

    def rule(self) -> optax.GradientTransformation:
        """See `FirstOrder`."""
        return rules.momentum(self.momentum)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """The gradient where the sum is about to lead."""

    name: str = "nesterov"

    def rule(self) -> optax.GradientTransformation:
        """See `FirstOrder`."""
        return rules.momentum(self.momentum, nesterov=True)


@dataclass(frozen=True)
class Adagrad(FirstOrder):
    """Each gradient over the root of the sum of its squares."""

    name: str = "adagrad"
    adagrad_init: float = 0.0
    """What the sums start from (optax: 0.1)."""
    eps: float = 1e-10
    """What roots of squares are kept from zero by."""
    eps_in_root: bool = False
    """sqrt(s + eps), as in optax, not sqrt(s) + eps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_not_negative("adagrad_init", "eps")

    def rule(self) -> optax.GradientTransformation:
        """See `FirstOrder`."""
        return rules.adagrad(self.eps, start=self.adagrad_init, in_root=self.eps_in_root)


@dataclass(frozen=True)
class RMSprop(FirstOrder):
    """Each gradient over the root of the running mean of its squares."""

    name: str = "rmsprop"
    rmsprop_decay: float = 0.99
    """Decay of the mean square (optax: 0.9)."""
    rmsprop_momentum: float = 0.0
    """Momentum of the steps that it makes."""
    centered: bool = False
    """Divide by the deviation of the gradient, not by its root mean square."""
    eps: float = 1e-8
    """What roots of squares are kept from zero by."""
    eps_in_root: bool = False
    """sqrt(s + eps), as in optax, not sqrt(s) + eps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_below_one("rmsprop_decay")
        self._check_fractions("rmsprop_momentum")
        self._check_not_negative("eps")

    def rule(self) -> optax.GradientTransformation:
        """See `FirstOrder`."""
        return rules.rmsprop(
            self.rmsprop_decay,
            self.eps,
            centered=self.centered,
            rho=self.rmsprop_momentum,
            in_root=self.eps_in_root,
        )


@dataclass(frozen=True)
class Adam(FirstOrder):
    """The running mean of the gradient over the root of that of its squares, both unbiased."""

    name: str = "adam"
    b1: float = 0.9
    """Decay of the first moment."""
    b2: float = 0.999
    """Decay of the second moment."""
    eps: float = 1e-8
    """What roots of squares are kept from zero by."""
    eps_in_root: bool = False
    """sqrt(s + eps), not sqrt(s) + eps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_below_one("b1", "b2")
        self._check_not_negative("eps")

    def rule(self) -> optax.GradientTransformation:
        """See `FirstOrder`."""
        return rules.adam(self.b1, self.b2, self.eps, in_root=self.eps_in_root)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose decay shrinks the weights themselves, whatever `decoupled` says."""

    name: str = "adamw"


@dataclass(frozen=True)
class LBFGS(OptimConfig):
    """L-BFGS on the whole training split, with a line search: no schedule, clipping or averages."""

    name: str = "lbfgs"
    lbfgs_history: int = 10
    """Pairs of steps and gradients that it keeps."""
    lbfgs_search_steps: int = 20
    """Evaluations of the loss that a line search may take."""

    line_search: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("lbfgs_history", "lbfgs_search_steps")


RULES: dict[str, type[OptimConfig]] = {
    rule.name: rule for rule in (SGD, Momentum, Nesterov, Adagrad, RMSprop, Adam, AdamW, LBFGS)
}


def switch_rule(cfg: OptimConfig, name: str) -> OptimConfig:
    """The rule `name` with the values of `cfg` for all that both have."""
    rule = OptimConfig.choose(name)
    values = {field: getattr(cfg, field) for field in shared_fields(type(cfg), rule)}
    return rule(**{**values, "name": name})


def check_without(optim: OptimConfig, *names: str, who: str) -> None:
    """Raises UsageError where an option of these, which `who` cannot take, is used."""
    for name in names:
        if getattr(optim, name) > (name == "accumulate_steps"):  # 1 is none
            raise UsageError(f"optim: {name} does not go with {who}; leave it out")

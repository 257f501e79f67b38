"""Environments by name, or from a file of one's own."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from jaxdl.checks import UsageError, unknown
from jaxdl.rl.environments.acrobot import Acrobot
from jaxdl.rl.environments.breakout import Breakout
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.catch import Catch
from jaxdl.rl.environments.check import check_environment
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.grid_worlds import CliffWalking, FrozenLake, Grid, GridWorld
from jaxdl.rl.environments.mountain_car import MountainCar
from jaxdl.rl.environments.pendulum import Pendulum

GRIDS: dict[str, type[Grid]] = {grid.name: grid for grid in (GridWorld, FrozenLake, CliffWalking)}
ENVIRONMENTS: dict[str, type[Environment]] = {
    kind.name: kind
    for kind in (CartPole, Acrobot, MountainCar, Pendulum, Catch, Breakout, *GRIDS.values())
}


@dataclass(frozen=True)
class EnvironmentConfig:
    """Which environment."""

    name: str = "cartpole"
    """cartpole, acrobot, mountaincar, pendulum, catch, breakout, gridworld, frozenlake or
    cliffwalking; with env.path: the class in that file."""
    path: str = ""
    """A Python file of your own, which is executed, with a class derived from `Environment`."""


def make_environment(cfg: EnvironmentConfig) -> Environment:
    """The environment of `cfg`, tried out with random actions (see `check_environment`)."""
    if cfg.path:
        kind = load_class(Path(cfg.path).expanduser(), cfg.name)
    elif cfg.name in ENVIRONMENTS:
        kind = ENVIRONMENTS[cfg.name]
    else:
        raise unknown("env.name", cfg.name, ENVIRONMENTS, "One of your own: env.path.")
    environment = kind()
    check_environment(environment)
    return environment


def load_class(path: Path, name: str) -> type[Environment]:
    """The class `name` of the Python file `path`; UsageError where there is none."""
    if not path.is_file():
        raise UsageError(f"env.path: there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"env.path: {path} is no Python file (it must end in .py)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"env.path: {path} fails: {type(error).__name__}: {error}") from error
    kind = getattr(module, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Environment)):
        there = [n for n, v in vars(module).items() if _own(v, module.__name__)]
        raise UsageError(
            f"env.name: {path} has no class {name} derived from Environment "
            f"(jaxdl/rl/environments/environment.py); it has {', '.join(there) or 'none'}"
        )
    return kind


def _own(value: object, module: str) -> bool:
    derived = isinstance(value, type) and issubclass(value, Environment)
    return derived and value.__module__ == module

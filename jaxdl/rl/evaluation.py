"""Agents at play: whole episodes without learning, their returns, films and curves."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, require
from jaxdl.data.splits.split import Split
from jaxdl.draw import draw_curves
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.rl.agents.learners import Choose, at_random, take_step
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import start_episode
from jaxdl.rl.learner_keys import learner_keys
from jaxdl.runs.metrics_log import read_rows
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Host, Key, Numbers, Tree

MOST = 10_000  # steps of an episode, where the environment sets no limit
FRAMES = 200
CURVES = {  # of a run, where it has them
    "return of evaluated episodes": ("val_return",),
    "deviation of the gradients of single episodes": ("deviation_baseline", "deviation_plain"),
}
Greedy = Callable[[Tree, Array], Array]


class Played(NamedTuple):
    """Returns and lengths of episodes `(E, S)`, E of each of S learners."""

    returns: Array
    steps: Array


def play(
    environment: Environment, choose: Choose, key: Key, *, episodes: int, learners: int
) -> Played:
    """Whole episodes of each learner, side by side, until the last has ended."""
    limit = environment.time_limit or MOST
    keys = learner_keys(jax.random.split(key, episodes), learners)
    start = jax.vmap(jax.vmap(lambda k: start_episode(environment, k)))(keys)
    nothing = jnp.zeros((episodes, learners))
    fold = jax.vmap(jax.vmap(jax.random.fold_in, (0, None)), (0, None))

    def going(carry: tuple) -> Array:
        time, _, played = carry
        return (time < limit) & jnp.any(played.steps == 0)

    def one(carry: tuple) -> tuple:
        time, running, played = carry
        running, seen = take_step(environment, choose, running, fold(keys, time))
        first = seen.ended & (played.steps == 0)
        played = Played(
            jnp.where(first, seen.episode_return, played.returns),
            jnp.where(first, seen.episode_steps, played.steps),
        )
        return time + 1, running, played

    steps = jnp.zeros((episodes, learners), jnp.int32)
    return jax.lax.while_loop(going, one, (jnp.int32(0), start, Played(nothing, steps)))[2]


def play_greedily(
    environment: Environment, greedy: Greedy, params: Tree, key: Key, *, episodes: int
) -> Played:
    """`play` without exploration, of each learner of `params`."""
    learners = jax.tree.leaves(params)[0].shape[0]
    return play(
        environment,
        lambda observation, keys: greedy(params, observation),
        key,
        episodes=episodes,
        learners=learners,
    )


def random_return(environment: Environment, *, episodes: int) -> float:
    """The mean return of random actions, which an agent's is to be seen beside."""
    choose = at_random(environment)
    played = jax.jit(lambda key: play(environment, choose, key, episodes=episodes, learners=1))(
        jax.random.key(3)
    )
    return float(played.returns.mean())


def film(environment: Environment, greedy: Greedy, params: Tree, key: Key) -> tuple[Tree, Array]:
    """The states of one episode of the first learner `(T, ...)`, and its length."""
    params = jax.tree.map(lambda x: x[:1], params)
    start = jax.vmap(jax.vmap(lambda k: start_episode(environment, k)))(key[None, None])

    def one(running: Any, time: Array) -> tuple:
        before = running.state
        choose = lambda observation, keys: greedy(params, observation)  # noqa: E731
        keys = jax.random.fold_in(key, time)[None, None]
        running, seen = take_step(environment, choose, running, keys)
        return running, (jax.tree.map(lambda x: x[0, 0], before), seen.ended[0, 0])

    limit = min(environment.time_limit or MOST, 1000)
    _, (states, ended) = jax.lax.scan(one, start, jnp.arange(limit))
    return states, jnp.where(ended.any(), jnp.argmax(ended) + 1, limit)


def save_film(environment: Environment, states: Any, length: int, path: Path) -> list[Path]:
    """An episode as a GIF of at most `FRAMES` pictures; nothing where the environment has none."""
    from PIL import Image

    stride = -(-length // FRAMES)
    pictures = []
    for i in range(0, length, stride):
        picture = environment.draw(jax.tree.map(lambda x: x[i], states))  # noqa: B023
        if picture is None:
            return []
        pictures.append(Image.fromarray(picture).quantize(16))
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, loop=0)
    return [path]


class AgentEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: as many episodes as the split has rows; in `folder` an
    episode as `episode.gif`, and at the test `returns.png`, the curves of the run with a band."""

    def __init__(self, environment: Environment, greedy: Greedy, splits: dict[str, Split]):
        self.environment, self.greedy, self.splits = environment, greedy, splits
        self.play = jax.jit(partial(play_greedily, environment, greedy), static_argnames="episodes")
        self.film = jax.jit(partial(film, environment, greedy))

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """Returns and lengths; test episodes are not those of validation."""
        key = jax.random.key(int(split is self.splits["test"]))
        played = self.play(_params(state), key, episodes=split.size)
        return jax.device_get(played)._asdict()

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean return; the deviation (over n - 1) and least of the learners' means."""
        return {**spread(rows["returns"]), "steps": float(rows["steps"].mean())}

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """The episode, and at the test the curve."""
        self.draw(state, split, folder)
        log = read_rows(folder / "metrics.jsonl")
        groups = {
            title: names
            for title, names in CURVES.items()
            if any(name in row for row in log for name in names)
        }
        if groups:
            draw_curves(log, groups).save(folder / "returns.png")

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`episode.gif`, of the first learner."""
        states, length = jax.device_get(self.film(_params(state), jax.random.key(2)))
        return save_film(self.environment, states, int(length), folder / "episode.gif")


def spread(returns: Host) -> Numbers:
    """Returns `(E, S)` -> mean over all; deviation and least of the S learners' means."""
    means = returns.mean(axis=0)
    deviation = means.std(ddof=1) if len(means) > 1 else 0.0
    return {
        "return": float(means.mean()),
        "return_std": float(deviation),
        "return_min": float(means.min()),
    }


def gymnasium_for(environment: Environment) -> Any:
    """The package, in which there is this environment, too: known before anything is trained.

    Raises UsageError where Gymnasium is not installed or has no such environment.
    """
    who = "an evaluation in Gymnasium (--gymnasium_episodes 0 does without)"
    gymnasium = require("gymnasium", "jaxdl[rl]", who)
    if not environment.gymnasium:
        raise UsageError(f"Gymnasium has no environment {environment.name}")
    return gymnasium


def gymnasium_returns(
    environment: Environment, greedy: Greedy, state: TrainState, *, episodes: int
) -> Host:
    """The same agents in Gymnasium's own environment: `(E, S)`, seeds 0 to E S - 1.

    Raises UsageError as `gymnasium_for`.
    """
    gymnasium = gymnasium_for(environment)
    params = _params(state)
    learners = jax.tree.leaves(params)[0].shape[0]
    shape = episodes, learners
    games = [gymnasium.make(environment.gymnasium) for _ in range(episodes * learners)]
    seen = np.stack([game.reset(seed=i)[0] for i, game in enumerate(games)])
    returns, alive = np.zeros(len(games)), np.ones(len(games), bool)
    act = jax.jit(greedy)
    while alive.any():
        actions = np.asarray(act(params, seen.reshape(*shape, *seen.shape[1:])))
        actions = actions.reshape(len(games), *actions.shape[2:])
        for i in np.flatnonzero(alive):
            seen[i], reward, terminated, truncated, _ = games[i].step(actions[i])
            returns[i] += float(reward)
            alive[i] = not (terminated or truncated)
    return returns.reshape(shape)


def _params(state: TrainState) -> Tree:
    return jax.device_get(state.variables["params"])

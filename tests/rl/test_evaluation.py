"""Gymnasium plays the same policy; a film has the states of an episode."""

import json
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.splits.split import NoData
from jaxdl.rl import evaluation
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.catch import Catch
from jaxdl.rl.evaluation import (
    film,
    gymnasium_returns,
    play_greedily,
    random_return,
    save_film,
    spread,
)
from jaxdl.training.state import TrainState


def lean(params, observation):
    """Right where a weighted sum is positive: a policy that balances for a while."""
    score = jnp.einsum("nsi,si->ns", observation, params["weights"])
    return jnp.int32(score > 0)


WEIGHTS = np.float32([[0, 0, 1, 0], [0.1, 0.2, 1, 0.5]])  # a poor one and a good one
PARAMS = {"weights": WEIGHTS}


def test_gymnasium_gives_the_same_returns():
    pytest.importorskip("gymnasium")
    run = jax.jit(partial(play_greedily, CartPole(), lean, episodes=30))
    got = jax.device_get(run(PARAMS, jax.random.key(0)))
    np.testing.assert_array_equal(got.returns, got.steps)
    state = TrainState(jnp.int32(0), PARAMS, {}, jax.random.key(0))
    want = gymnasium_returns(CartPole(), lean, state, episodes=30)
    assert want.shape == got.returns.shape == (30, 2)
    np.testing.assert_allclose(got.returns.mean(0), want.mean(0), rtol=0.12)
    assert got.returns[:, 1].min() > got.returns[:, 0].max()


def test_random_actions_are_judged_by_gymnasiums():
    gymnasium = pytest.importorskip("gymnasium")
    game = gymnasium.make("CartPole-v1")
    game.action_space.seed(0)
    lengths = []
    for seed in range(300):
        game.reset(seed=seed)
        ended, steps = False, 0
        while not ended:
            ended, steps = game.step(game.action_space.sample())[2], steps + 1
        lengths.append(steps)
    assert random_return(CartPole(), episodes=300) == pytest.approx(np.mean(lengths), rel=0.15)


def test_gymnasium_is_asked_only_for_what_it_has():
    pytest.importorskip("gymnasium")
    with pytest.raises(UsageError, match="no environment catch"):
        gymnasium_returns(Catch(), lean, TrainState(0, PARAMS, {}, 0), episodes=1)


@pytest.mark.parametrize("experiment", ["agent", "cloning"])
def test_where_gymnasium_is_absent_it_is_said_before_the_training(
    experiment, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    config = {"agent": "pendulum_ppo", "cloning": "cartpole_cloning"}[experiment]
    words = ["run", config, "--run-dir", str(tmp_path / "run"), "--gymnasium_episodes", "3"]
    with pytest.raises(SystemExit) as stop:
        main(argv=words)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert 'pip install "jaxdl[rl]"' in error
    assert "--gymnasium_episodes 0 does without" in error
    assert "compiling" not in error


def test_a_film_is_one_episode(tmp_path):
    states, length = jax.jit(partial(film, CartPole(), lean))(PARAMS, jax.random.key(0))
    states, length = jax.device_get(states), int(length)
    assert 10 < length < 100
    step = jax.vmap(lambda s, a: CartPole().step(jax.random.key(0), s, a)[0])
    actions = jnp.int32(states[: length - 1] @ WEIGHTS[0] > 0)
    np.testing.assert_allclose(step(states[: length - 1], actions), states[1:length], atol=1e-5)
    (path,) = save_film(CartPole(), states, length, tmp_path / "a" / "episode.gif")
    with Image.open(path) as film_file:
        seconds = 0
        for i in range(film_file.n_frames):  # equal pictures are one that stays longer
            film_file.seek(i)
            seconds += film_file.info["duration"] / 1000
        assert seconds == pytest.approx(0.04 * length)


@pytest.mark.parametrize("rest", [[], ["deviation_baseline", "deviation_plain"]])
def test_the_curves_are_those_that_the_run_has(tmp_path, monkeypatch, rest):
    row = {"step": 1, "loss": 2.0, "val_return": 3.0} | dict.fromkeys(rest, 4.0)
    (tmp_path / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    drawn = []
    monkeypatch.setattr(
        evaluation, "draw_curves", lambda rows, groups: drawn.append(groups) or Kept
    )
    evaluator = evaluation.AgentEvaluator(CartPole(), lean, {})
    monkeypatch.setattr(evaluator, "draw", lambda *args: [])
    evaluator.draw_rows(TrainState(0, PARAMS, {}, 0), NoData(1), {}, tmp_path)
    (groups,) = drawn
    assert [name for names in groups.values() for name in names] == ["val_return", *rest]


class Kept:
    """A figure that nothing is drawn into."""

    @staticmethod
    def save(path):
        assert path.name == "returns.png"


def test_the_spread_is_over_learners():
    returns = np.array([[1.0, 5.0, 3.0], [3.0, 7.0, 3.0]])
    got = spread(returns)
    assert got == {
        "return": pytest.approx(22 / 6),
        "return_std": pytest.approx(np.std([2, 6, 3], ddof=1)),
        "return_min": 2,
    }
    assert spread(returns[:, :1])["return_std"] == 0

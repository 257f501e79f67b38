"""F48: environments that are broken in one way each, and the message that must name it."""

import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.rl.environments.registry import ENVIRONMENTS, EnvironmentConfig, make_environment

SOUND = """
import jax.numpy as jnp
from jaxdl.rl.environments.environment import Discrete, Environment

class Walk(Environment):
    name = "walk"
    actions = Discrete(2)
    time_limit = 20
    def reset(self, key):
        return jnp.zeros(2)
    def step(self, key, state, action):
        state = state + 1
        return state, jnp.float32(1), state[0] > 10
    def observe(self, state):
        return state
"""
BROKEN = [
    ("return jnp.zeros(2)", "return jnp.zeros(2) / 0", "first observation .reset. is not finite"),
    ("jnp.float32(1),", "1 / (state[0] - 5),", "walk: the reward is not finite at step 5"),
    ("return state\n", "return jnp.log(7.5 - state)\n", "observation is not finite at step 8"),
    ("state[0] > 10", "state[0] > 0", "walk: all 800 episodes of random actions end at step 1"),
    ("state = state + 1", "state = jnp.zeros(3)", r"as reset does, float32\[2\]; got float32\[3\]"),
    ("jnp.float32(1),", "state,", r"reward must be a scalar; got \(2,\) at step 1"),
    ("state[0] > 10", "state > 10", r"terminated must be a scalar; got \(2,\) at step 1"),
    ("return state\n", "return state[None]\n", r"observe must give .*float32\[1, 2\]"),
    ("state = state + 1", "state = state + 1 if action else state", "traceable by jax"),
]


def own(tmp_path, text, name="Walk"):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return make_environment(EnvironmentConfig(name, str(path)))


def test_an_environment_of_ones_own_is_found_in_its_file(tmp_path):
    assert own(tmp_path, SOUND).time_limit == 20


@pytest.mark.parametrize(("line", "bad", "message"), BROKEN, ids=[row[2][:20] for row in BROKEN])
def test_a_broken_environment_is_named_with_its_step(tmp_path, line, bad, message):
    assert line in SOUND
    with pytest.raises(DataError, match=message) as said:
        own(tmp_path, SOUND.replace(line, bad))
    assert "environment walk" in str(said.value)


def test_a_file_without_the_class_or_with_a_mistake_is_said(tmp_path):
    with pytest.raises(UsageError, match="no class Run .*it has Walk"):
        own(tmp_path, SOUND, "Run")
    with pytest.raises(UsageError, match="mine.py fails: NameError: name 'nothing'"):
        own(tmp_path, SOUND + "\nnothing\n")
    with pytest.raises(UsageError, match="there is no file"):
        make_environment(EnvironmentConfig("Walk", str(tmp_path / "none.py")))
    with pytest.raises(UsageError, match="did you mean cartpole"):
        make_environment(EnvironmentConfig("cartpol"))


def test_the_names_are_those_of_the_classes():
    assert all(kind().name == name for name, kind in ENVIRONMENTS.items())

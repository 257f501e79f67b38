"""Runge-Kutta against SciPy's solve_ivp, adjoint gradients against its finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from jaxdl.classic.neural_ode import integrate, integrate_adjoint

TIMES = np.array([0.0, 0.3, 0.5, 1.2], np.float32)
START = np.array([[1.2, -0.4], [0.3, 0.8]], np.float32)


def field(params, x, t):
    """One that depends on the time, so that a wrong sign of it is seen."""
    return jnp.tanh(x @ params["w"]) * jnp.cos(3 * t) + params["b"][None]


def params_of(seed: int = 0):
    rng = np.random.default_rng(seed)
    return {"w": rng.normal(size=(2, 2)).astype(np.float32), "b": np.float32([0.2, -0.5])}


def scipy_states(params, start) -> np.ndarray:
    """(T, 2, 2) float64."""

    def move(t, flat):
        x = flat.reshape(2, 2)
        return (np.tanh(x @ params["w"]) * np.cos(3 * t) + params["b"]).ravel()

    options = {"t_eval": TIMES.astype(np.float64), "rtol": 1e-10, "atol": 1e-12}
    span = float(TIMES[0]), float(TIMES[-1])
    return solve_ivp(move, span, np.ravel(start).astype(np.float64), **options).y.T.reshape(
        -1, 2, 2
    )


@pytest.mark.parametrize("way", [integrate, integrate_adjoint])
def test_the_states_are_scipys(way):
    made = way(field, params_of(), START, TIMES, steps=8)
    np.testing.assert_allclose(made, scipy_states(params_of(), START), atol=2e-5)


def test_the_error_falls_with_the_fourth_power_of_the_step():
    with jax.enable_x64(True):
        wide = jax.tree.map(np.float64, params_of())
        errors = [
            np.abs(
                integrate(field, wide, np.float64(START), np.float64(TIMES), steps=n)
                - scipy_states(params_of(), START)
            ).max()
            for n in (2, 4)
        ]
    assert 11 < errors[0] / errors[1] < 23


def weigh(states):
    """A number of all states, the first included: their own cotangents differ."""
    weights = np.random.default_rng(5).normal(size=(4, 2, 2))
    return (weights * states**2).sum()


@pytest.mark.parametrize("name", ["w", "b", "start"])
def test_adjoint_gradients_are_scipys_finite_differences(name):
    params, start = params_of(), START

    def loss(params, start):
        return weigh(integrate_adjoint(field, params, start, TIMES, steps=8))

    with jax.numpy_rank_promotion("allow"):
        made = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, start)
    values = {**jax.tree.map(np.float64, params), "start": np.float64(start)}
    expected = np.zeros_like(values[name])
    for place in np.ndindex(expected.shape):
        sides = []
        for change in (1e-5, -1e-5):
            moved = {key: value.copy() for key, value in values.items()}
            moved[name][place] += change
            sides.append(weigh(scipy_states(moved, moved["start"])))
        expected[place] = (sides[0] - sides[1]) / 2e-5
    np.testing.assert_allclose({**made[0], "start": made[1]}[name], expected, rtol=1e-3, atol=1e-3)

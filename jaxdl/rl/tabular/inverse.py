"""Rewards from what someone did: maximum entropy inverse reinforcement learning, in float64.

Ziebart et al. 2008 (Maximum entropy inverse reinforcement learning); where moves are random, the
causal form of Ziebart, Bagnell & Dey 2010. A reward is what arriving in a state gives, `(S,)`; an
episode has `horizon` steps at most and ends in terminal states.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from jaxdl.checks import UsageError, check_at_least
from jaxdl.rl.environments.grid_worlds import MDP
from jaxdl.typing import Host


class SoftSolution(NamedTuple):
    """`policy` `(T, S, A)`; `values` of the first step `(S,)`: of moves that are certain, the log
    of the sum over paths of exp(their rewards)."""

    policy: Host
    values: Host


class Demonstrations(NamedTuple):
    """`arrivals` `(S,)`: how often an episode arrives in each state, on average; `starts` `(S,)`:
    the shares of first states."""

    arrivals: Host
    starts: Host


class Inverse(NamedTuple):
    """`reward` `(S,)`, and the arrivals of the policy that is best by it, which are to be those of
    the demonstrations but for `penalty` times the reward."""

    reward: Host
    arrivals: Host
    rounds: int


def arrival_reward(mdp: MDP) -> Host:
    """The reward of a process whose rewards depend on where a step arrives alone: `(S,)`.

    Raises UsageError where they do not. A state where no step arrives gives 0.
    """
    real = (mdp.transition > 0) & ~mdp.terminal[:, None, None]
    low = np.where(real, mdp.reward, np.inf).min(axis=(0, 1))
    high = np.where(real, mdp.reward, -np.inf).max(axis=(0, 1))
    some = real.any(axis=(0, 1))
    if (low[some] != high[some]).any():
        state = int(np.flatnonzero(some & (low != high))[0])
        raise UsageError(
            f"arrival_reward: steps that arrive in state {state} give {low[state]:g} to "
            f"{high[state]:g}; its reward must not depend on the step. Choose gridworld or "
            "frozenlake"
        )
    return np.where(some, low, 0.0)


def solve_softly(mdp: MDP, reward: Host, *, horizon: int) -> SoftSolution:
    """pi_t(a | s) = exp(Q_t(s, a) - V_t(s)), V_t = log sum_a exp(Q_t(s, a)),
    Q_t(s, a) = sum over s' of p(s' | s, a) (r(s') + V_{t+1}(s')), V = 0 at an end."""
    check_at_least("solve_softly: horizon", horizon, 1)
    values, policies = np.zeros(len(mdp.terminal)), []
    for _ in range(horizon):
        q = mdp.transition @ (reward + np.where(mdp.terminal, 0, values))
        values = np.asarray(logsumexp(q, axis=1))
        policies.append(np.exp(q - values[:, None]))
    return SoftSolution(np.stack(policies[::-1]), np.where(mdp.terminal, 0, values))


def expected_arrivals(mdp: MDP, policy: Host, starts: Host) -> Host:
    """How often an episode of `policy` `(T, S, A)` arrives in each state, on average: `(S,)`."""
    here, total = np.where(mdp.terminal, 0, starts), np.zeros(len(starts))
    for row in policy:
        there = np.einsum("s,sa,sat->t", here, row, mdp.transition)
        total += there
        here = np.where(mdp.terminal, 0, there)
    return total


def demonstrate(mdp: MDP, policy: Host, *, episodes: int, seed: int) -> Demonstrations:
    """`episodes` of `policy` `(T, S, A)`."""
    check_at_least("demonstrate: episodes", episodes, 1)
    rng = np.random.default_rng(seed)
    count = len(mdp.terminal)
    state = rng.choice(count, size=episodes, p=mdp.start)
    starts, arrivals = np.bincount(state, minlength=count), np.zeros(count)
    for row in policy:
        going = ~mdp.terminal[state]
        shares = np.einsum("na,nas->ns", row[state], mdp.transition[state])
        drawn = (rng.random((episodes, 1)) < np.cumsum(shares, axis=1)).argmax(axis=1)
        state = np.where(going, drawn, state)
        arrivals += np.bincount(state[going], minlength=count)
    return Demonstrations(arrivals / episodes, starts / episodes)


def dual(
    reward: Host, mdp: MDP, seen: Demonstrations, *, horizon: int, penalty: float
) -> tuple[float, Host]:
    """What the best reward has the least of, and its gradient: the mean V_0 of the starts, less
    the demonstrated reward (of certain moves, the negative log-likelihood of an episode), plus
    penalty |r|^2 / 2. Convex in the reward."""
    solved = solve_softly(mdp, reward, horizon=horizon)
    arrivals = expected_arrivals(mdp, solved.policy, seen.starts)
    value = seen.starts @ solved.values - seen.arrivals @ reward + penalty / 2 * reward @ reward
    return float(value), arrivals - seen.arrivals + penalty * reward


def invert(mdp: MDP, seen: Demonstrations, *, horizon: int, penalty: float = 1e-3) -> Inverse:
    """The reward whose policy of maximal entropy arrives where the demonstrations did.

    `penalty` keeps the reward of states finite that nobody went to.
    """
    found = minimize(
        lambda reward: dual(reward, mdp, seen, horizon=horizon, penalty=penalty),
        np.zeros(len(mdp.terminal)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-12, "gtol": 1e-7},
    )
    policy = solve_softly(mdp, found.x, horizon=horizon).policy
    return Inverse(found.x, expected_arrivals(mdp, policy, seen.starts), int(found.nit))

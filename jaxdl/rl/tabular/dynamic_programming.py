"""Values and policies of a finite process whose tables are known, in float64 (NumPy).

A policy is `(S, A)` probabilities; values V `(S,)`, action values Q `(S, A)`. Sutton & Barto 2018,
chapter 4.
"""

from typing import NamedTuple

import numpy as np

from jaxdl.checks import check_fraction
from jaxdl.rl.environments.grid_worlds import MDP
from jaxdl.typing import Host


class Solution(NamedTuple):
    """Values `(S,)`, a policy that is greedy in them `(S, A)`, and the largest change of a value
    in each sweep (of policy iteration: how many states changed their action)."""

    values: Host
    policy: Host
    changes: list[float]


def action_values(mdp: MDP, values: Host, *, discount: float) -> Host:
    """Q(s, a) = sum over s' of p(s' | s, a) (r(s, a, s') + discount V(s')), 0 in terminal states:
    `(S, A)`."""
    return mdp.mean_reward + discount * (mdp.onward @ values)


def greedy(q: Host, *, tolerance: float = 1e-9) -> Host:
    """The policy that shares its probability among the best actions: `(S, A)`."""
    best = q >= q.max(axis=1, keepdims=True) - tolerance
    return best / best.sum(axis=1, keepdims=True)


def evaluate_policy(mdp: MDP, policy: Host, *, discount: float) -> Host:
    """V of a policy `(S,)`: the fixed point of Bellman's expectation equation, a linear system.

    Raises ValueError where it has none: with discount 1, a policy that may never end.
    """
    check_fraction("evaluate_policy: discount", discount)
    flow = np.einsum("sa,sat->st", policy, mdp.onward)
    system = np.eye(len(flow)) - discount * flow
    if np.linalg.cond(system) > 1e12:
        raise ValueError(
            "evaluate_policy: with discount 1 the policy must reach an end from every state; "
            "give a discount below 1"
        )
    return np.linalg.solve(system, np.sum(policy * mdp.mean_reward, axis=1))


def sweep_policy(mdp: MDP, policy: Host, values: Host, *, discount: float) -> Host:
    """One sweep of iterative policy evaluation: `(S,)` -> `(S,)`."""
    return np.sum(policy * action_values(mdp, values, discount=discount), axis=1)


def value_iteration(
    mdp: MDP, *, discount: float, tolerance: float = 1e-10, most: int = 10_000
) -> Solution:
    """V <- max over a of Q(s, a) until no value changes by more than `tolerance`.

    A contraction by `discount` in the largest absolute value, so V is then within tolerance *
    discount / (1 - discount) of the only fixed point. Raises ValueError after `most` sweeps.
    """
    check_fraction("value_iteration: discount", discount)
    values, changes = np.zeros(len(mdp.terminal)), []
    for _ in range(most):
        new = action_values(mdp, values, discount=discount).max(axis=1)
        changes.append(float(np.abs(new - values).max()))
        values = new
        if changes[-1] <= tolerance:
            policy = greedy(action_values(mdp, values, discount=discount))
            return Solution(values, policy, changes)
    raise ValueError(
        f"value_iteration: no fixed point in {most} sweeps (a value still changes by "
        f"{changes[-1]:.3g}); lower the discount"
    )


def policy_iteration(mdp: MDP, *, discount: float) -> Solution:
    """Evaluation and greedy improvement in turn, until no state changes its action.

    Starts from the uniform policy, takes the first of equal actions. Ends after finitely many
    turns, in the optimal policy (Howard 1960).
    """
    count = mdp.mean_reward.shape[1]
    policy, choice, changes = np.full(mdp.mean_reward.shape, 1 / count), None, []
    while True:
        values = evaluate_policy(mdp, policy, discount=discount)
        q = action_values(mdp, values, discount=discount)
        better = np.argmax(q > q.max(axis=1, keepdims=True) - 1e-9, axis=1)
        changes.append(float(len(q) if choice is None else np.sum(better != choice)))
        if not changes[-1]:
            return Solution(values, greedy(q), changes)
        choice, policy = better, np.eye(count)[better]

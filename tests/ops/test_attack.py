"""Attacks in torch's float64, step by step; balls and directions against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxdl.ops.attack import draw_in_ball, fgsm, pgd, project, towards_class, universal, uphill

torch = pytest.importorskip("torch")
DRAW = np.random.default_rng(0)
SHAPE = (4, 3, 5, 2)
X, LABELS = DRAW.uniform(0, 1, SHAPE), DRAW.integers(0, 3, 4)
W, V = DRAW.normal(size=(30, 7)), DRAW.normal(size=(7, 3))


def logits(x):
    return jnp.tanh(x.reshape(len(x), -1) @ W) @ V


def cost(x, labels=LABELS):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits(x)), labels[:, None], axis=1)[:, 0]


def torch_logits(x):
    return torch.tanh(x.flatten(1) @ torch.tensor(W)) @ torch.tensor(V)


def torch_gradient(x, labels=LABELS, sign=1):
    x = torch.tensor(x, requires_grad=True)
    total = torch.nn.functional.cross_entropy(
        torch_logits(x), torch.tensor(labels), reduction="sum"
    )
    return sign * torch.autograd.grad(total, x)[0].numpy()


def direction(gradient, norm):
    if norm == "linf":
        return np.sign(gradient)
    return np.stack([row / np.linalg.norm(row) for row in gradient])


def into_ball(change, epsilon, norm):
    if norm == "linf":
        return np.clip(change, -epsilon, epsilon)
    rows = [row * min(1, epsilon / max(np.linalg.norm(row), 1e-30)) for row in change]
    return np.stack(rows)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("epsilon", [0.03, 0.3])
def test_fgsm_is_torchs(epsilon):
    want = np.clip(X + epsilon * np.sign(torch_gradient(X)), 0.1, 0.9)
    got = fgsm(cost, jnp.array(X), epsilon=epsilon, low=0.1, high=0.9)
    np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.parametrize(("norm", "epsilon", "rate"), [("linf", 0.1, 0.03), ("l2", 0.4, 0.15)])
@pytest.mark.parametrize("start", [False, True])
def test_pgd_is_torchs(norm, epsilon, rate, start):
    key = jax.random.key(3) if start else None
    first = np.zeros_like(X)
    if start:
        first = np.asarray(draw_in_ball(key, jnp.array(X), epsilon, norm))
    want = np.clip(X + first, 0, 1)
    for _ in range(6):
        want = want + rate * direction(torch_gradient(want), norm)
        want = np.clip(X + into_ball(want - X, epsilon, norm), 0, 1)
    options = {"epsilon": epsilon, "rate": rate, "steps": 6, "norm": norm, "key": key}
    got = jax.jit(lambda x: pgd(cost, x, **options))(jnp.array(X))
    np.testing.assert_allclose(got, want, atol=1e-10)
    assert (np.asarray(cost(got)) > np.asarray(cost(jnp.array(X)))).all()
    zero = pgd(cost, jnp.array(X), epsilon=0.0, rate=rate, steps=2, norm=norm, key=key)
    np.testing.assert_array_equal(zero, X)


def test_the_notes_step_goes_on_until_the_target_is_predicted():
    target = (np.asarray(logits(jnp.array(X))).argmax(1) + np.array([0, 1, 2, 1])) % 3
    want, taken = X.copy(), np.zeros(4, int)
    for row in range(4):
        while torch_logits(torch.tensor(want[row : row + 1])).argmax() != target[row]:
            x = torch.tensor(want[row : row + 1], requires_grad=True)
            (g,) = torch.autograd.grad(torch_logits(x)[0, target[row]], x)
            want[row] = np.clip(want[row] + 0.05 * (g / g.norm()).numpy()[0], 0, 1)
            taken[row] += 1
    assert taken[0] == 0
    assert taken[1:].min() >= 1
    got, steps = towards_class(logits, jnp.array(X), jnp.array(target), rate=0.05)
    np.testing.assert_allclose(got, want, atol=1e-12)
    np.testing.assert_array_equal(steps, taken)
    _, steps = towards_class(logits, jnp.array(X), jnp.array(target), rate=1e-9, most=3)
    np.testing.assert_array_equal(steps, np.where(taken > 0, 3, 0))


@pytest.mark.parametrize(("norm", "epsilon", "rate"), [("linf", 0.05, 0.02), ("l2", 0.3, 0.2)])
def test_one_change_for_all_is_torchs(norm, epsilon, rate):
    change = np.zeros((1, *SHAPE[1:]))
    for rows in ([0, 1], [2, 3], [1, 2]):
        x = torch.tensor(change, requires_grad=True)
        seen = (torch.tensor(X[rows]) + x).clamp(0, 1)
        loss = torch.nn.functional.cross_entropy(
            torch_logits(seen), torch.tensor(LABELS[rows]), reduction="sum"
        )
        g = torch.autograd.grad(loss, x)[0].numpy()
        change = into_ball(change + rate * direction(g, norm), epsilon, norm)
    batches = [(jnp.array(X[r]), jnp.array(LABELS[r])) for r in ([0, 1], [2, 3], [1, 2])]
    got = universal(cost, batches, epsilon=epsilon, rate=rate, norm=norm)
    np.testing.assert_allclose(got, change[0], atol=1e-12)


def test_directions_and_balls():
    change = jnp.array(DRAW.normal(size=SHAPE))
    np.testing.assert_allclose(project(change, 0.7, "l2"), into_ball(change, 0.7, "l2"))
    np.testing.assert_array_equal(project(change / 100, 0.7, "l2"), change / 100)
    np.testing.assert_array_equal(uphill(jnp.zeros(SHAPE), "l2"), np.zeros(SHAPE))
    many = jnp.zeros((2000, 1, 1, 3))
    for norm, order in (("linf", np.inf), ("l2", 2)):  # uniform: the share within r is (r / e)^3
        drawn = np.asarray(draw_in_ball(jax.random.key(0), many, 0.3, norm)).reshape(2000, 3)
        norms = np.linalg.norm(drawn, order, axis=1)
        assert stats.kstest((norms / 0.3) ** 3, "uniform").pvalue > 0.01
        assert np.abs(drawn.mean(0)).max() < 0.02


def test_what_is_refused():
    x = jnp.array(X)
    with pytest.raises(ValueError, match="pgd: norm must be one of linf, l2, got 'l1'"):
        pgd(cost, x, epsilon=0.1, rate=0.1, steps=1, norm="l1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pgd: steps must be at least 1, got 0"):
        pgd(cost, x, epsilon=0.1, rate=0.1, steps=0)
    with pytest.raises(ValueError, match="universal: batches must hold at least one"):
        universal(cost, [], epsilon=0.1, rate=0.1)

"""Schedules against their formulas in float64, and cycles against torch's schedulers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.optim.config import Adam
from jaxdl.optim.optimizer import schedule_shape
from jaxdl.optim.schedules import SCHEDULES


def factors(steps, **options):
    shape = schedule_shape(Adam(**options), steps)
    return np.asarray(jax.vmap(shape)(jnp.arange(steps)))


def place(s, t, cycle, mult):
    """Which part of its cycle is over at s."""
    length = cycle * t
    while s >= length - 1e-9:
        s, length = s - length, length * mult
    return s / length


FORMULAS = {
    "constant": lambda s, t, f: 1.0,
    "cosine": lambda s, t, f: f + (1 - f) * 0.5 * (1 + math.cos(math.pi * s / t)),
    "linear": lambda s, t, f: f + (1 - f) * (1 - s / t),
    "inverse_sqrt": lambda s, t, f: 1 / math.sqrt(s + 1),
    "step": lambda s, t, f: 0.1 ** sum(s >= m * t for m in (0.3, 0.6, 0.9)),
    "restarts": lambda s, t, f: f + (1 - f) * 0.5 * (1 + math.cos(math.pi * place(s, t, 0.25, 1))),
    "triangular": lambda s, t, f: f + (1 - f) * (1 - abs(2 * place(s, t, 0.25, 1) - 1)),
}


@pytest.mark.parametrize(("warmup", "min_factor"), [(0, 0.0), (20, 0.1)])
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_their_formulas(name, warmup, min_factor):
    got = factors(100 + warmup, schedule=name, warmup=warmup, min_factor=min_factor)
    want = [(t + 1) / warmup for t in range(warmup)]
    want += [FORMULAS[name](s, 100, min_factor) for s in range(100)]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_milestones_and_their_factor_are_options():
    got = factors(100, schedule="step", milestones=(0.5,), step_factor=0.5)
    assert got[49] == 1
    assert got[50] == pytest.approx(0.5)


@pytest.mark.parametrize(("first", "mult"), [(20, 1), (10, 2)])
def test_warm_restarts_are_those_of_torch(first, mult):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=first, T_mult=mult, eta_min=0.05
    )
    want = []
    for _ in range(100):
        want.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    cycle = {"first_cycle": first / 100, "cycle_mult": mult}
    got = factors(100, schedule="restarts", min_factor=0.05, **cycle)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_triangles_are_those_of_torch():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    theirs = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.2, 1.0, 10, cycle_momentum=False)
    want = []
    for _ in range(60):
        want.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    got = factors(60, schedule="triangular", first_cycle=1 / 3, min_factor=0.2)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("cycle", [1 / 3, 1 / 7])
def test_cycles_of_a_part_end_with_the_run(cycle):
    mult = 2 if cycle == 1 / 7 else 1
    got = factors(211, schedule="restarts", first_cycle=cycle, cycle_mult=mult)
    assert np.sum(np.diff(got) > 0) == 2  # three cycles
    assert got[-1] < 0.01

"""`jaxdl bench`: both sides train the same network, and the table is that of their times."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.bench import against_torch as harness
from jaxdl.bench import worker_pool as workers
from jaxdl.bench.devices import bench_devices
from jaxdl.bench.jax_workloads import bench_task
from jaxdl.bench.step_loop import Looped, dispatch_task
from jaxdl.bench.worker_pool import forget_peak, peak
from jaxdl.bench.workloads import WORKLOADS
from jaxdl.checks import DivergedError, UsageError
from jaxdl.ops.boxes.nms import nms
from jaxdl.ops.boxes.roi_align import roi_align


def torch_of(values):
    return pytest.importorskip("torch").tensor(values)


def count(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


@pytest.mark.parametrize("name", WORKLOADS)
def test_both_sides_have_as_many_parameters(name):
    from jaxdl.bench.torch_workloads import twin

    ours = count(jax.eval_shape(bench_task(name).init, jax.random.key(0)).params)
    theirs = sum(p.numel() for p in twin(name).parameters())
    second_biases = 2 * 4 * 256 if name == "lstm" else 0  # torch has two of them a layer
    assert theirs == ours + second_biases


def test_the_suppression_that_stands_in_for_torchvisions_is_ours():
    from jaxdl.interop.torch_twins.detectors import greedy_nms

    rng = np.random.default_rng(0)
    low = rng.uniform(0, 40, (60, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 30, (60, 2))], axis=1).astype(np.float32)
    scores = rng.permutation(60).astype(np.float32)
    for threshold in (0.3, 0.7):
        kept = nms(jnp.asarray(boxes), jnp.asarray(scores), threshold=threshold)
        want = np.asarray(kept.index)[np.asarray(kept.valid)]
        got = greedy_nms(torch_of(boxes), torch_of(scores), threshold)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("samples", "aligned"), [(2, False), (3, True)])
def test_the_alignment_that_stands_in_for_torchvisions_is_ours(samples, aligned):
    from jaxdl.interop.torch_twins.detectors import align_regions as theirs

    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 7, 9, 3)).astype(np.float32)
    low = rng.uniform(-2, 12, (2, 5, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 16, low.shape)], axis=-1).astype(np.float32)
    number = np.repeat(np.arange(2, dtype=np.float32), 5)[:, None]
    rows = torch_of(np.concatenate([number, boxes.reshape(-1, 4)], axis=1))
    got = theirs(torch_of(np.moveaxis(image, -1, 1)), rows, (3, 2), 0.5, samples, aligned)
    options = {"size": (3, 2), "scale": 0.5, "samples": samples, "aligned": aligned}
    want = roi_align(jnp.asarray(image), jnp.asarray(boxes), **options)
    np.testing.assert_allclose(
        np.moveaxis(np.asarray(got), 1, -1), want.reshape(10, 3, 2, 3), rtol=1e-4, atol=1e-5
    )
    square = torch_of([[1.0, 1, 1, 7, 7]])  # bins of 2 x 2 cells
    whole = theirs(torch_of(np.moveaxis(image, -1, 1)), square, (3, 3), 1.0, -1, aligned)
    points = theirs(torch_of(np.moveaxis(image, -1, 1)), square, (3, 3), 1.0, 2, aligned)
    np.testing.assert_array_equal(whole, points)


SECONDS = {"jaxdl": 4.0, "eager": 2.0, "channels_last": 8.0}


class FakeWorker:
    """Seconds that are known: 4, 2 and 8 a round, the CPU's twice that."""

    def __init__(self, command, side):
        self.side = side

    def wait(self):
        return self.side in SECONDS

    def round(self):
        wall = SECONDS[self.side]
        return {"wall": wall, "cpu": 2 * wall, "memory": 100 * wall}

    def end(self):
        pass


@pytest.mark.parametrize(("cores", "ms"), [("all", 200.0), ("one", 400.0)])
def test_the_ratio_is_that_to_the_fastest_form(cores, ms, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "Worker", FakeWorker)
    lines, out = [], tmp_path / "bench.json"
    bench = lambda **options: harness.bench_against_torch(  # noqa: E731
        ["lenet"], cores=cores, rounds=2, say=lines.append, **options
    )
    assert bench(out=out) == 0
    row = json.loads(out.read_text())["rows"]["lenet"]
    assert row["best"] == "eager"
    assert row["ratio"] == 2 == row["memory"]
    assert row["ms"]["jaxdl"] == pytest.approx(ms)  # of one of 20 steps
    assert "compile" not in row["ms"]  # it did not start
    assert "2.00 (2.00-2.00)" in lines[-1]
    monkeypatch.setitem(SECONDS, "jaxdl", 4.3)
    assert bench(against=out) == 0  # less than a tenth
    monkeypatch.setitem(SECONDS, "jaxdl", 4.5)
    assert bench(against=out) == 1
    assert "lenet: 2.00 -> 2.25" in lines[-1]


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(UsageError, match="lenett"):
        harness.bench_against_torch(["lenett"])
    with pytest.raises(UsageError, match="--cores"):
        harness.bench_against_torch(["lenet"], cores="two")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(UsageError, match="no result of --out"):
        harness.bench_against_torch(["lenet"], against=tmp_path / "a.json")


def test_memory_is_counted_from_where_it_is_asked_for():
    held = np.ones(20_000_000)  # 153 MiB, of which the peak keeps nothing
    del held
    before = forget_peak()
    assert peak() - before < 30_000
    held = np.ones(10_000_000)
    assert 70_000 < peak() - before < 120_000
    del held


@pytest.mark.slow
def test_two_processes_train(capfd):
    assert harness.bench_against_torch(["mlp"], rounds=1) == 0
    assert "mlp: MLP 784-256-10 (256)" in capfd.readouterr().out


def test_several_devices_are_set_beside_one(monkeypatch):
    given = {}

    class Process(FakeWorker):
        def __init__(self, command, side):
            given[side], self.side = command, side

        def wait(self):
            return 1.0

        def round(self):
            return {"wall": 3.0 if self.side == "8 devices" else 2.0, "cpu": 1.0, "memory": 1.0}

    monkeypatch.setattr(workers, "Worker", Process)
    words = bench_devices(["digits_mlp", "--seed", "1"], rounds=2)
    assert words.startswith("8 devices 300.00 ms a step, one 200.00 ms: ratio 1.50 (1.50 to 1.50")
    assert given["8 devices"][-4:] == ["10", "8", "digits_mlp", "--seed", "1"][-4:]
    assert "JAX_NUM_CPU_DEVICES=8" in given["8 devices"]
    assert "JAX_NUM_CPU_DEVICES=1" in given["1 devices"]


def test_dispatch_is_that_of_a_counting_step():
    task = dispatch_task(arrays=3)
    work = Looped(task, 5)
    assert int(work()) == 5
    state, _ = task.step(task.init(jax.random.key(0)), {"x": np.full((2, 1), 2.0)})
    assert len(state.params) == 3
    assert all((np.asarray(x) == 2).all() for x in state.params.values())
    assert int(state.step) == 1


def test_a_program_that_stops_at_a_loss_is_no_measurement():
    task = dispatch_task(arrays=1)

    def step(state, batch):
        state, _ = task.step(state, batch)
        return state, {"x": (jnp.where(state.step > 7, jnp.nan, 1.0), jnp.float32(1))}

    work = Looped(dataclasses.replace(task, step=step), 5)
    assert int(work()) == 5
    with pytest.raises(DivergedError, match="not finite by step"):
        work()

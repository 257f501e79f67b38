"""Streamed rows against those on the device: the same batches from any step, and faults."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.config import ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.source import ArraySource, Source
from jaxdl.data.splits.contiguous import contiguous
from jaxdl.data.splits.split import Split
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.data.synthetic.shapes import Shapes

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
ARRAYS = {
    "image": RNG.integers(0, 256, (50, 4, 4, 3), dtype=np.uint8),
    "label": np.arange(50, dtype=np.int32) % 5,
}


class OneByOne(Source):
    """Rows without a way to read many at once."""

    def __init__(self, bad=-1):
        self.bad = bad

    def __len__(self):
        return 50

    def __getitem__(self, index):
        if index == self.bad:
            raise OSError("disk on fire")
        return {name: value[index] for name, value in ARRAYS.items()}


def placements(seed=3, batch_size=8, source=None):
    resident = Split(ARRAYS, batch_size=batch_size, seed=seed)
    streamed = StreamSplit(source or OneByOne(), batch_size=batch_size, seed=seed)
    return resident, streamed


def batches(split, start, stop):
    """The batches of these steps, fed two at a time."""
    for first in range(start, stop, 2):
        last = min(first + 2, stop)
        feed = split.feed(first, last)
        for i in range(last - first):
            part = {k: v[i] for k, v in feed.items()} if isinstance(feed, dict) else feed[i]
            yield split.gather(split.resident(), part)


@pytest.mark.parametrize("start", [0, 1, 5, 13])
@pytest.mark.parametrize("source", [OneByOne, lambda: ArraySource(ARRAYS)])
def test_both_placements_give_the_same_batches_from_any_step(start, source):
    resident, streamed = placements(source=source())
    pairs = zip(batches(resident, start, 20), batches(streamed, start, 20), strict=True)
    for want, got in pairs:
        assert want.keys() == got.keys()
        for name in want:
            np.testing.assert_array_equal(got[name], want[name])
    streamed.close()


def test_worker_processes_keep_the_order_and_a_dead_one_is_an_error(tmp_path):
    """In a process of its own: it starts others, and one of them is killed."""
    code = """
    import os, signal, sys, time
    import numpy as np
    from jaxdl.checks import DataError
    from jaxdl.data.source import Source
    from jaxdl.data.splits.split import Split
    from jaxdl.data.splits.stream import StreamSplit

    class Rows(Source):
        def __len__(self):
            return 40
        def __getitem__(self, index):
            return {"x": np.int64(index), "pid": np.int64(os.getpid())}

    if __name__ == "__main__":
        want = Split({"x": np.arange(40)}, batch_size=4, seed=1)
        got = StreamSplit(Rows(), batch_size=4, seed=1, workers=2)
        pids = set()
        for step in range(0, 12, 2):
            feed = got.feed(step, step + 2)
            np.testing.assert_array_equal(feed["x"], want.feed(step, step + 2))
            pids |= set(feed["pid"].ravel().tolist())
        assert len(pids) == 2 and os.getpid() not in pids
        os.kill(min(pids), signal.SIGKILL)
        began = time.monotonic()
        try:
            for step in range(12, 200, 2):
                got.feed(step, step + 2)
        except DataError as error:
            print(f"{time.monotonic() - began:.0f} {error}")
        got.close()
    """
    script = tmp_path / "kill.py"
    script.write_text(textwrap.dedent(code))
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, script]
    out = subprocess.run(command, capture_output=True, text=True, env=env, timeout=110)
    seconds, message = out.stdout.split(" ", 1)
    assert int(seconds) <= 30
    assert f"a data worker process died (exit code {-signal.SIGKILL})" in message
    assert "data.workers to 0" in message


def test_worker_processes_end_with_a_parent_that_is_killed(tmp_path):
    code = """
    import os, signal
    import numpy as np
    from jaxdl.data.source import Source
    from jaxdl.data.splits.stream import StreamSplit

    class Rows(Source):
        def __len__(self):
            return 40
        def __getitem__(self, index):
            return {"pid": np.int64(os.getpid())}

    if __name__ == "__main__":
        split = StreamSplit(Rows(), batch_size=4, seed=1, workers=2)
        print(*{int(pid) for s in range(0, 8, 2) for pid in split.feed(s, s + 2)["pid"].ravel()})
        os.sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    script = tmp_path / "kill.py"
    script.write_text(textwrap.dedent(code))
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with (tmp_path / "out").open("wb") as out:  # not a pipe: the workers would hold it open
        assert subprocess.run([sys.executable, script], stdout=out, env=env, timeout=110).returncode
    workers = [Path(f"/proc/{pid}") for pid in (tmp_path / "out").read_text().split()]
    assert len(workers) == 2
    end = time.monotonic() + 5
    while any(map(runs, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(runs, workers))


def runs(process):
    """Whether the process of a folder of /proc is there, and has not ended."""
    try:
        return ") Z " not in (process / "stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(("batch_size", "most"), [(8, 64), (16, 1), (50, 4), (99, 3)])
def test_once_has_every_row_once_and_masks_the_rest(batch_size, most):
    _, streamed = placements()
    rows = []
    shapes = set()
    for feed, mask in streamed.once(batch_size, most):
        shapes.add(feed["image"].shape)
        rows.append({name: value[mask] for name, value in feed.items()})
    assert len(shapes) == 1
    for name, want in ARRAYS.items():
        np.testing.assert_array_equal(np.concatenate([row[name] for row in rows]), want)


def test_parts_of_a_source_keep_their_own_rows():
    _, streamed = placements()
    part = streamed.take(np.array([40, 7, 9]), name="val")
    np.testing.assert_array_equal(part.batch(np.array([2, 0]))["label"], [9 % 5, 40 % 5])
    np.testing.assert_array_equal(part.example["image"], ARRAYS["image"][40])
    assert (part.size, part.name, streamed.size) == (3, "val", 50)


def test_a_generated_set_is_the_same_on_both_placements():
    cfg = {"synthetic_rows": 40, "batch_size": 8, "image_size": (32,)}
    resident, streamed = (
        load_splits(ShapesData(placement=placement, **cfg), fields=("image", "label"))["train"]
        for placement in ("device", "stream")
    )
    assert isinstance(streamed, StreamSplit)
    assert not isinstance(resident, StreamSplit)
    assert "synthetic" in streamed.synthetic
    pairs = zip(batches(resident, 3, 8), batches(streamed, 3, 8), strict=True)
    for want, got in pairs:
        np.testing.assert_array_equal(got["image"], want["image"])
    rows = streamed.rows(3, 4)[0]
    made = Shapes(48, image_size=(32, 32)).rows(rows)
    np.testing.assert_array_equal(streamed.feed(3, 4)["image"][0], made["image"])
    streamed.close()


def test_a_row_that_cannot_be_read_is_named():
    _, streamed = placements(source=OneByOne(bad=17))
    with pytest.raises(DataError, match="train: row 17 cannot be read: disk on fire"):
        streamed.feed(0, 2 * streamed.steps_per_epoch)
    streamed.close()


def test_rows_of_another_shape_are_named():
    class Ragged(OneByOne):
        def __getitem__(self, index):
            return {"image": np.zeros((4, 4 + (index == 3)))}

    streamed = StreamSplit(Ragged(), shuffle=False, batch_size=5)
    with pytest.raises(DataError, match=r"row 3: image has shape \(4, 5\)"):
        streamed.feed(0, 1)
    streamed.close()


def test_reading_ahead_overlaps_with_work():
    """The second feed is read while the first is used, before anyone asks for it."""
    read = []

    class Counted(OneByOne):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    streamed = StreamSplit(Counted(), batch_size=5, shuffle=False)
    streamed.feed(0, 2)
    end = time.monotonic() + 60
    while set(read) < set(range(20)) and time.monotonic() < end:
        time.sleep(0.01)
    assert set(read) >= set(range(20))
    streamed.close()


def test_one_array_is_read_at_both_placements():
    rows = np.array([31, 4, 4])
    for split in placements():
        for name in ("image", "label"):
            np.testing.assert_array_equal(split.read(name), ARRAYS[name])
            np.testing.assert_array_equal(split.read(name, rows), ARRAYS[name][rows])
        assert set(split.names) == {"image", "label"}
        with pytest.raises(DataError, match=r"'train': rows have image, label, but boxes is"):
            split.read("boxes")


@pytest.mark.parametrize("without", [(), ("image",), ("image", "label")])
def test_arrays_beside_and_in_place_of_its_own_go_the_same_way(without):
    rows = np.random.default_rng(1).permutation(50)[:33]
    extra = {"x": np.arange(33.0), "label": np.arange(33, dtype=np.int32) % 7}
    resident, streamed = (
        split.take(rows, name="part").with_arrays(extra, without=without) for split in placements()
    )
    want = {k: v[rows] for k, v in ARRAYS.items() if k not in without} | extra
    for split in (resident, streamed):
        assert set(split.names) == set(want)
        for name, value in want.items():
            np.testing.assert_array_equal(split.read(name), value)
        assert split.labels is not None
        np.testing.assert_array_equal(split.labels, extra["label"])
    pairs = zip(batches(resident, 1, 9), batches(streamed, 1, 9), strict=True)
    for first, second in pairs:
        for name in want:
            np.testing.assert_array_equal(first[name], second[name])
    streamed.close()


def test_streams_of_a_text_are_the_same_at_both_placements():
    """Row b of step s is row b * 6 + s: 50 rows are 8 streams of 6."""
    resident, streamed = (contiguous(split) for split in placements())
    pairs = zip(batches(resident, 2, 14), batches(streamed, 2, 14), strict=True)
    for step, (first, second) in enumerate(pairs, start=2):
        rows = np.arange(8) * 6 + step % 6
        np.testing.assert_array_equal(first["image"], ARRAYS["image"][rows])
        np.testing.assert_array_equal(second["image"], ARRAYS["image"][rows])
    streamed.close()

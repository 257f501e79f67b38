"""Times of work in space: one line each, beside the libraries that do the same."""

import re

from jaxdl.bench.interleaved import compare_times
from jaxdl.bench.shapes3d import bench_3d


def test_every_piece_of_work_has_a_line():
    lines = bench_3d(50, 8, 8, rounds=1).splitlines()
    names = ["chamfer of 50 by 50 points", "marching cubes of 8^3", "8x8 rays to 5808 faces"]
    assert [line.partition(":")[0] for line in lines] == names
    assert all(re.search(r": \d+\.\d ms", line) for line in lines)
    assert "SciPy's trees" in lines[0]


def test_the_ratio_is_the_median_of_rounds(monkeypatch):
    seconds = iter([0.002, 0.001, 0.004, 0.004, 0.009, 0.003])  # ours, theirs, ...
    monkeypatch.setattr("jaxdl.bench.interleaved.seconds_of", lambda work: next(seconds))
    line = compare_times("work", lambda: None, lambda: None, 3, whose="SciPy")
    assert line == "work: 4.0 ms, SciPy 3.0 ms: ratio 2.00"

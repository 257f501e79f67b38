"""Times of box operations: one line each, beside torchvision's where its operators run."""

import re

from jaxdl.bench.boxes import _compare, bench_boxes


def test_every_operation_has_a_line():
    lines = bench_boxes(20, rounds=1).splitlines()
    names = ["NMS of 20 boxes", "NMS, the first 300 of 20 boxes", "IoU matrix of 20 boxes"]
    assert [line.partition(":")[0] for line in lines] == names
    assert all(re.search(r": \d+\.\d ms", line) for line in lines)


def test_the_ratio_is_the_median_of_rounds(monkeypatch):
    seconds = iter([0.002, 0.001, 0.004, 0.004, 0.009, 0.003])  # ours, theirs, ...
    monkeypatch.setattr("jaxdl.bench.boxes.seconds_of", lambda work: next(seconds))
    line = _compare("NMS of 9 boxes", lambda: None, {"NMS": lambda: None}, 3)
    assert line == "NMS of 9 boxes: 4.0 ms, torchvision 3.0 ms: ratio 2.00"

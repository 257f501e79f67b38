"""Times of box operations: one line each, beside torchvision's where its operators run."""

import re

from jaxdl.bench.boxes import bench_boxes


def test_every_operation_has_a_line():
    lines = bench_boxes(20, rounds=1).splitlines()
    names = ["NMS of 20 boxes", "NMS, the first 300 of 20 boxes", "IoU matrix of 20 boxes"]
    assert [line.partition(":")[0] for line in lines] == names
    assert all(re.search(r": \d+\.\d ms", line) for line in lines)

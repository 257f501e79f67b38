"""What a run reports: the last row of its log, but for what nothing was counted in."""

import dataclasses
import math

from jaxdl.optim.config import SGD
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.report import report_fit
from tests.training import toys


def test_a_number_that_nothing_was_counted_in_is_left_out(tmp_path):
    task, loop = toys.classifier(SGD(lr=0.1), steps=4), LoopConfig(steps=4, log_every=2)
    done = fit(task, loop, tmp_path)
    rows = [{**row, "return": value} for row, value in zip(done.rows, (3.0, math.nan), strict=True)]
    for last, told in ((rows, None), (rows[::-1], 3.0)):
        report = report_fit(tmp_path, loop, task, dataclasses.replace(done, rows=last))
        assert report["metrics"].get("train_return") == told
        assert report["metrics"]["train_loss"] == last[-1]["loss"]

"""The best evaluation of a run, by hand, and what its folder keeps of it."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.runs.best_checkpoint import BestCheckpoint


def row(step, value, name="val_accuracy"):
    return {"step": step, name: value, "val_other": 0.0}


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [("val_accuracy", [0.1, 0.4, 0.4, 0.3], 1), ("val_loss", [3.0, 1.0, 2.0, 0.5], 3)],
)
def test_the_best_is_the_largest_or_the_smallest_loss_and_ties_go_to_the_first(
    tmp_path, name, values, best
):
    kept = BestCheckpoint(tmp_path, name, fresh=True)
    for i, value in enumerate(values):
        if kept.note(row(10 * i, value, name)):
            kept.save({"x": np.float32(value)})
    assert kept.step == 10 * best
    assert kept.since == len(values) - 1 - best
    assert kept.restore({"x": np.float32(0)}) == {"x": np.float32(values[best])}


def test_rows_without_an_evaluation_are_passed_over_and_a_wrong_name_is_an_error(tmp_path):
    kept = BestCheckpoint(tmp_path / "a", "val_acc", fresh=True)
    assert not kept.note({"step": 1, "loss": 2.0})
    with pytest.raises(UsageError, match=r"no number 'val_acc' .* val_accuracy, val_other"):
        kept.note(row(1, 0.5))
    nothing = BestCheckpoint(tmp_path / "b", "", fresh=True)
    assert not nothing.note(row(1, 0.5))
    assert nothing.restore("like") == "like"


def test_a_resumed_run_knows_its_best_and_warns_where_it_is_gone(tmp_path):
    first = BestCheckpoint(tmp_path, "val_accuracy", fresh=True)
    for step, value in ((1, 0.2), (2, 0.6)):
        first.note(row(step, value))
        first.save({"x": np.float32(value)})
    rows = [row(1, 0.2), row(2, 0.6), row(3, 0.5)]
    again = BestCheckpoint(tmp_path, "val_accuracy", fresh=False)
    again.resume(rows, 3)
    assert (again.step, again.since, again.value) == (2, 1, 0.6)
    again.drop_needless([2, 3])
    assert again.kept.steps() == [2]
    again.kept.drop([2])
    with pytest.warns(RuntimeWarning, match="of step 2, is no longer"):
        again.resume(rows, 3)
    assert again.note(row(4, 0.1))  # the best from here on


def test_the_best_of_every_step_that_may_be_resumed_is_kept(tmp_path):
    kept = BestCheckpoint(tmp_path, "val_accuracy", fresh=True)
    for step in (1, 3, 5, 7):
        kept.note(row(step, step / 10))
        kept.save({"x": np.float32(step)})
    kept.drop_needless([4, 8])
    assert kept.kept.steps() == [3, 7]

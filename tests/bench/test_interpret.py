"""What `bench interpret` times gives what captum gives, on the same weights."""

import re

import numpy as np
import pytest

from jaxdl.bench import interpret
from jaxdl.bench.interpret import NETS, Sizes, bench_interpret, works

SIZES = Sizes(2, 3, 2)


@pytest.mark.filterwarnings("ignore:Input Tensor:UserWarning")
def test_both_sides_do_the_same_work_and_have_a_line(monkeypatch):
    pytest.importorskip("captum")
    ours, theirs = both = works("lenet", (2, *NETS["lenet"]), SIZES)
    assert list(ours) == list(theirs)
    for what, work in ours.items():
        want = theirs[what]().detach().numpy().transpose(0, 2, 3, 1)
        assert np.abs(want).max() > 0.01
        np.testing.assert_allclose(work(), want, atol=1e-5)
    monkeypatch.setattr(interpret, "works", lambda name, shape, sizes: both)
    lines = bench_interpret({"lenet": NETS["lenet"]}, SIZES, rounds=1).splitlines()
    names = ["lenet, integrated gradients of 3", "lenet, PGD of 2"]
    assert [line.partition(":")[0] for line in lines] == names
    assert all(re.search(r"ms, captum \d+\.\d ms: ratio", line) for line in lines)

"""`jaxdl bench --device`: the numbers of its table from known times, judged by hand; tiny rows."""

import dataclasses
import json

import numpy as np
import pytest

from jaxdl.bench.accelerator import check
from jaxdl.bench.accelerator.inputs import draw_boxes, draw_vectors
from jaxdl.bench.accelerator.quality import quality_runs
from jaxdl.bench.accelerator.rows import all_rows
from jaxdl.bench.accelerator.table import markdown, peak_of

MS = {"jaxdl": 2.0, "eager": 8.0, "channels_last": 4.0}


class FakeSide:
    """Answers with known times; torch.compile fails, and a second round of jaxdl is an outlier."""

    def __init__(self, name):
        self.name, self.process, self.answers, self.rounds = name, object(), [], 0

    def send(self, *, do, form="", **ask):
        facts = {"images": 256, "flops": 989.4e9} if ask.get("make") == "images" else {}
        if ask.get("make") == "device":
            facts = {"device": "NVIDIA H100 80GB HBM3", "jax": "1", "torch": "2"}
        bad = form == "compile"
        self.answers.append({"error": "no compiler"} if bad else {"first": 1.0, **facts})

    def receive(self, seconds):
        return self.answers.pop(0)

    def ask(self, patience, *, do, form=""):
        return {}

    def end(self):
        pass


class Timed(FakeSide):
    def ask(self, patience, *, do, form="", seconds=0.0):
        self.rounds += do == "round"
        return {"ms": MS[form] * (9 if self.rounds == 2 else 1)} if do == "round" else {}


def test_ratios_rates_and_failures_are_those_of_the_rounds(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "Side", Timed)
    lines, out = [], tmp_path / "bench.json"
    assert check.bench_device(only=("resnet50_b",), out=out, say=lines.append) == 0
    row = json.loads(out.read_text())["rows"]["resnet50_bfloat16"]
    assert (row["ms"], row["best"], row["ratio"]) == (MS, "channels_last", 0.5)
    assert row["errors"] == {"compile": "no compiler"}
    text = out.with_suffix(".md").read_text()
    # 256 images and 989.4 GFLOP in 2 ms, of 989.4 TFLOP/s
    assert "128,000 images/s, 494.7 TFLOP/s, 50% of peak" in text
    assert "H100" in text
    assert "compile: no compiler" in text


def test_what_time_does_not_reach_is_left_out_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "Side", Timed)
    out = tmp_path / "bench.json"
    check.bench_device(seconds=1, only=("lenet",), out=out, say=lambda line: None)
    assert json.loads(out.read_text())["left_out"] == ["lenet_float32", "lenet_bfloat16"]
    assert "Left out, for time: lenet_float32" in out.with_suffix(".md").read_text()


def test_every_row_is_there_once_in_both_sizes():
    large, tiny = all_rows(tiny=False), all_rows(tiny=True)
    assert len({row.name for row in large}) == len(large) == len(tiny)
    compiled = [row.options["name"] for row in large if "compile" in row.forms]
    assert set(compiled) == {"preact_resnet20", "transformer", "resnet50", "vit_b_16"}
    assert not any("compile" in row.forms for row in tiny)
    assert all(dataclasses.asdict(row) for row in tiny)


def test_peaks_are_those_of_the_cards_that_are_known():
    assert peak_of("NVIDIA H200", "bfloat16") == peak_of("NVIDIA H100", "bfloat16") == 989.4e12
    assert peak_of("NVIDIA H200", "float32") == 494.7e12
    assert peak_of("cpu", "float32") is None
    assert "unknown device" in markdown({"device": {}, "rows": {}, "quality": {}, "left_out": []})


def test_drawn_inputs_have_their_shapes():
    near, far = draw_vectors(3, 5, 7)
    assert (near.shape, far.shape, near.dtype) == ((3, 7), (5, 7), np.float32)
    boxes, scores = draw_boxes(4)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert scores.shape == (4,)


@pytest.mark.parametrize("side", ["jax_side", "torch_side"])
def test_both_sides_make_the_work_of_every_row(side):
    if side == "torch_side":
        pytest.importorskip("torch")
        from jaxdl.bench.accelerator.torch_side import MAKERS
    else:
        from jaxdl.bench.accelerator.jax_side import MAKERS
    assert {row.make for row in all_rows(tiny=True)} | {"device", "drop"} == set(MAKERS)
    work = MAKERS["copy"](form="", size=5)
    work.run()
    assert work.units > 1


def test_a_run_without_its_rows_says_so(tmp_path):
    found = dict(quality_runs(tmp_path, True, lambda: 100.0))
    assert "is not there" in found["cifar10_speed"]["error"]


@pytest.mark.slow
def test_both_sides_do_tiny_rows(tmp_path):
    pytest.importorskip("torch")
    out, rows = tmp_path / "bench.json", ("product", "mlp_float32", "neighbors")
    assert check.bench_device(tiny=True, only=rows, out=out, say=print) == 0
    for row in json.loads(out.read_text())["rows"].values():
        assert set(row["ms"]) == {"jaxdl", "eager"}
        assert not row["errors"]

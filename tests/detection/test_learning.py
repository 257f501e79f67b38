"""Each detector learns a few pictures by heart: its losses pull where its boxes are read."""

from dataclasses import replace

import pytest

from jaxdl.catalog import find_configs
from jaxdl.detection.detector import DetectConfig
from jaxdl.experiment import read_config
from jaxdl.training.loop import fit

FLAGS = [
    *("--data.synthetic_rows", "16", "--data.max_objects", "2", "--data.image_size", "32"),
    *("--data.batch_size", "16", "--loop.steps", "250", "--loop.devices", "1"),
    *("--model.name", "deep_convnet", "--model.filters", "16", "32", "64", "64"),
    *("--model.pools", "1", "2", "3", "--model.batch_norm", "true"),
    *("--optim.lr", "3e-3"),
]
STAGE = ["--head.stage", "stage4"]
FASTER = ["--head.dropout", "0", "--head.post_nms_top_k", "12", "--head.stages"]
MORE = {
    "shapes_one_stage": [*STAGE, "--head.dropout", "0"],
    "shapes_faster_rcnn": [*FASTER, "stage4"],
    "shapes_fpn": [*FASTER, "stage2", "stage4"],
    "shapes_centernet": STAGE,
    "shapes_cornernet": STAGE,
    "shapes_detr": [*STAGE, "--optim.warmup", "20", "--loop.steps", "600"],
    "shapes_fast_rcnn": [*STAGE, "--head.dropout", "0", "--head.roi_size", "3"],
    "shapes_localize": [*STAGE, "--data.max_objects", "1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_a_detector_learns_by_heart(name, tmp_path):
    from pathlib import Path

    root = Path(__file__).parents[2]
    experiment, cfg = read_config(find_configs(root)[name], [*FLAGS, *MORE[name]])
    cfg = replace(cfg, detect=DetectConfig(max_detections=20, pre_nms_top_k=100))
    task = experiment.builder(name)(cfg)
    task = replace(task, splits={**task.splits, "test": task.splits["train"]})
    done = fit(task, cfg.loop, tmp_path / "run", seed=cfg.seed)
    assert task.measure(done.state, task.splits["test"])["map50"] > 0.9

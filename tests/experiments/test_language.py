"""Every language config takes a step, in shapes; what its experiment shows."""

import os
from pathlib import Path

import jax
import pytest

from jaxdl.cli import _read_config
from jaxdl.training.results import find_configs

ROOT = Path(__file__).parents[2]
CONFIGS = {
    name: path for name, path in find_configs(ROOT).items() if path.parent.name == "language"
}
SMALL = {"shapes": ["--data.rows=64"], "hello": []}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_takes_a_step_in_shapes(name):
    module, cfg = _read_config(CONFIGS[name], [])
    if (
        cfg.data.name == "coco_captions"
        and not (Path(os.environ.get("TFDS_DATA_DIR", "/nowhere")) / "coco_captions").is_dir()
    ):
        pytest.skip("coco_captions is not prepared")
    flags = [f"--data.batch_size={min(cfg.data.batch_size, 16)}"]
    if cfg.data.name == "text":
        flags.append(f"--data.path={ROOT / 'README.md'}")
    elif cfg.data.name not in ("hello", "coco_captions"):
        flags.append("--data.rows=32")
    if name == "coco_caption_attention":
        flags += ["--model.name=lenet", "--backbone.stage=stage2", "--data.image_size", "28"]
    _, cfg = _read_config(CONFIGS[name], flags)
    task = module.build(cfg)
    state = jax.eval_shape(task.init, jax.eval_shape(jax.random.key, 0))
    split = task.splits["train"]
    batch = split.batch(split.rows(0, 1)[0])
    step = jax.vmap(task.step, (None, 0), axis_name="device", axis_size=1)
    new, metrics = jax.eval_shape(step, state, jax.tree.map(lambda x: x[None], dict(batch)))
    assert jax.tree.structure(new) == jax.tree.structure(state)
    assert all(
        a.shape[1:] == b.shape for a, b in zip(*map(jax.tree.leaves, (new, state)), strict=True)
    )
    assert "loss" in metrics

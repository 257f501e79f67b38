"""Every generative config takes a step, in shapes; a run with two parts is shown again."""

from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from experiments.generative.adversarial import surest
from experiments.generative.text_diffusion import TextEvaluator
from jaxdl.catalog import find_configs
from jaxdl.cli import main
from jaxdl.data.load import load_splits
from jaxdl.experiment import read_config
from jaxdl.generative.sample_evaluator import SampleEvaluator, SampleEvaluatorConfig
from jaxdl.selfsup.shape_texts import COMBINATIONS, held_out, with_texts

ROOT = Path(__file__).parents[2]
CONFIGS = {
    name: path for name, path in find_configs(ROOT).items() if path.parent.name == "generative"
}
SIZES = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Random images of each set's size."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        images = rng.integers(0, 256, (60, *size), dtype=np.uint8)
        np.savez(folder / f"{name}.npz", image=images, label=np.arange(60) % 10)
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_takes_a_step_in_shapes(name, files):
    _, cfg = read_config(CONFIGS[name], [])
    flags = ["--data.batch_size=20", "--data.val=0"]
    if cfg.data.name in SIZES:
        flags += ["--data.name=npz", f"--data.path={files / cfg.data.name}.npz"]
    else:
        flags += ["--data.synthetic_rows=600"]
    experiment, cfg = read_config(CONFIGS[name], flags)
    task = experiment.builder(name)(cfg)
    state = jax.eval_shape(task.init, jax.eval_shape(jax.random.key, 0))
    split = task.splits["train"]
    batch = split.batch(split.rows(0, 1)[0])
    step = jax.vmap(task.step, (None, 0), axis_name="device", axis_size=1)
    new, metrics = jax.eval_shape(step, state, jax.tree.map(lambda x: x[None], dict(batch)))
    assert jax.tree.structure(new) == jax.tree.structure(state)
    assert all(
        a.shape[1:] == b.shape for a, b in zip(*map(jax.tree.leaves, (new, state)), strict=True)
    )
    assert {"loss", "d_loss"} & set(metrics)


def test_a_run_with_a_prior_is_resumed_and_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    run = tmp_path / "run"
    flags = ["--data.name", "digits", "--data.val", "100", "--evaluator.epochs", "0"]
    flags += ["--model.codes", "4", "--model.features", "2", "2", "--model.blocks", "1"]
    flags += ["--prior.features", "2", "--prior.depth", "1", "--prior.loop.steps", "2"]
    flags += ["--loop.steps", "2"]
    for more in ([], ["--resume"]):
        with pytest.raises(SystemExit) as stop:
            main(argv=["run", "mnist_vqvae", *flags, "--run-dir", str(run), *more])
        assert stop.value.code == 0
    with pytest.raises(SystemExit) as stop:
        main(argv=["show", "run", str(run)])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for name in ("reconstructions", "samples"):
        path = run / "shown" / f"{name}.png"
        assert str(path) in shown
        again = np.asarray(Image.open(path))
        np.testing.assert_array_equal(again, np.asarray(Image.open(run / f"{name}.png")))


@pytest.mark.slow
def test_a_judge_is_trained_once_and_knows_its_images(tmp_path, monkeypatch):
    """Real scans are near real ones, noise is not; other batches have the same judge."""
    from jaxdl.data.config import DataConfig

    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path))
    data = DataConfig(name="digits", batch_size=50, val=100)
    cfg = SampleEvaluatorConfig(epochs=15, features=16, num_samples=180)
    judge = SampleEvaluator(cfg, data)
    said = judge.describe()
    assert said["test_accuracy"] > 0.97
    images = load_splits(data)["test"].read("image")[180:].astype(np.float32) / 255
    real, noise = (
        judge.measure(images),
        judge.measure(np.random.default_rng(0).random(images.shape)),
    )
    assert real["frechet"] == pytest.approx(real["frechet_of_real"])
    assert real["frechet"] < noise["frechet"] / 5
    assert real["precision"] > 0.8 > 0.5 > noise["precision"]
    assert real["confidence"] > 0.95
    assert real["classes"] == 10
    again = SampleEvaluator(cfg, DataConfig(name="digits", batch_size=64))
    assert again.describe() == said
    assert len(list((tmp_path / "judges").iterdir())) == 1


def test_what_is_said_of_texts_is_counted_pair_by_pair():
    """Ten pictures of every text; planted: what the judge said of each."""
    path = CONFIGS["shapes_text_diffusion"]
    flags = ["--data.synthetic_rows=600", "--samples=10", "--diffusion.guidance=1"]
    cfg = read_config(path, [*flags, "--guidances", "3", "0"])[1]
    splits = with_texts(load_splits(cfg.data, fields=("image", "caption")), cfg.held_out)
    evaluate = TextEvaluator(cfg, None, None, splits)
    asked, said = evaluate.asked, evaluate.asked.copy()
    assert len(asked) == 10 * len(COMBINATIONS) == 480
    hidden = [i for i in range(480) if np.logical_or(*held_out(0.2))[asked[i]]]
    other = {
        "kind": COMBINATIONS.index(("red", "circle")),
        "color": COMBINATIONS.index(("blue", "square")),
    }
    wrong = asked == COMBINATIONS.index(("red", "square"))  # ten, one kind and one color of them
    said[np.flatnonzero(wrong)[:3]] = other["kind"]
    said[np.flatnonzero(wrong)[3:4]] = other["color"]
    said[np.flatnonzero(wrong)[4]] = -1  # nothing is seen
    truth = splits["test"].read("combination")
    rows = {
        "loss": np.array([1.0, 3.0]),
        "said_1": said,
        "said_3": asked,
        "said_0": np.roll(asked, 1),
        "said_of_real": np.where(np.arange(len(truth)) == 0, -1, truth),
    }
    red_square_hidden = np.flatnonzero(wrong)[0] in hidden
    assert evaluate.numbers(splits["test"], rows) == pytest.approx(
        {
            "loss": 2.0,
            "match": 475 / 480,
            "unseen_match": 1 - 5 * red_square_hidden / len(hidden),
            "color_match": 478 / 480,
            "kind_match": 476 / 480,
            "match_guidance_1": 475 / 480,
            "match_guidance_3": 1.0,
            "match_guidance_0": 0.0,
            "real_match": 1 - 1 / len(truth),
        }
    )


def test_the_surest_rows_of_each_class_come_first():
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.99, 0.01]])
    assert surest(shares, 2).tolist() == [[3, 0], [1, 2]]

"""Scripts that read whole arrays, on streamed rows, judged by their runs on rows of the device."""

import json
from pathlib import Path

import pytest

from jaxdl.cli import main
from tests.small_runs import SMALL, TWO

ROOT = Path(__file__).parents[2]
READERS = {
    "classic.against_scikit_learn": ["--learners", "pca"],
    "classic.boundaries": [],
    "classic.grid": [],
    "classic.neighbors": [],
    "generative.adversarial": [],
    "language.characters": [],
}
SLOW_READERS = {
    "detection.regions": [],
    "generative.autoencoder": ["--binarize", "true"],
    "generative.vqvae": [],
}


def run(config, flags, folder):
    with pytest.raises(SystemExit) as stop:
        main(argv=["run", config, *flags, "--run-dir", str(folder)])
    assert stop.value.code == 0
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize(
    "name", [*READERS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_READERS)]
)
def test_streamed_rows_give_the_numbers_of_rows_on_the_device(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    config, flags = SMALL[name]
    device, stream = (
        run(
            config,
            [*flags, *(READERS | SLOW_READERS)[name], "--data.placement", placement],
            tmp_path / placement,
        )
        for placement in ("device", "stream")
    )
    timed = ("ratio", "_ms", "seconds")
    want = {k: v for k, v in device["metrics"].items() if not any(word in k for word in timed)}
    assert want
    assert {k: stream["metrics"][k] for k in want} == pytest.approx(want, rel=1e-4, abs=1e-5)


def test_a_layer_that_is_computed_from_images_reads_streamed_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    flags = ["--data.name", "shapes", "--data.image_size", "32", "--data.synthetic_rows", "64"]
    flags += ["--data.batch_size", "16", "--data.placement", "stream"]
    flags += ["--model.widths", "4", "4", "4", *TWO]
    assert run("cifar10_speed", flags, tmp_path / "run")["metrics"]["test_loss"] > 0

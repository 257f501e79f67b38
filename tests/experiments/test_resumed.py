"""Every script that trains: taken up again it ends as the whole run; two devices as one."""

import json
import shutil

import jax
import pytest

from jaxdl.catalog import find_configs
from jaxdl.cli import main
from jaxdl.experiment import read_config, read_run
from tests.data.made_files import write_files
from tests.small_runs import ROOT, SMALL

EACH = ["--loop.log_every", "1", "--loop.save_every", "1", "--loop.steps", "2"]
ALONE = {"rl.agent", "rl.cloning"}  # each device has environments of its own


def trains(name):
    config, _ = SMALL[name]
    experiment = read_config(find_configs(ROOT)[config], [])[0]
    return experiment.build is not None and experiment.run is None


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_files(folder)
    return folder


def run(name, folder, *more):
    """(SHA-256 of the parameters, metrics) of two steps."""
    config, flags = SMALL[name]
    with pytest.raises(SystemExit) as stop:
        main(argv=["run", config, *flags, *EACH, *more, "--run-dir", str(folder)])
    assert stop.value.code == 0
    report = json.loads((folder / "report.json").read_text())
    return report["params_sha256"], report["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_run_is_taken_up_again_and_divided(name, tmp_path, monkeypatch, data_dir):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("JAXDL_DATA_DIR", str(data_dir))
    if not trains(name):
        pytest.skip("it has no loop, or one of its own")
    folder = tmp_path / "run"
    whole, metrics = run(name, folder, "--loop.devices", "1")
    newest = folder / "checkpoints/2"
    shutil.rmtree(newest)
    newest.with_name("2.manifest.json").unlink(missing_ok=True)
    assert run(name, folder, "--loop.devices", "1", "--resume")[0] == whole
    jax.clear_caches()
    if name in ALONE or read_run(folder, [])[1].state.extra:
        return  # statistics of batch norms are each device's own
    _, divided = run(name, tmp_path / "two", "--loop.devices", "2")
    trained = {k: v for k, v in metrics.items() if k.startswith("train_")}
    assert trained
    assert {k: divided[k] for k in trained} == pytest.approx(trained, rel=1e-3, abs=1e-4)
    jax.clear_caches()

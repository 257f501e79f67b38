"""Where configs and experiments are found: files made here, and a package as pip lays it out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jaxdl import catalog
from jaxdl.catalog import all_configs, find_config, find_configs, load_script
from jaxdl.checks import UsageError
from jaxdl.commands import run
from jaxdl.experiment import read_config
from tests.commands.asking import ask

ROOT = Path(__file__).parents[1]
SCRIPT = """
from dataclasses import dataclass
from jaxdl.training.report import report_numbers
import {beside}
@dataclass(frozen=True)
class Config:
    width: int = 3
    seed: int = 0
def run(cfg, run_dir):
    return report_numbers(cfg, {{"width": {beside}.twice(cfg.width)}}, {{"total": 1.0}})
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder that is no checkout, with a script of one's own and a module beside it."""
    name = f"beside_{tmp_path.name}".replace("-", "_")
    (tmp_path / "mine.py").write_text(SCRIPT.format(beside=name))
    (tmp_path / f"{name}.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for module in set(sys.modules) - before:
        if not module.startswith(("jax", "experiments")) or "jaxdl_experiment" in module:
            del sys.modules[module]


def width_of(*words):
    """What `jaxdl run` of these words reports."""
    from jaxdl.plain_file import read_json

    folder = Path("out")
    shutil.rmtree(folder, ignore_errors=True)
    parsed = ["--config", words[0]] if len(words) == 1 else list(words)
    assert ask(run, *parsed, "--run-dir", folder) == 0
    return read_json(folder / "report.json")["metrics"]["width"]


def test_a_file_is_run_with_its_defaults_a_config_beside_it_and_flags(own):
    assert width_of("mine.py") == 6
    (own / "wide.toml").write_text('experiment = "mine.py"\nwidth = 5\n')
    assert width_of("wide.toml") == 10
    assert width_of("--config", "wide.toml", "--width", "7") == 14
    (own / "bare.toml").write_text("width = 4\n")
    experiment, cfg = read_config(own / "bare.toml", [], script=own / "mine.py")
    assert (experiment.name, cfg.width) == (str(own / "mine.py"), 4)


def test_a_run_of_a_file_is_found_again_from_elsewhere(own, monkeypatch):
    assert width_of("mine.py") == 6
    monkeypatch.chdir("/")
    assert read_config(own / "out/config.toml", [], saved=True)[0].name == str(own / "mine.py")


def test_own_folders_stand_beside_jaxdls_and_shadow_nothing(own):
    (own / "experiments/fresh").mkdir(parents=True)
    for path in own.glob("*.py"):
        shutil.copy(path, own / "experiments/fresh")
    (own / "experiments/fresh/mine.py").rename(own / "experiments/fresh/try_it.py")
    (own / "configs").mkdir()
    (own / "configs/tried.toml").write_text('experiment = "fresh.try_it"\nwidth = 8\n')
    shutil.copy(find_configs(ROOT)["digits_mlp"], own / "configs/digits_mlp.toml")
    assert all_configs() == find_configs(ROOT) | {"tried": own / "configs/tried.toml"}
    assert find_config("digits_mlp") == find_configs(ROOT)["digits_mlp"]  # a copy is no other
    assert read_config(find_config("tried"), [])[1].width == 8
    (own / "configs/digits_mlp.toml").write_text('experiment = "fresh.try_it"\n')
    with pytest.raises(UsageError, match="digits_mlp: there are two, jaxdl's .* and yours"):
        find_config("digits_mlp")


def test_a_module_and_an_entry_point_are_experiments(own):
    (own / "labs").mkdir()
    shutil.copy(own / "mine.py", own / "labs/first.py")
    assert load_script("labs.first").Config().width == 3
    info = own / "labs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: labs\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[jaxdl.experiments]\nour_study = labs.first\n")
    assert load_script("our_study") is load_script("labs.first")


def test_what_is_no_experiment_is_said(own):
    (own / "empty.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match=r"empty\.py must define a dataclass Config, and build"):
        load_script(str(own / "empty.py"))
    with pytest.raises(UsageError, match="there is no such file"):
        load_script(str(own / "absent.py"))
    with pytest.raises(UsageError, match=r"did you mean classification\.train"):
        load_script("clasification.train")
    (own / "broken.py").write_text("def build(:\n")
    with pytest.raises(SyntaxError):  # a person's own code shows where it breaks
        load_script(str(own / "broken.py"))


def test_from_a_wheel_all_configs_are_there_in_an_empty_folder(own):
    """As `force-include` of pyproject.toml lays it out, and nothing else is on the path."""
    site = own / "site"
    package = site / "jaxdl"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "jaxdl", package, ignore=skip)
    for name in ("configs", "experiments"):
        shutil.copytree(ROOT / name, package / name, ignore=skip)
    shutil.copy(ROOT / "results.json", package)
    empty = own / "empty"
    empty.mkdir()
    code = (
        f"import sys; sys.path[:] = [{str(site)!r}, *[p for p in sys.path if p != {str(ROOT)!r}]]\n"
        "from jaxdl.catalog import all_configs, load_script\n"
        "import jaxdl; assert jaxdl.__file__.startswith(sys.path[0])\n"
        "print(len(all_configs()), load_script('classification.train').__name__)"
    )
    ran = [sys.executable, "-I", "-c", code]
    out = subprocess.run(ran, capture_output=True, text=True, cwd=empty, check=False)
    assert out.stdout.split() == [
        str(len(find_configs(ROOT))),
        "jaxdl.experiments.classification.train",
    ], out.stderr


def test_results_are_recorded_where_a_person_keeps_them(own, monkeypatch):
    assert catalog.results_root() == ROOT
    (own / "results.json").write_text("{}")
    assert catalog.results_root() == own

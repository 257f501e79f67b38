"""Configs written with old names, judged by the same ones written with today's."""

import dataclasses
import importlib
import json
from pathlib import Path

import pytest

from jaxdl import old_names
from jaxdl.catalog import find_config
from jaxdl.checks import UsageError
from jaxdl.config import parse, read_toml, rename_flags, rename_table, to_table
from jaxdl.data.config import data_config
from jaxdl.experiment import read_config
from jaxdl.models.registry import model_options
from jaxdl.optim.config import LBFGS, RULES, Momentum, OptimConfig
from jaxdl.runs.results import read_results
from jaxdl.runs.run_folder import open_run, write_toml

ROOT = Path(__file__).parents[1]
OLD = """experiment = "detection.localise"
head = { hidden = 16, weight = 2.0 }
detect = { threshold = 0.1, overlap = 0.4, count = 7, before = 70 }
"""
NEW = """experiment = "detection.localize"
head = { features = 16, box_weight = 2.0 }
detect = { score_threshold = 0.1, nms_iou = 0.4, max_detections = 7, pre_nms_top_k = 70 }
"""
GAN = [
    "--game.noise",
    "4",
    "--game.noise-kind=normal",
    "--game.loss",
    "wgan",
    "--judge.neighbours=2",
]
TODAY = ["--gan.latent_dim", "4", "--gan.latent_distribution=normal", "--gan.loss", "wgan"]


def config_class(experiment):
    return importlib.import_module(f"experiments.{experiment}").Config


def read(path, text, *flags):
    path.write_text(text)
    table = read_toml(path)
    experiment = table.pop("experiment")
    flags = rename_flags(flags, experiment)
    return parse(config_class(experiment), table, flags, path=path, prog="test")


def names(cls, prefix=""):
    """The dotted names of a dataclass's fields, and of the tables that hold them."""
    for field in dataclasses.fields(cls):
        yield prefix + field.name
        if dataclasses.is_dataclass(field.default):
            for variant in family(type(field.default)):
                yield from names(variant, f"{prefix}{field.name}.")


def family(cls):
    """The class, or, of one that has a choice, all that can be chosen."""
    yield cls
    if hasattr(cls, "choose"):
        base = next(c for c in reversed(cls.__mro__) if "choose" in vars(c))
        kinds = [base]
        for kind in kinds:
            kinds += kind.__subclasses__()
        yield from kinds


def test_a_file_with_old_names_is_the_same_config_and_says_so(tmp_path, capsys):
    want = read(tmp_path / "new.toml", NEW)
    assert capsys.readouterr().err == ""
    got = read(tmp_path / "old.toml", OLD)
    assert (got.head, to_table(got)) == (want.head, to_table(want))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"config {tmp_path / 'old.toml'}: " in said
    assert "detection.localise -> detection.localize" in said
    assert "head.hidden -> head.features" in said
    assert "detect.overlap -> detect.nms_iou" in said


def test_flags_with_old_names_are_the_same_config_and_say_so(tmp_path, capsys):
    file = 'experiment = "generative.adversarial"'
    want = read(tmp_path / "a.toml", file, *TODAY, "--evaluator.k=2")
    assert capsys.readouterr().err == ""
    got = read(tmp_path / "a.toml", file, *GAN)
    assert (got.gan, to_table(got)) == (want.gan, to_table(want))
    said = capsys.readouterr().err
    assert said.startswith("flags: ")
    assert "game.noise_kind -> gan.latent_distribution" in said


@pytest.mark.parametrize(("old", "new"), [("fast", False), ("warp", True)])
def test_an_old_value_of_a_file_or_a_flag_is_todays(tmp_path, capsys, old, new):
    file = f'experiment = "detection.regions"\nhead = {{ way = "{old}", source = "colours" }}'
    head = read(tmp_path / "a.toml", file).head
    assert (head.warp, head.proposal_method) == (new, "colors")
    assert f"head.warp = {old} -> {new}" in capsys.readouterr().err
    for flags in (["--head.way", old], [f"--head.way={old}"]):
        assert (
            read(tmp_path / "b.toml", 'experiment = "detection.regions"', *flags).head.warp == new
        )


def test_one_name_means_different_fields_in_different_experiments():
    assert (
        rename_flags(["--head.negative", "0.1"], "detection.one_stage")[0] == "--head.negative_iou"
    )
    assert (
        rename_flags(["--head.negative", "0.1"], "detection.faster_rcnn")[0]
        == "--head.rpn_negative_iou"
    )
    assert rename_flags(["--head.hidden", "9"], "detection.faster_rcnn")[0] == "--head.hidden"


def test_a_field_under_both_its_names_is_refused():
    both = {"experiment": "classification.train", "mirror": True, "flip_eval": False}
    with pytest.raises(
        UsageError, match=r"my\.toml: mirror is the old name of flip_eval; give one"
    ):
        rename_table(both, "my.toml")
    with pytest.raises(UsageError, match="mirror and flip_eval both mean flip_eval; give one"):
        rename_flags(["--flip_eval", "False", "--mirror=True"], "classification.train")


def test_a_flag_under_its_new_name_has_the_last_word_over_a_file_with_the_old(tmp_path):
    file = 'experiment = "classification.train"\nmirror = true'
    assert read(tmp_path / "a.toml", file).flip_eval is True
    assert read(tmp_path / "a.toml", file, "--flip_eval", "False").flip_eval is False


OPTIM = """experiment = "generative.vqvae"
[optim]
name = "momentum"
lr = 0.1
momentum = 0.8
b1 = 0.5
b2 = 0.999
eps_in_root = false
centered = false
smoothing = 0.99
step_momentum = 0.0
accumulator = 0.0
accumulate = 2
floor = 0.1
cycle = 0.5
memory = 10
search_steps = 20
[prior.optim]
name = "rmsprop"
smoothing = 0.9
momentum = 0.9
"""  # as a run of the first release kept it: the options of all rules


def test_a_saved_run_has_the_options_of_its_update_rule(tmp_path):
    cfg = read(tmp_path / "a.toml", OPTIM)
    want = {"lr": 0.1, "momentum": 0.8, "accumulate_steps": 2, "min_factor": 0.1}
    assert cfg.optim == Momentum(**want, first_cycle=0.5)
    assert (cfg.prior.optim.name, cfg.prior.optim.rmsprop_decay) == ("rmsprop", 0.9)
    new = 'experiment = "generative.vqvae"\noptim = { name = "momentum", b1 = 0.5 }'
    with pytest.raises(UsageError, match="--optim.b1"):
        read(tmp_path / "b.toml", new)


def test_a_saved_run_with_a_line_search_has_no_schedule(tmp_path):
    lines = (
        'name = "lbfgs"\nmemory = 5\nschedule = "constant"\nwarmup = 0\nclip_norm = 0.0\nswa = 0.0'
    )
    file = f'experiment = "classification.train"\n[optim]\n{lines}'
    assert read(tmp_path / "a.toml", file).optim == LBFGS(lbfgs_history=5)


def test_every_new_name_is_a_field_and_no_old_one_is():
    configs = [".".join(p.parts[-2:])[:-3] for p in (ROOT / "experiments").glob("*/*.py")]
    configs = {name: set(names(config_class(name))) for name in configs if "__" not in name}
    everywhere = set().union(*configs.values())
    assert set(old_names.FIELDS.values()) <= everywhere
    assert set(old_names.VALUES) <= everywhere
    for experiment, table in old_names.FIELDS_OF.items():
        for old, new in table.items():
            assert new in configs[experiment], (experiment, new)
            assert old == new or old not in configs[experiment], (experiment, old)
    for old in old_names.FIELDS:
        kept = {name for name, table in old_names.FIELDS_OF.items() if table.get(old) == old}
        assert {name for name, fields in configs.items() if old in fields} <= kept, old
    shared = {field.name for field in dataclasses.fields(OptimConfig)}
    every = {field.name for rule in RULES.values() for field in dataclasses.fields(rule)}
    assert old_names.RULES_OF.keys() == every - shared
    for option, rules in old_names.RULES_OF.items():
        assert tuple(OptimConfig.known_by(option)) == rules, option
    assert set(old_names.EXPERIMENTS.values()) <= configs.keys()
    assert all(find_config(name).is_file() for name in old_names.CONFIGS.values())


def test_results_and_configs_under_old_names_are_found_under_todays(tmp_path, capsys):
    metrics = {"best_strength": 0.1, "test_accuracy": 0.5}
    command = "jaxdl run fashion_optimisers --names sgd"
    rest = {"seconds": {"total": 1.0}, "devices": 1, "device": "cpu: cpu"}
    entry = {"experiment": "training.optimisers", "metrics": metrics, "command": command, **rest}
    (tmp_path / "results.json").write_text(json.dumps({"fashion_optimisers": entry}))
    assert read_results(tmp_path) == {
        "fashion_optimizers": {
            "experiment": "training.optimizers",
            "metrics": {"best_penalty_weight": 0.1, "test_accuracy": 0.5},
            "headline": "test_accuracy",
            "command": "jaxdl run fashion_optimizers --optimizers sgd",
            **rest,
        }
    }
    assert "fashion_optimisers -> fashion_optimizers" in capsys.readouterr().err
    assert find_config("shapes_localise").stem == "shapes_localize"
    assert "shapes_localize" in capsys.readouterr().err


SAVED = """experiment = "classification.train"
[data]
name = "{name}"
batch_size = 8
dir = ""
path = ""
images = ""
annotations = ""
train = "train"
test = "test"
val = 3
seed = 0
classes = []
rows = {rows}
image_size = []
boxes = 64
objects = 0
length = 17
frames = 16
label = "class"
road = "{road}"
budget = 5
workers = 0
download = false
"""  # what a run of the first release kept of its data, all sources' options among it


@pytest.mark.parametrize(
    ("name", "rows", "want"),
    [
        ("digits", 0, {}),
        ("shapes", 7, {"synthetic_rows": 7}),
        ("shapes", 0, {}),
        ("voc/2007", 0, {"max_boxes": 64}),
        ("voc_folder", 0, {}),
        ("csv", 0, {}),
    ],
)
@pytest.mark.parametrize(("road", "placement"), [("resident", "device"), ("stream", "stream")])
def test_a_saved_run_of_the_first_release_has_its_data(tmp_path, name, rows, want, road, placement):
    data = read(tmp_path / "a.toml", SAVED.format(name=name, rows=rows, road=road)).data
    shared = {"batch_size": 8, "val": 3, "placement": placement, "max_device_bytes": 5}
    assert data == data_config(name, **shared, **want)


def test_an_option_of_another_source_that_was_set_is_still_refused(tmp_path):
    text = SAVED.format(name="digits", rows=7, road="auto")
    with pytest.raises(UsageError, match="--data.synthetic_rows=7"):
        read(tmp_path / "a.toml", text)


@pytest.mark.parametrize(
    ("experiment", "old", "new"),
    [
        ("training.trajectories", 'name = "valley", noise = 2.0', "surface"),
        ("classic.random_matrices", 'name = "normal", size = 5', "matrices"),
        ("language.sequence_layers", 'name = "normal", rows = 5', "sequences"),
    ],
)
def test_what_was_no_data_has_a_table_of_its_own(tmp_path, experiment, old, new):
    cfg = read(tmp_path / "a.toml", f'experiment = "{experiment}"\ndata = {{ {old} }}')
    name, value = old.rpartition(", ")[2].split(" = ")
    assert getattr(getattr(cfg, new), name) == float(value)


def test_a_run_that_lists_the_options_of_all_sources_goes_on(tmp_path, capsys):
    today = {"experiment": "classification.train", "data": {"name": "digits", "batch_size": 32}}
    idle = {"boxes": 64, "frames": 16, "path": "", "image_size": []}
    for folder, more in {"same": {}, "other": {"path": "here"}}.items():
        (tmp_path / folder).mkdir()
        old = {**today, "data": today["data"] | idle | more}
        write_toml(tmp_path / folder / "config.toml", old)
    with open_run(tmp_path / "same", today, resume=True, again=""):
        assert "resuming with" not in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"resume: data\.path cannot change"):
        open_run(tmp_path / "other", today, resume=True, again="").__enter__()


def test_a_run_from_before_an_option_goes_on_as_it_was(tmp_path, capsys):
    old = {"experiment": "classification.train", "model": {"name": "mobilenet_v2"}}
    today = {**old, "model": old["model"] | {"weights": "", "padding": "auto"}}
    for folder in ("same", "other"):
        (tmp_path / folder).mkdir()
        write_toml(tmp_path / folder / "config.toml", old)
    with open_run(tmp_path / "same", today, resume=True, again=""):
        assert "resuming with" not in capsys.readouterr().err
    today["model"]["weights"] = "mobilenet_v2"
    with pytest.raises(UsageError, match=r"resume: model\.weights cannot change"):
        open_run(tmp_path / "other", today, resume=True, again="").__enter__()
    fields = {f"model.{f.name}" for f in dataclasses.fields(model_options("mobilenet_v2"))}
    fields |= {f"data.{f.name}" for f in dataclasses.fields(data_config("csv"))}
    assert old_names.ADDED.keys() <= fields


@pytest.mark.parametrize(("old", "today", "want"), [("", "a", "a"), ("b", "", "b"), ("", "", "")])
def test_a_field_that_took_over_another_reads_files_that_have_both(tmp_path, old, today, want):
    """What `language.caption` saved when its weights had two fields; one of them was empty."""
    table = {"experiment": "language.caption", "backbone": {"weights": old, "grid": 2}}
    write_toml(tmp_path / "c.toml", table | {"model": {"name": "mobilenet_v2", "weights": today}})
    cfg = read_config(tmp_path / "c.toml", [])[1]
    assert (cfg.model.weights, cfg.backbone.grid) == (want, 2)


def test_a_field_under_two_names_that_differ_is_refused(tmp_path):
    table = {"experiment": "language.caption", "backbone": {"weights": "b"}}
    write_toml(tmp_path / "c.toml", table | {"model": {"name": "mobilenet_v2", "weights": "a"}})
    with pytest.raises(UsageError, match=r"backbone\.weights is the old name of model\.weights"):
        read_config(tmp_path / "c.toml", [])

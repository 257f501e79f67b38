"""Options of each source, by the words of its help: what applies is taken, all else refused."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from jaxdl.checks import UsageError
from jaxdl.config import parse, to_table
from jaxdl.data.config import (
    VARIANTS,
    CocoJsonData,
    DataConfig,
    ShapesData,
    TfdsData,
    VocFolderData,
    data_config,
)

SHARED = {field.name for field in fields(DataConfig)}


@dataclass(frozen=True)
class Config:
    """As an experiment has it."""

    data: DataConfig = ShapesData(image_size=(64,), batch_size=8)


def read(*flags, **table):
    return parse(Config, {"data": table}, flags, path=Path("c.toml"), prog="test").data


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("digits", set()),
        (
            "mnist",
            {"dir", "download", "image_size", "max_boxes", "max_length", "min_count", "clip_frames"}
            | {"annotations"},
        ),
        ("shapes", {"image_size", "synthetic_rows", "max_objects", "anywhere", "annotations"}),
        ("moving", {"image_size", "synthetic_rows"}),
        ("reverse", {"synthetic_rows"}),
        ("two_moons", {"synthetic_rows"}),
        ("rings", {"synthetic_rows", "noise"}),
        ("line", {"synthetic_rows", "axis_range"}),
        ("folder", {"path", "image_size"}),
        ("csv", {"path", "label_type", "standardize", "label_column", "ignore"}),
        ("npz", {"path", "label_type", "standardize"}),
        ("text", {"path", "max_length"}),
        ("voc_folder", {"path", "image_size", "annotations", "max_boxes"}),
        ("mask_folder", {"path", "image_size", "ignore", "class_names", "values"}),
    ],
)
def test_a_source_has_its_own_options_and_the_shared_ones(name, own, capsys):
    with pytest.raises(SystemExit):
        read("--help", name=name)
    said = capsys.readouterr().out.replace("-", "_")
    assert {n for n in SHARED | own if f"__data.{n}" not in said} == set()
    others = {f.name for variant in VARIANTS.values() for f in fields(variant)} - SHARED - own
    assert {n for n in others if f"__data.{n} " in said} == set()
    assert {f.name for f in fields(DataConfig.choose(name))} == SHARED | own


def test_another_name_takes_the_shared_options_along():
    table = {"name": "shapes", "synthetic_rows": 5, "val": 2}
    assert read(**table) == ShapesData(image_size=(64,), batch_size=8, synthetic_rows=5, val=2)
    other = read("--data.name", "coco/2017", **table)
    assert isinstance(other, TfdsData)
    assert (other.name, other.batch_size, other.val) == ("coco/2017", 8, 2)
    assert read("--data.name=rings", **table).noise == 0.1


def test_what_belongs_to_another_source_is_unknown_and_the_nearest_named():
    with pytest.raises(
        UsageError, match=r"data.max_boxes: an option of .*coco_json.*tensorflow-datasets"
    ):
        read("--data.max_boxes", "3")
    with pytest.raises(UsageError, match=r"data.max_object: did you mean --data.max_objects"):
        read("--data.max_object", "3")
    with pytest.raises(UsageError, match=r"config c.toml:\n.*\n.*--data.synthetic_rows=5"):
        read(name="digits", synthetic_rows=5)
    with pytest.raises(UsageError, match="'rings' belongs to ToyData, not to DataConfig"):
        replace(DataConfig(), name="rings")


@pytest.mark.parametrize("name", [*VARIANTS, "cifar10"])
def test_a_config_is_read_again_as_it_was_written(name):
    cfg = data_config(name, batch_size=3, classes=("a",))
    assert read(**to_table(cfg)) == cfg


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (DataConfig, {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        (DataConfig, {"placement": "resident"}, "data.placement.*auto, device, stream"),
        (DataConfig, {"max_device_bytes": 0}, "max_device_bytes must be at least 1"),
        (ShapesData, {"synthetic_rows": 0}, "synthetic_rows must be at least 1"),
        (ShapesData, {"image_size": (1, 2, 3)}, "one or two sizes"),
        (TfdsData, {"clip_frames": 0}, "clip_frames must be at least 1"),
        (CocoJsonData, {"annotations": "pixels"}, "data.annotations"),
        (VocFolderData, {"annotations": "captions"}, "data.annotations"),
    ],
)
def test_values_out_of_range_are_named(make, wrong, message):
    with pytest.raises(UsageError, match=message):
        make(**wrong)

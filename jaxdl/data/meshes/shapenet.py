"""ShapeNetCore's folders: a synset a class, a folder for each of its models."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.capped import read_capped
from jaxdl.data.files.coco_schema import read_text, show_value
from jaxdl.data.meshes.json_entries import read_entries
from jaxdl.data.meshes.mesh_folder import SPLITS, MeshFolder
from jaxdl.data.notes import Notes

# Of version 2, then of version 1.
MESHES = ("models/model_normalized.obj", "model.obj")
SYNSET = re.compile(r"[0-9]{8}")


def read_shapenet(root: Path, points: int) -> tuple[dict[str, MeshFolder], tuple[str, ...]]:
    """The meshes of each split of `root/SYNSET/MODEL/`, and the classes (Chang et al. 2015).

    `root/taxonomy.json`, where it is there, names the synsets; `root/all.csv` has the splits of the
    official challenge, without it all models are train's. A model without a mesh, and one that
    `all.csv` does not list, is left out and counted.
    """
    synsets = sorted(p for p in root.iterdir() if p.is_dir() and SYNSET.fullmatch(p.name))
    if not synsets:
        raise DataError(
            f"{root} has no folder of a synset, eight digits such as 03001627; give the folder of "
            "ShapeNetCore that holds them, or data.name = meshes for any other"
        )
    names, listed, notes = read_taxonomy(root), read_split_list(root), Notes()
    found: list[tuple[str, str, Path]] = []
    for synset in synsets:
        for model in sorted(p for p in synset.iterdir() if p.is_dir()):
            who = f"{synset.name}/{model.name}"
            file = next((model / m for m in MESHES if (model / m).is_file()), None)
            split = "train" if listed is None else listed.get((synset.name, model.name), "")
            if file is None:
                notes.leave_out(who, f"no {' or '.join(MESHES)}")
            elif not split:
                notes.leave_out(who, "not in all.csv")
            else:
                found.append((split, names.get(synset.name, synset.name), file))
    classes = tuple(sorted({name for _, name, _ in found}))
    splits = {}
    for split in SPLITS:
        own = [(file, classes.index(name)) for s, name, file in found if s == split]
        if own:
            files, labels = zip(*own, strict=True)
            splits[split] = MeshFolder(list(files), np.array(labels, np.int32), points)
            splits[split].notes = notes
    if "train" not in splits:
        raise DataError(f"{root}: none of its models is left to train on: {notes.lines()}")
    return splits, classes


def read_taxonomy(root: Path) -> Mapping[str, str]:
    """Synset -> its first name, with its number where two have the same; {} without a file."""
    path = root / "taxonomy.json"
    if not path.exists():
        return {}
    names: dict[str, str] = {}
    for who, entry in read_entries(path):
        synset, name = (read_text(who, field, entry) for field in ("synsetId", "name"))
        names[synset] = name.partition(",")[0].strip()
    given = list(names.values())
    return {s: name if given.count(name) == 1 else f"{name} {s}" for s, name in names.items()}


def read_split_list(root: Path) -> Mapping[tuple[str, str], str] | None:
    """(synset, model) -> split, from `all.csv`; None where there is none."""
    path = root / "all.csv"
    if not path.exists():
        return None
    table = csv.DictReader(
        read_capped(path, "data.path").decode("utf-8-sig", "replace").split("\n")
    )
    missing = {"synsetId", "modelId", "split"} - set(table.fieldnames or ())
    if missing:
        raise DataError(f"{path}, line 1: there is no column {', '.join(sorted(missing))}")
    listed = {}
    for row in table:
        if row["split"] not in SPLITS:
            raise DataError(
                f"{path}, line {table.line_num}: split must be {', '.join(SPLITS)}, got "
                f"{show_value(row['split'])}"
            )
        listed[(row["synsetId"] or "").zfill(8), row["modelId"] or ""] = row["split"]
    return listed

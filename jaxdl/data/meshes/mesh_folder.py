"""A folder of one's own meshes, a class a sub-folder: points on their surfaces as rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.meshes.mesh import face_normals, normalize, sample_surface
from jaxdl.data.meshes.mesh_files import SUFFIXES, read_mesh
from jaxdl.data.source import Source
from jaxdl.data.splits.philox import uniforms
from jaxdl.typing import Host

SPLITS = ("train", "val", "test")


class MeshFolder(Source):
    """Meshes, each centered with its longest side 1. A row:

    `points` `(P, 3)` float32 even on the surface, the same at each reading, with the `normals`
    `(P, 3)` of their faces; `label` int32. What `mend` found in a file, `faults` tells.
    """

    def __init__(self, files: list[Path], labels: Host, points: int):
        self.files, self.points = files, points
        self.numbers = self.labels = labels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        mesh = normalize(read_mesh(self.files[index])[0])
        u = uniforms(0, "meshes.points", np.array([index]), 3 * self.points)[0]
        places, face = sample_surface(mesh, u.reshape(-1, 3))
        return {
            "points": places.astype(np.float32),
            "normals": face_normals(mesh)[face].astype(np.float32),
            "label": np.int32(self.numbers[index]),
        }

    def faults(self, index: int) -> list[str]:
        """What is broken in a mesh and was mended or left."""
        counts = read_mesh(self.files[index])[1]
        return [f"{self.files[index].name}: {n} {what}" for what, n in counts.items()]


def read_mesh_folder(root: Path, points: int) -> tuple[dict[str, MeshFolder], tuple[str, ...]]:
    """The meshes of each split, and the classes.

    `root/CLASS/**`, `root/train/CLASS/**` with `test` and `val` beside it, or, as in ModelNet,
    `root/CLASS/train/**`; or one file, which is its own class.
    """
    if root.is_file():
        return {"train": MeshFolder([root], np.zeros(1, np.int32), points)}, (root.stem,)
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in (*SUFFIXES, ".npz"))
    placed = [place for file in files if (place := _place(file.relative_to(root)))]
    if not placed:
        raise DataError(
            f"{root} has no meshes ({', '.join(SUFFIXES)}) in sub-folders; put each into the "
            "folder of its class"
        )
    classes = tuple(sorted({name for _, name, _ in placed}))
    splits = {}
    for split in SPLITS:
        own = [(root / file, classes.index(name)) for s, name, file in placed if s == split]
        if own:
            paths, labels = zip(*own, strict=True)
            splits[split] = MeshFolder(list(paths), np.array(labels, np.int32), points)
    if "train" not in splits:
        raise DataError(f"{root} has meshes of {', '.join(splits)} but none of train")
    return splits, classes


def _place(file: Path) -> tuple[str, str, Path] | None:
    """Split, class and path of a file; None where it is in no folder of a class."""
    folders = file.parts[:-1]
    split = next((name for name in folders[:2] if name in SPLITS), "train")
    names = [name for name in folders if name not in SPLITS]
    return (split, names[0], file) if names else None

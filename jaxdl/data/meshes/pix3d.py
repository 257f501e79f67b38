"""Pix3D: photographs, masks and the meshes of what they show, placed before the camera."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.coco_schema import as_number, read_numbers, read_text, show_value
from jaxdl.data.images.decode import decode_image
from jaxdl.data.images.letterbox import letterbox, letterbox_masks, letterbox_scale
from jaxdl.data.meshes.json_entries import read_entries
from jaxdl.data.meshes.mesh import Mesh, face_normals, normalize, sample_surface
from jaxdl.data.meshes.mesh_files import read_mesh
from jaxdl.data.source import Source
from jaxdl.data.splits.philox import uniforms
from jaxdl.typing import Host

SENSOR = 32.0  # mm, its width
TO_OURS = np.diag([-1.0, -1.0, 1.0])  # its camera has x to the left and y up, both look along z


class Entry(NamedTuple):
    """One of `pix3d.json`, checked."""

    name: str  # in messages
    image: Path
    mask: Path
    model: Path
    category: str
    box: Host  # (4,) x1, y1, x2, y2
    rotation: Host  # (3, 3), from the model's frame to ours
    translation: Host  # (3,)
    focal: float  # over the width of the picture


class Pix3d(Source):
    """Photographs of things whose mesh is known (Sun et al. 2018, arXiv 1804.04610). A row:

    `image` `(S, S, 3)` uint8, the whole picture, `mask` `(S, S)` bool, `box` `(4,)`, `camera`
    `(3, 3)` its intrinsics, all in the pixels of `image`; `points` `(P, 3)` even on the mesh with
    `normals` `(P, 3)`; `label` int32. In the frame "view" points are before the camera, x right, y
    down, z away; in "canonical" as modeled, centered, the longest side 1.
    """

    def __init__(self, root: Path, *, points: int, size: tuple[int, int], frame: str):
        path = root / "pix3d.json" if root.is_dir() else root
        self.entries = [read_entry(path.parent, *entry) for entry in read_entries(path)]
        if not self.entries:
            raise DataError(f"{path} has no entries")
        self.classes = tuple(sorted({entry.category for entry in self.entries}))
        self.points, self.size, self.frame = points, size, frame
        numbers = [self.classes.index(entry.category) for entry in self.entries]
        self.numbers = self.labels = np.array(numbers, np.int32)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        entry = self.entries[index]
        image, mask = decode_image(entry.image), decode_image(entry.mask, channels=1)
        if image.shape[:2] != mask.shape[:2]:
            raise DataError(
                f"{entry.name}: img is {image.shape[:2]}, mask {mask.shape[:2]} pixels high and "
                "wide; they must be alike"
            )
        scale = letterbox_scale(image.shape[:2], self.size)
        places, normals = self.surface(entry, index)
        return {
            "image": letterbox(image, self.size),
            "mask": letterbox_masks(mask[None, :, :, 0] > 127, self.size)[0],
            "box": (entry.box * np.tile(scale, 2)).astype(np.float32),
            "camera": intrinsics(entry.focal, image.shape[:2], scale),
            "points": places.astype(np.float32),
            "normals": normals.astype(np.float32),
            "label": self.numbers[index],
        }

    def surface(self, entry: Entry, index: int) -> tuple[Host, Host]:
        """Points of the mesh and their normals, in the wanted frame; the same at each reading."""
        mesh = read_mesh(entry.model)[0]
        if self.frame == "canonical":
            mesh = normalize(mesh)
        else:
            mesh = Mesh(mesh.vertices @ entry.rotation.T + entry.translation, mesh.faces)
        u = uniforms(0, "pix3d.points", np.array([index]), 3 * self.points)[0]
        places, face = sample_surface(mesh, u.reshape(-1, 3))
        return places, face_normals(mesh)[face]

    def faults(self, index: int) -> list[str]:
        """What is broken in a mesh and was mended or left."""
        entry = self.entries[index]
        counts = read_mesh(entry.model)[1]
        return [f"{entry.model.name}: {n} {what}" for what, n in counts.items()]


def intrinsics(focal: float, shape: tuple[int, int], scale: Host) -> Host:
    """Of a picture of this height and width, brought to another scale; the axis in its middle."""
    height, width = shape
    camera = [[focal * width, 0, width / 2], [0, focal * width, height / 2], [0, 0, 1]]
    return (np.array(camera) * [[scale[0]], [scale[1]], [1]]).astype(np.float32)


def read_entry(folder: Path, who: str, fields: Mapping[str, Any]) -> Entry:
    """One entry, whose files are below `folder`. Raises DataError with the field that is wrong."""
    box, rotation, translation = (
        numbers_of(who, name, fields, shape)
        for name, shape in (("bbox", (4,)), ("rot_mat", (3, 3)), ("trans_mat", (3,)))
    )
    if not (box[2:] > box[:2]).all():
        raise DataError(f"{who}: bbox must be x1, y1, x2, y2 with x1 < x2 and y1 < y2, got {box}")
    if abs(rotation @ rotation.T - np.eye(3)).max() > 1e-2 or np.linalg.det(rotation) < 0:
        raise DataError(f"{who}: rot_mat must be a rotation, got {rotation.tolist()}")
    focal = as_number(fields.get("focal_length"))
    if focal is None or not 0 < focal < np.inf:
        got = show_value(fields.get("focal_length"))
        raise DataError(f"{who}: focal_length must be a number of mm > 0, got {got}")
    image, mask, model = (file_of(who, name, fields, folder) for name in ("img", "mask", "model"))
    return Entry(
        who,
        image,
        mask,
        model,
        read_text(who, "category", fields),
        box,
        TO_OURS @ rotation,
        TO_OURS @ translation,
        focal / SENSOR,
    )


def numbers_of(who: str, name: str, fields: Mapping[str, Any], shape: tuple[int, ...]) -> Host:
    """The finite numbers of a field, of a matrix row by row."""
    value = fields.get(name)
    if len(shape) == 2 and isinstance(value, list):
        value = [v for row in value for v in (row if isinstance(row, list) else [row])]
    numbers = read_numbers(value, int(np.prod(shape)))
    if isinstance(numbers, str):
        raise DataError(f"{who}: {name} {numbers}")
    if not np.isfinite(numbers).all():
        raise DataError(f"{who}: {name} must be finite, got {numbers.tolist()}")
    return numbers.reshape(shape)


def file_of(who: str, name: str, fields: Mapping[str, Any], folder: Path) -> Path:
    """The file that a field names, below the folder of `pix3d.json`."""
    text = read_text(who, name, fields)
    inner = PurePosixPath(text)
    if inner.is_absolute() or ".." in inner.parts:
        raise DataError(f"{who}: {name} {text!r} leaves {folder}")
    if not (folder / inner).is_file():
        raise DataError(f"{who}: {name}: there is no file {folder / inner}")
    return folder / inner

"""Meshes in files: .obj, .off, .ply and .npz, read with what is broken mended and counted."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.meshes.mend import mend
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.ply import ply_bytes, read_ply
from jaxdl.data.meshes.text_formats import obj_text, off_text, read_obj, read_off
from jaxdl.typing import Host

SUFFIXES = (".obj", ".off", ".ply")  # read and written; .npz, `vertices` and `faces`, is read
MAX_BYTES = 1 << 30


def read_mesh(path: Path) -> tuple[Mesh, Mapping[str, int]]:
    """The mesh of a file, and counts of what was broken: see `mend`.

    Raises DataError with file and line, or element, that cannot be read.
    """
    suffix = _suffix(path, (*SUFFIXES, ".npz"))
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{path}: a mesh of {size} bytes; at most {MAX_BYTES} are read")
    if suffix == ".npz":
        return mend(*_read_arrays(path), who=str(path))
    data = path.read_bytes()
    if suffix == ".ply":
        vertices, faces = read_ply(path, data)
    else:
        read = read_obj if suffix == ".obj" else read_off
        vertices, faces = read(path, data.decode("utf-8", "replace"))
    return mend(vertices, faces, who=str(path))


def write_mesh(mesh: Mesh, path: Path, *, colors: Host | None = None) -> Path:
    """Writes .obj, .off or .ply by the suffix; `colors` `(V, 3)` uint8 only into .ply."""
    suffix = _suffix(path, SUFFIXES)
    if colors is not None and suffix != ".ply":
        raise DataError(f"{path}: only .ply files hold colors")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".ply":
        path.write_bytes(ply_bytes(mesh.vertices, mesh.faces, colors))
    else:
        text = obj_text if suffix == ".obj" else off_text
        path.write_text(text(mesh.vertices, mesh.faces))
    return path


def _read_arrays(path: Path) -> tuple[Host, Host]:
    """The arrays of an .npz file; objects in it are refused, not run."""
    try:
        with np.load(path, allow_pickle=False) as file:
            vertices, faces = file["vertices"], file["faces"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read as vertices and faces: {error}") from None
    shapes = (vertices.ndim, vertices.shape[1:], faces.ndim, faces.shape[1:])
    if shapes != (2, (3,), 2, (3,)) or vertices.dtype.kind != "f" or faces.dtype.kind not in "iu":
        raise DataError(
            f"{path}: vertices (V, 3) floats and faces (F, 3) integers are needed, got "
            f"{vertices.dtype} {vertices.shape} and {faces.dtype} {faces.shape}"
        )
    return vertices, faces


def _suffix(path: Path, known: tuple[str, ...]) -> str:
    if path.suffix.lower() not in known:
        raise DataError(f"{path}: a mesh file ends in {', '.join(known)}")
    return path.suffix.lower()

"""Wavefront .obj and .off: meshes as text."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host


def read_obj(path: Path, text: str) -> tuple[Host, Host]:
    """Vertices `(V, 3)` and triangles `(F, 3)` of all parts; polygons become fans.

    Textures, normals, groups, lines and materials are passed over.
    """
    vertices: list[list[float]] = []
    polygons: list[list[int]] = []
    begun = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = begun + line.rstrip()
        begun = line[:-1] + " " if line.endswith("\\") else ""
        if begun:
            continue
        words = line.partition("#")[0].split()
        try:
            if words[:1] == ["v"]:
                vertices.append([float(word) for word in words[1:4]])
                if len(words) < 4:
                    raise ValueError("a vertex has three coordinates")
            elif words[:1] == ["f"]:
                numbers = [int(word.partition("/")[0]) for word in words[1:]]
                if len(numbers) < 3 or 0 in numbers:
                    raise ValueError("a face has three vertices and more, counted from 1")
                polygons.append([n - 1 if n > 0 else len(vertices) + n for n in numbers])
        except ValueError as error:
            raise _bad_line(path, number, line, error) from None
    return np.array(vertices, np.float64).reshape(-1, 3), fans(polygons)


def read_off(path: Path, text: str) -> tuple[Host, Host]:
    """Vertices `(V, 3)` and triangles `(F, 3)`; polygons become fans, colors are passed over."""
    lines = [(i, line.partition("#")[0].split()) for i, line in enumerate(text.splitlines(), 1)]
    lines = [(i, words) for i, words in lines if words]
    if not lines or not lines[0][1][0].endswith("OFF"):
        raise DataError(f"{path}: an .off file begins with OFF; convert the file to .obj or .ply")
    head = lines[0][1][0].removesuffix("OFF")
    if head:
        raise DataError(f"{path}: {head}OFF is not read, plain OFF is; leave its extra numbers out")
    if len(lines[0][1]) == 1:
        lines = lines[1:]
    else:  # ModelNet has the counts in the first line
        lines[0] = (lines[0][0], lines[0][1][1:])
    if not lines:
        raise DataError(f"{path}: the file ends after OFF, the counts are missing")
    (number, words), *rows = lines
    try:
        count, faces = int(words[0]), int(words[1])
        if len(rows) < count + faces or min(count, faces) < 0:
            raise ValueError(f"{len(rows)} lines follow")
    except (ValueError, IndexError) as error:
        raise _bad_line(path, number, " ".join(words), error) from None
    vertices = [_off_row(path, row, _off_vertex) for row in rows[:count]]
    polygons = [_off_row(path, row, _off_face) for row in rows[count : count + faces]]
    return np.array(vertices, np.float64).reshape(-1, 3), fans(polygons)


def _off_row(path: Path, row: tuple[int, list[str]], read: Callable[[list[str]], list]) -> list:
    number, words = row
    try:
        return read(words)
    except (ValueError, IndexError) as error:
        raise _bad_line(path, number, " ".join(words), error) from None


def _off_vertex(words: list[str]) -> list[float]:
    x, y, z = words[:3]
    return [float(x), float(y), float(z)]


def _off_face(words: list[str]) -> list[int]:
    corners = int(words[0])
    face = [int(word) for word in words[1 : corners + 1]]
    if corners < 3 or len(face) != corners:
        raise ValueError(f"a face of {corners} vertices")
    return face


def fans(polygons: list[list[int]]) -> Host:
    """Each polygon as triangles around its first vertex: `(F, 3)` int64."""
    pieces = [(p[0], a, b) for p in polygons for a, b in pairwise(p[1:])]
    return np.array(pieces, np.int64).reshape(-1, 3)


def obj_text(vertices: Host, faces: Host) -> str:
    """The mesh as Wavefront text."""
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces.tolist()]
    return "\n".join(lines) + "\n"


def off_text(vertices: Host, faces: Host) -> str:
    """The mesh as OFF text."""
    lines = ["OFF", f"{len(vertices)} {len(faces)} 0"]
    lines += [f"{x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices.tolist()]
    lines += [f"3 {a} {b} {c}" for a, b, c in faces.tolist()]
    return "\n".join(lines) + "\n"


def _bad_line(path: Path, number: int, line: str, error: Exception) -> DataError:
    return DataError(f"{path}, line {number}: {line.strip()[:60]!r} cannot be read ({error})")

"""Stanford .ply, ASCII and binary: vertices and faces; what else a file holds is passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.meshes.text_formats import fans
from jaxdl.typing import Host

TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
INDICES = ("vertex_indices", "vertex_index")
HEADER_BYTES = 1 << 16


@dataclass
class Element:
    """A kind of row: its properties (name, type) or, for lists, (name, type of length, type)."""

    name: str
    count: int
    properties: list[tuple[str, ...]]


def read_ply(path: Path, data: bytes) -> tuple[Host, Host]:
    """Vertices `(V, 3)` and triangles `(F, 3)`; polygons become fans."""
    order, elements, start = _header(path, data)
    body = data[start:]
    reader = _Ascii(path, body) if order == "ascii" else _Binary(path, body, ORDERS[order])
    vertices, polygons = np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    for element in elements:
        columns = reader.read(element)
        if element.name == "vertex":
            missing = {"x", "y", "z"} - columns.keys()
            if missing:
                raise DataError(f"{path}: vertices have no {', '.join(sorted(missing))}")
            vertices = np.stack([np.asarray(columns[c], np.float64) for c in "xyz"], axis=1)
        elif element.name == "face":
            lists = next((columns[name] for name in INDICES if name in columns), None)
            if lists is None:
                raise DataError(f"{path}: faces have no list {' or '.join(INDICES)}")
            polygons = lists if isinstance(lists, np.ndarray) else fans(lists)
            if polygons.ndim == 2 and polygons.shape[1] != 3:
                polygons = fans(polygons.tolist())
    return vertices, polygons.astype(np.int64)


def _header(path: Path, data: bytes) -> tuple[str, list[Element], int]:
    head, end, _ = data[:HEADER_BYTES].partition(b"end_header")
    if not data.startswith(b"ply") or not end:
        raise DataError(f"{path}: a .ply file begins with ply and a header that ends; it does not")
    start = data.find(b"\n", len(head)) + 1
    order, elements = "", []
    for line in head.decode("latin-1").splitlines()[1:]:
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = words[1]
            elif words and words[0] not in ("comment", "obj_info"):
                _declare(elements, words)
        except (ValueError, KeyError, IndexError) as error:
            raise DataError(f"{path}, header: {line[:60]!r} cannot be read ({error})") from None
    if order not in ORDERS:
        raise DataError(f"{path}: format must be one of {', '.join(ORDERS)}, got {order[:30]!r}")
    return order, elements, start


def _declare(elements: list[Element], words: list[str]) -> None:
    """Adds what one line of the header says; ValueError, KeyError or IndexError where it cannot."""
    match words:
        case ["element", name, count]:
            elements.append(Element(name, int(count), []))
            if elements[-1].count < 0:
                raise ValueError("fewer than none")
        case ["property", "list", length, kind, name]:
            elements[-1].properties.append((name, TYPES[length], TYPES[kind]))
        case ["property", kind, name]:
            elements[-1].properties.append((name, TYPES[kind]))
        case _:
            raise ValueError("no such line")


class _Ascii:
    """Rows as lines of words."""

    def __init__(self, path: Path, body: bytes):
        self.path = path
        self.lines = [line.split() for line in body.decode("latin-1").splitlines() if line.strip()]

    def read(self, element: Element) -> dict[str, list]:
        rows, self.lines = self.lines[: element.count], self.lines[element.count :]
        if len(rows) < element.count:
            raise _too_short(self.path, element, len(rows))
        columns: dict[str, list] = {p[0]: [] for p in element.properties}
        for number, words in enumerate(rows):
            try:
                place = 0
                for name, *types in element.properties:
                    cast = float if types[-1][0] == "f" else int
                    if len(types) == 1:
                        columns[name].append(cast(words[place]))
                        place += 1
                    else:
                        end = place + 1 + int(words[place])
                        columns[name].append([cast(word) for word in words[place + 1 : end]])
                        if end > len(words):
                            raise ValueError("the list is cut")
                        place = end
            except (ValueError, IndexError) as error:
                raise DataError(
                    f"{self.path}: {element.name} {number} cannot be read ({error})"
                ) from None
        return columns


class _Binary:
    """Rows as packed numbers."""

    def __init__(self, path: Path, body: bytes, order: str):
        self.path, self.body, self.order = path, body, order

    def read(self, element: Element) -> Mapping[str, Any]:
        lists = [p for p in element.properties if len(p) == 3]
        if not lists:
            rows = self._table(element, [(p[0], self.order + p[1]) for p in element.properties])
            return {name: rows[name] for name, _ in element.properties}
        if len(lists) == 1 and element.count:  # all lists of one length are a table, too
            name, length, kind = lists[0]
            first = self._length_of_first(element)
            fields = [
                field
                for p in element.properties
                for field in (
                    [(p[0], self.order + p[1])]
                    if len(p) == 2
                    else [("#", self.order + length), (name, self.order + kind, (first,))]
                )
            ]
            if np.dtype(fields).itemsize * element.count <= len(self.body):
                rows = np.frombuffer(self.body, np.dtype(fields), element.count)
                if (rows["#"] == first).all():
                    self.body = self.body[rows.nbytes :]
                    return {p[0]: rows[p[0]] for p in element.properties}
        return self._one_by_one(element)

    def _length_of_first(self, element: Element) -> int:
        place = [len(p) for p in element.properties].index(3)
        before = sum(np.dtype(p[1]).itemsize for p in element.properties[:place])
        return int(self._numbers(element, 0, before, element.properties[place][1], 1)[0])

    def _table(self, element: Element, fields: list) -> Host:
        dtype = np.dtype(fields)
        if dtype.itemsize * element.count > len(self.body):
            raise _too_short(self.path, element, len(self.body) // max(dtype.itemsize, 1))
        rows = np.frombuffer(self.body, dtype, element.count)
        self.body = self.body[rows.nbytes :]
        return rows

    def _one_by_one(self, element: Element) -> dict[str, list]:
        columns: dict[str, list] = {p[0]: [] for p in element.properties}
        place = 0
        for number in range(element.count):
            for name, *types in element.properties:
                count = 1
                if len(types) == 2:
                    count = int(self._numbers(element, number, place, types[0], 1)[0])
                    place += np.dtype(types[0]).itemsize
                values = self._numbers(element, number, place, types[-1], count)
                place += values.nbytes
                columns[name].append(values.tolist() if len(types) == 2 else values[0])
        self.body = self.body[place:]
        return columns

    def _numbers(self, element: Element, number: int, place: int, kind: str, count: int) -> Host:
        dtype = np.dtype(self.order + kind)
        if count < 0 or place + count * dtype.itemsize > len(self.body):
            raise _too_short(self.path, element, number)
        return np.frombuffer(self.body, dtype, count, place)


def ply_bytes(vertices: Host, faces: Host, colors: Host | None = None) -> bytes:
    """The mesh as binary .ply; `colors` `(V, 3)` uint8 of the vertices where given."""
    fields = [(c, "<f4") for c in "xyz"]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property float {c}" for c in "xyz"]
    if colors is not None:
        fields += [(c, "u1") for c in ("red", "green", "blue")]
        header += [f"property uchar {c}" for c in ("red", "green", "blue")]
    rows = np.zeros(len(vertices), fields)
    for i, (name, _) in enumerate(fields):
        rows[name] = vertices[:, i] if i < 3 or colors is None else colors[:, i - 3]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    lists = np.zeros(len(faces), [("count", "u1"), ("corners", "<i4", (3,))])
    lists["count"], lists["corners"] = 3, faces
    return ("\n".join(header) + "\n").encode() + rows.tobytes() + lists.tobytes()


def _too_short(path: Path, element: Element, rows: int) -> DataError:
    return DataError(
        f"{path}: the header promises {element.count} of {element.name}, the file ends after {rows}"
    )

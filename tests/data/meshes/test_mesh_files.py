"""Mesh files are read as trimesh reads them, and trimesh reads what is written; bad lines named."""

import struct

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.meshes.mesh import Mesh, enclosed_volume
from jaxdl.data.meshes.mesh_files import read_mesh, write_mesh

trimesh = pytest.importorskip("trimesh")
CUBE = trimesh.creation.box()
MESH = Mesh(np.asarray(CUBE.vertices), np.asarray(CUBE.faces))
POLYGONS = """# a pyramid on a square, counted from both ends
mtllib none.mtl
v 0 0 0 1.0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vn 0 0 1
g side
f 4/1/1 3/1/1 2//1 1
v .5 .5 1
f 1 2 -1
f 2 3 \\
 5
f 3/1 4/1 5
f -2 1 5
l 1 2
"""


@pytest.mark.parametrize("suffix", [".obj", ".off", ".ply"])
def test_trimesh_reads_what_is_written_and_is_read_again(tmp_path, suffix):
    path = write_mesh(MESH, tmp_path / f"new/cube{suffix}")
    loaded = trimesh.load_mesh(path)
    assert loaded.is_watertight
    np.testing.assert_allclose(loaded.volume, 1)
    mesh, counts = read_mesh(path)
    assert counts == {}
    np.testing.assert_allclose(enclosed_volume(mesh), 1)


@pytest.mark.parametrize(
    ("suffix", "encoding"), [(".ply", "ascii"), (".ply", "binary"), (".off", ""), (".obj", "")]
)
def test_what_trimesh_writes_is_read(tmp_path, suffix, encoding):
    path = tmp_path / f"cube{suffix}"
    ball = trimesh.creation.icosphere(subdivisions=1)
    ball.visual.vertex_colors = np.full((len(ball.vertices), 4), 99, np.uint8)
    ball.export(path, **({"encoding": encoding} if encoding else {}))
    mesh, counts = read_mesh(path)
    assert counts == {}
    np.testing.assert_allclose(enclosed_volume(mesh), ball.volume, rtol=1e-6)


def test_colors_reach_trimesh(tmp_path):
    colors = np.arange(24, dtype=np.uint8).reshape(8, 3)
    path = write_mesh(MESH, tmp_path / "a.ply", colors=colors)
    np.testing.assert_array_equal(trimesh.load_mesh(path).visual.vertex_colors[:, :3], colors)
    with pytest.raises(DataError, match="only .ply"):
        write_mesh(MESH, tmp_path / "a.obj", colors=colors)


def test_polygons_negative_numbers_and_other_lines(tmp_path):
    (tmp_path / "a.obj").write_text(POLYGONS)
    mesh, counts = read_mesh(tmp_path / "a.obj")
    np.testing.assert_allclose(enclosed_volume(mesh), 1 / 3)
    assert counts == {}
    (tmp_path / "a.off").write_text(
        "OFF 5 5 0 # ModelNet's first line\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n\n.5 .5 1\n"
        "4 3 2 1 0 255 0 0\n3 0 1 4\n3 1 2 4\n3 2 3 4\n3 3 0 4\n"
    )
    np.testing.assert_allclose(enclosed_volume(read_mesh(tmp_path / "a.off")[0]), 1 / 3)


def big_endian(lists, faces):
    head = "ply\nformat binary_big_endian 1.0\ncomment x\nelement vertex 5\nproperty double x\n"
    head += "property double y\nproperty double z\nproperty uchar red\n"
    head += f"element face {faces}\nproperty list uchar int vertex_index\nproperty float q\n"
    places = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)]
    body = b"".join(struct.pack(">dddB", *place, 7) for place in places)
    for corners in lists:
        body += struct.pack(f">B{len(corners)}if", len(corners), *corners, 0.5)
    return head.encode() + b"end_header\n" + body


def test_big_endian_ply_with_lists_of_two_lengths(tmp_path):
    lists = [[3, 2, 1, 0], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
    (tmp_path / "a.ply").write_bytes(big_endian(lists, 5))
    np.testing.assert_allclose(enclosed_volume(read_mesh(tmp_path / "a.ply")[0]), 1 / 3)


HEAD = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.obj", "v 0 0 0\nv 1 x 0\n", r"a.obj, line 2: 'v 1 x 0'"),
        ("a.obj", "v 0 0\n", "line 1.*three coordinates"),
        ("a.obj", "v 0 0 0\nf 1 1\n", "line 2.*three vertices"),
        ("a.obj", "v 0 0 0\nf 1 1 0\n", "line 2"),
        ("a.obj", "v 0 0 0\nf 1 2 3\n", r"face 0 is \[0, 1, 2\], but there are 1"),
        ("a.obj", "# nothing\n", "no face"),
        ("a.obj", "\x00\x01PNG", "no face"),
        ("a.off", "v 0 0 0\n", "begins with OFF"),
        ("a.off", "COFF\n1 1 0\n", "COFF is not read"),
        ("a.off", "OFF\n", "counts are missing"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n", "line 2.*2 lines follow"),
        ("a.off", "OFF\n999999999999 1 0\n0 0 0\n1 0 0\n", "2 lines follow"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1\n3 0 1 2\n", "line 5"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n4 0 1 2\n", "line 6.*4 vertices"),
        ("a.ply", "solid", "begins with ply"),
        ("a.ply", "ply\nformat ascii 1.0\n", "header that ends"),
        ("a.ply", "ply\nformat utf8 1.0\nend_header\n", "format must be"),
        ("a.ply", "ply\nelement vertex -1\nend_header\n", "fewer than none"),
        ("a.ply", "ply\nformat ascii 1.0\nproperty float x\nend_header\n", "property float x"),
        ("a.ply", HEAD + "property quad z\nend_header\n", "property quad z"),
        ("a.ply", HEAD + "end_header\n0 0\n", "no z"),
        ("a.ply", HEAD + "property float z\nend_header\n0 0\n", "vertex 0 cannot be read"),
        ("a.ply", HEAD + "end_header\n", "promises 1 of vertex, the file ends after 0"),
        (
            "a.ply",
            HEAD.replace("ascii", "binary_little_endian").replace("vertex 1", "vertex 99999999999")
            + "end_header\n",
            "promises 99999999999",
        ),
        ("a.stl", "solid", ".obj, .off, .ply"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data.encode())
    with pytest.raises(DataError, match=words) as told:
        read_mesh(tmp_path / name)
    assert name in str(told.value)
    assert "\n" not in str(told.value)


def test_arrays_are_read_and_objects_are_not(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, vertices=MESH.vertices.astype(np.float32), faces=MESH.faces.astype(np.int32))
    np.testing.assert_allclose(enclosed_volume(read_mesh(path)[0]), 1)
    for arrays, words in (
        ({"vertices": MESH.vertices}, "a.npz cannot be read.*faces"),
        ({"vertices": MESH.vertices, "faces": MESH.faces[:, :2]}, r"\(F, 3\) integers.*\(12, 2\)"),
        ({"vertices": np.array([None]), "faces": MESH.faces}, "cannot be read"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=words):
            read_mesh(path)
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match="cannot be read"):
        read_mesh(path)
    with pytest.raises(DataError, match="ends in .obj, .off, .ply"):
        write_mesh(MESH, path)


def test_lists_that_are_cut_are_named(tmp_path):
    whole = big_endian([[0, 1, 2], [0, 1, 4, 2]], 2)
    for cut in (3, 20, 40):
        (tmp_path / "a.ply").write_bytes(whole[:-cut])
        with pytest.raises(DataError, match="a.ply: the header promises"):
            read_mesh(tmp_path / "a.ply")
    with pytest.raises(DataError, match="no such file"):
        read_mesh(tmp_path / "b.ply")

"""The rasterizer against the ray tracer of the solids and Pillow's reading of its GIF."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.data.meshes.mesh import Mesh, face_normals
from jaxdl.data.synthetic.ray_tracer import look
from jaxdl.vision3d.surfaces.render import around, rasterize, render, turntable
from tests.vision3d.solid_meshes import BOX, TORUS, solid


@pytest.mark.parametrize("name", ["box", "sphere"])
def test_depth_and_faces_are_those_that_rays_meet(name):
    sizes = {"box": (0.3, 0.4, 0.5), "sphere": (0.7, 0, 0)}[name]
    turn = around(0.7)
    mesh = solid(name, sizes, cells=24)
    turned = Mesh(mesh.vertices @ turn.T, mesh.faces)
    depth, face = rasterize(turned, 40)
    kind = ("sphere", "box").index(name)
    want, normals = look(kind, np.array([sizes], float), turn[None], 40)
    both = (depth > 0) & (want[0] > 0)
    assert ((depth > 0) != (want[0] > 0)).mean() < (0.005 if name == "sphere" else 1e-9)
    np.testing.assert_allclose(depth[both], want[0][both], atol=8e-3 if name == "sphere" else 1e-5)
    cosine = (face_normals(turned)[face[both]] * normals[0][both]).sum(axis=-1)
    assert cosine.min() > (0.98 if name == "sphere" else 1 - 1e-9)
    assert (face[depth == 0] == -1).all()


def test_a_picture_is_shaded_and_turns():
    picture = render(BOX, 48, rotation=around(0.5))
    assert picture.shape == (48, 48, 3)
    assert picture.dtype == np.uint8
    assert (picture[:4] == 25).all()
    assert len(np.unique(picture[20:28, 20:28, 0])) >= 2  # sides in different light
    assert (render(BOX, 48, rotation=around(1.5)) != picture).any()
    inside_out = Mesh(BOX.vertices, BOX.faces[:, ::-1])
    np.testing.assert_array_equal(render(inside_out, 48, rotation=around(0.5)), picture)
    assert (render(Mesh(np.zeros((0, 3)), np.zeros((0, 3), int)), 8) == 25).all()
    assert render(BOX, 9, smooth=1).shape == (9, 9, 3)
    with pytest.raises(ValueError, match="behind the eye"):
        rasterize(Mesh(BOX.vertices * 9, BOX.faces), 8)


def test_up_is_up():
    pole = Mesh(BOX.vertices * 0.3 + np.array([0, 0.5, 0]), BOX.faces)  # towards y
    there = np.argwhere(render(pole, 32, rotation=around(0.0)).max(axis=-1) > 60)
    assert there[:, 0].max() < 16  # the upper half
    top = np.array([0.0, 1.0, 0.0])
    for tilt in (0.2, 0.6):  # the eye is above: what faces up faces it, and it looks along z
        np.testing.assert_allclose((around(1.0, tilt=tilt) @ top)[2], -np.sin(tilt))


def test_color_light_and_ground_are_the_given_ones():
    plane = Mesh(np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]), np.array([[0, 2, 1]]))
    towards = np.array([0.0, 0.0, -1.0])
    picture = render(plane, 16, color=np.array([200, 100, 50]), light=towards, ground=255)
    np.testing.assert_array_equal(np.unique(picture[8, 10]), [50, 100, 200])
    assert (render(plane, 16, ground=7)[15, 0] == 7).all()
    both = Mesh(plane.vertices, np.array([[0, 2, 1], [0, 3, 2]]))
    colors = np.array([[200, 0, 0], [0, 200, 0]])
    halves = render(both, 16, color=colors, light=-towards)
    np.testing.assert_array_equal(halves[6, 12], [60, 0, 0])  # what is not lit has .3 of its color
    np.testing.assert_array_equal(halves[12, 6], [0, 60, 0])


def test_a_turntable_is_an_animation(tmp_path):
    path = turntable([TORUS, BOX], tmp_path / "new/a.gif", size=24, frames=3)
    with Image.open(path) as image:
        assert image.size == (48, 24)
        assert image.n_frames == 3

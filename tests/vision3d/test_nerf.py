"""The radiance field against the same network in torch; rays and PSNR against scikit-image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.meshes.mesh import Mesh
from jaxdl.vision3d.nerf import (
    RadianceField,
    look_through,
    pixel_rays,
    places_along,
    psnr,
    to_bytes,
    view_rows,
)
from jaxdl.vision3d.surfaces.render import around, rasterize
from tests.vision3d.solid_meshes import BOX

RNG = np.random.default_rng(0)


def test_density_and_color_are_those_of_torch():
    torch = pytest.importorskip("torch")
    x = {"place": RNG.normal(size=(4, 5, 3)), "way": RNG.normal(size=(4, 3))}
    x = {k: jnp.asarray(v, jnp.float32) for k, v in x.items()}
    net = RadianceField(width=6, depth=3, octaves=2, view_octaves=1)
    variables = net.init(jax.random.key(1), x, train=False)
    density, color = net.apply(variables, x, train=False)
    weights = jax.tree.map(lambda v: torch.tensor(np.asarray(v)), variables["params"])

    def dense(name, h):
        return h @ weights[name]["kernel"] + weights[name]["bias"]

    def waves(v, octaves):
        angles = [np.pi * 2.0**k * v for k in range(octaves)]
        return torch.cat([v, *map(torch.sin, angles), *map(torch.cos, angles)], dim=-1)

    place, way = (torch.tensor(np.asarray(x[k])) for k in ("place", "way"))
    place = h = waves(place, 2)
    for i in range(3):
        h = torch.relu(dense(f"hidden{i}", torch.cat([h, place], -1) if i == 1 else h))
    want = torch.nn.functional.softplus(dense("density", h)[..., 0] - 1)
    np.testing.assert_allclose(density, want, atol=1e-5)
    way = waves(way, 1)[:, None].expand(4, 5, -1)
    seen = torch.relu(dense("color_hidden", torch.cat([dense("feature", h), way], -1)))
    np.testing.assert_allclose(color, torch.sigmoid(dense("color", seen)), atol=1e-5)


def test_rays_meet_the_solid_where_the_rasterizer_says():
    turn = around(0.7)
    rays = pixel_rays(20, turn)
    depth, _ = rasterize(Mesh(BOX.vertices @ turn.T, BOX.faces), 20)
    np.testing.assert_allclose(np.linalg.norm(rays.way, axis=1), 1, rtol=1e-6)
    along = depth.ravel() / (rays.way @ turn.T)[:, 2]  # from depth along z to that along the ray
    origin, way = jnp.asarray(rays.origin), jnp.asarray(rays.way)
    ends = places_along(origin, way, jnp.asarray(along)[:, None])
    met = np.asarray(ends)[depth.ravel() > 0, 0]
    half = np.abs(BOX.vertices).max(axis=0)
    np.testing.assert_allclose((np.abs(met) / half).max(axis=1), 1, atol=1e-5)


def test_a_view_is_lit_from_its_own_frame_and_what_is_empty_shows_the_ground():
    color, light = np.full((len(BOX.faces), 3), 200), np.array([0.0, 0.0, 1.0])
    lit = {"color": color, "light": light, "ground": 255}
    rows = [view_rows(BOX, around(angle), 20, **lit) for angle in (0.2, 0.2 + np.pi)]
    corner = rows[0]["color"].reshape(20, 20, 3)[0, 0]
    np.testing.assert_array_equal(corner, 255)
    brightest = [np.where(r["color"] == 255, 0, r["color"]).max() for r in rows]
    assert brightest[0] != brightest[1]  # one eye sees the lit side
    empty = look_through((jnp.zeros((1, 4)), jnp.ones((1, 4, 3))), jnp.ones((1, 4)), 2.0, 0.25)
    np.testing.assert_allclose(empty.color, 0.25)


def test_psnr_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = RNG.random((2, 3, 8, 8, 3))
    want = [metrics.peak_signal_noise_ratio(x, y, data_range=1) for x, y in zip(b, a, strict=True)]
    np.testing.assert_allclose(psnr(a, b), want)
    np.testing.assert_array_equal(to_bytes(np.array([-1.0, 0.5, 2.0])), [0, 128, 255])

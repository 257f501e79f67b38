"""The network of depth and normals against what it must not depend on, and the experiment's mirror
against the camera's normals."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.vision3d.depth import maybe_mirrored
from jaxdl.data.synthetic.ray_tracer import FOCAL
from jaxdl.data.synthetic.solids import Solids
from jaxdl.vision3d.camera import intrinsics, normals_from_depth
from jaxdl.vision3d.depth_net import DepthNet


def test_a_moved_picture_has_the_moved_scene_in_any_size():
    net = DepthNet((3, 4))
    x = jax.random.normal(jax.random.key(0), (1, 20, 24, 3))
    variables = jax.jit(partial(net.init, train=False))(jax.random.key(1), x)
    variables["params"]["scene"]["bias"] += jnp.array([0.0, 0.3, 0.2, 0.1])
    apply = jax.jit(lambda x: net.apply(variables, x, train=False))
    whole, part = apply(x), apply(x[:, 2:, 4:])  # multiples of the stride
    assert whole.log_depth.shape == (1, 20, 24)
    middle = (slice(None), slice(7, -7), slice(7, -7))
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_allclose(a[:, 2:, 4:][middle], b[middle], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(whole.normals, axis=-1), 1, rtol=1e-4)
    with pytest.raises(ValueError, match="image 19x24 must divide by 2"):
        net.apply(variables, x[:, 1:], train=False)


def test_in_a_mirror_normals_are_those_of_the_mirrored_depth():
    row = Solids(3, fields=("image", "depth", "depth_normals", "label"), image_size=40)[1]
    row = {name: jnp.asarray(value) for name, value in row.items()}
    camera = intrinsics(40, 40, focal=FOCAL * 40)
    seen = set()
    for seed in range(6):
        got = maybe_mirrored(jax.random.key(seed), row)
        flipped = not np.array_equal(got["depth"], row["depth"])
        seen.add(flipped)
        want = row["image"][:, ::-1] if flipped else row["image"]
        np.testing.assert_array_equal(got["image"], want)
        normals, known = normals_from_depth(got["depth"], camera)
        cosine = np.sum(normals * got["depth_normals"], axis=-1)[known]
        assert np.median(cosine) > 0.99
    assert seen == {True, False}

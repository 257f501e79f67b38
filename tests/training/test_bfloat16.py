"""bfloat16 in every family of networks: what is computed in it, and what stays float32.

Read off the traced training step: products and convolutions take bfloat16, norms divide by roots
of float32; parameters, their gradients, statistics and outputs are float32.
"""

import jax
import jax.numpy as jnp
import pytest

from jaxdl.generative.gan.networks import DCDiscriminator
from jaxdl.language.transformer import TransformerLM
from jaxdl.models.registry import create_model
from jaxdl.training.compiler_options import CONVOLUTIONS, equations
from jaxdl.training.step import apply_train
from jaxdl.vision3d.depth_net import DepthNet
from jaxdl.vision3d.implicit import ImplicitField
from jaxdl.vision3d.pointnet import PointNet
from jaxdl.vision3d.pointnet2 import PointNet2
from jaxdl.vision3d.voxel_net import VoxelNet
from tests.layers.test_repeated_block import FAMILIES, IMAGE

SMALL = {"blocks": (1, 1), "filters": (8, 16)}
NETWORKS = FAMILIES | {
    "mlp": (lambda: create_model("mlp", 4), IMAGE),
    "lenet": (lambda: create_model("lenet", 4), IMAGE),
    "vgg": (lambda: create_model("vgg11", 4), IMAGE),
    "googlenet": (lambda: create_model("googlenet", 4), (2, 64, 64, 3)),
    "segnet": (lambda: create_model("segnet", 4, **SMALL), IMAGE),
    "fcn8s": (
        lambda: create_model("fcn8s_vgg16", 4, filters=(8,) * 5, hidden=16),
        (2, 64, 64, 3),
    ),
    "voxels": (lambda: VoxelNet(4, (4, 8)), (2, 16, 16, 16, 1)),
    "pointnet": (lambda: PointNet(4, (8, 8), (8, 16), (8,)), (2, 64, 3)),
    "pointnet2": (lambda: PointNet2(4, counts=(32, 8), neighbors=(8, 8)), (2, 64, 3)),
    "implicit": (lambda: ImplicitField(16), (2, 64, 3)),
    "depth": (lambda: DepthNet((8, 16)), (2, 32, 32, 3)),
    "dcgan": (lambda: DCDiscriminator(), (2, 28, 28, 1)),
    "language_model": (lambda: TransformerLM(7, 16, 32, hidden=64), (2, 16)),
}


def traced(name, precision):
    """The jaxpr of a training step's gradient, and the types of all it gives."""
    make, shape = NETWORKS[name]
    model, words = make(), len(NETWORKS[name][1]) == 2
    x = jnp.zeros(shape, jnp.int32 if words else jnp.float32)
    key = jax.random.key(0)
    variables = jax.eval_shape(lambda: model.init(key, x, train=False))
    extra = {k: v for k, v in variables.items() if k != "params"}

    def step(params, extra, x):
        def loss(params):
            out, changed = apply_train(model, params, extra, x, key, precision=precision)
            return sum(jnp.sum(y**2) for y in jax.tree.leaves(out)), (out, changed)

        return jax.value_and_grad(loss, has_aux=True)(params)

    jaxpr, given = jax.make_jaxpr(step, return_shape=True)(variables["params"], extra, x)
    return jaxpr, {v.dtype for v in jax.tree.leaves(given) if jnp.issubdtype(v.dtype, jnp.floating)}


def types(jaxpr, *names):
    """Each of `names`' equations as the types that it takes."""
    return [
        tuple(v.aval.dtype for v in equation.invars)
        for equation, _ in equations(jaxpr.jaxpr)
        if equation.primitive.name in names
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_family_computes_in_bfloat16_and_keeps_float32(name):
    jaxpr, given = traced(name, "bfloat16")
    assert given == {jnp.dtype("float32")}
    work = types(jaxpr, "dot_general", *CONVOLUTIONS)
    reduced = [pair for pair in work if set(pair) == {jnp.dtype("bfloat16")}]
    assert len(reduced) >= 0.8 * len(work)  # attention's weights and what places pixels do not
    roots = types(jaxpr, "rsqrt")
    assert all(pair == (jnp.dtype("float32"),) for pair in roots)
    assert not any(
        jnp.bfloat16 in pair for pair in types(traced(name, "float32")[0], "dot_general")
    )

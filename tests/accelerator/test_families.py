"""Segmenters, networks of clips and of 3-D, detectors on the accelerator, judged by the CPU.

Outputs and gradients of networks, losses and gradients of detectors; precision and tolerances are
those of `test_models.py`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.registry import create_model
from jaxdl.video.models.attention import SpaceTimeTransformer
from jaxdl.video.models.slowfast import SlowFast
from jaxdl.video.models.video_resnet import VideoResNet
from jaxdl.vision3d.depth_net import DepthNet
from jaxdl.vision3d.implicit import ImplicitField
from jaxdl.vision3d.pointnet import PointNet
from jaxdl.vision3d.pointnet2 import PointNet2
from jaxdl.vision3d.voxel_net import VoxelNet
from tests.accelerator.test_models import GRADIENT, LOSS
from tests.accelerator.test_ops import distance
from tests.detection.thin import DETECTORS
from tests.detection.truths import BATCH, CLASSES

pytestmark = pytest.mark.gpu
CLIP = (2, 8, 32, 32, 3)
SMALL = {"blocks": (1, 1), "filters": (8, 16)}
NETWORKS = {  # and the shape that they are given
    "segnet": (lambda: create_model("segnet", 4, **SMALL), (2, 32, 32, 3)),
    "fcn8s": (lambda: create_model("fcn8s_vgg16", 4, filters=(8,) * 5, hidden=16), (2, 64, 64, 3)),
    "video_resnet": (lambda: VideoResNet(4, stem="2+1d", blocks=(1, 1, 1, 1), width=8), CLIP),
    "slowfast": (lambda: SlowFast(4, blocks=(1, 1, 1, 1), width=8, small=True), CLIP),
    "space_time": (lambda: SpaceTimeTransformer(4, 8, 2, 16, 2, 2, 32), CLIP),
    "voxels": (lambda: VoxelNet(4, (4, 8)), (2, 16, 16, 16, 1)),
    "pointnet": (lambda: PointNet(4, (8, 8), (8, 16), (8,)), (2, 64, 3)),
    "pointnet2": (lambda: PointNet2(4, counts=(32, 8), neighbors=(8, 8)), (2, 64, 3)),
    "implicit": (lambda: ImplicitField(16), (2, 64, 3)),
    "depth": (lambda: DepthNet((8, 16)), (2, 32, 32, 3)),
}


def start(model, x):
    """Variables that the CPU drew: params, and the rest."""
    with jax.default_device(jax.devices("cpu")[0]):
        variables = jax.device_get(jax.jit(lambda: model.init(jax.random.key(0), x, train=False))())
    return variables.pop("params"), variables


@pytest.mark.parametrize("name", NETWORKS)
def test_a_networks_outputs_and_gradient_are_those_of_the_cpu(name, both):
    make, shape = NETWORKS[name]
    model, rng = make(), np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    params, rest = start(model, x)
    call = lambda params, x: model.apply({"params": params, **rest}, x, train=False)  # noqa: E731
    outs = jax.eval_shape(call, params, x)
    pull = jax.tree.map(lambda v: rng.normal(size=v.shape).astype(v.dtype), outs)

    def everything(params, x, pull):
        out, back = jax.vjp(lambda params: call(params, x), params)
        return out, back(pull)

    (out, gradient), (out_there, gradient_there) = both(everything, params, x, pull)
    assert distance(out, out_there) < LOSS
    assert distance(gradient, gradient_there) < GRADIENT


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detectors_losses_and_gradient_are_those_of_the_cpu(name, both):
    detector = DETECTORS[name](CLASSES)
    image = np.random.default_rng(0).normal(size=BATCH["image"].shape).astype(np.float32)
    batch = jax.device_get({**BATCH, "image": image})
    params, rest = start(detector.model, image)

    def everything(params, batch):
        options = {"truth": batch} if detector.sees_truth else {}

        def loss(params):
            variables = {"params": params, **rest}
            out = detector.model.apply(variables, batch["image"], train=False, **options)
            parts = detector.losses(out, batch)
            return sum(jnp.sum(part) for part in parts.values()), parts

        return jax.grad(loss, has_aux=True)(params)

    (gradient, parts), (gradient_there, parts_there) = both(everything, params, batch)
    assert distance(parts, parts_there) < LOSS
    assert distance(gradient, gradient_there) < GRADIENT

"""R3D, MC3, R(2+1)D and S3D against torchvision's own, with random weights."""

import copy
import importlib

import jax
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.models.weights.weight_rules import places, to_torch
from jaxdl.video.models.c3d import C3D
from jaxdl.video.models.s3d import S3D
from jaxdl.video.models.torchvision_rules import import_video_weights, rules_for_clips
from jaxdl.video.models.video_resnet import MC318, R3D18, R2Plus1D18, VideoResNet
from tests.models.weights.twins import arrays_of, quick_jit, randomize
from tests.video.models.random_variables import clips, shapes_of

CLASSES = 5


def check(model, twin, clip):
    """Logits to 1e-4, gradients of all parameters to 1e-3 of their largest value, in float64."""
    import torch

    randomize(twin)
    variables = import_video_weights(model, arrays_of(twin), clip)
    x = clips(2, *clip, 3)
    with jax.enable_x64(True):
        double = copy.deepcopy(twin).double().eval()
        inner = jax.tree.map(np.float64, variables)
        weights = np.random.default_rng(1).normal(size=(2, model.num_classes))

        def loss(params):
            logits = model.apply({**inner, "params": params}, np.float64(x), train=False)
            return (logits * weights).sum(), logits

        grads, got = quick_jit(jax.grad(loss, has_aux=True))(inner["params"])
    want = double(torch.tensor(x.transpose(0, 4, 1, 2, 3)).double())
    (want * torch.tensor(weights)).sum().backward()
    want = want.detach().numpy()
    scale = max(1, np.abs(want).max())
    assert np.abs(want).max() > 0.05
    np.testing.assert_allclose(got, want, atol=1e-4 * scale)
    ours = to_torch(rules_for_clips(model), {"params": grads})
    for name, parameter in double.named_parameters():
        theirs = parameter.grad.numpy()
        error = np.abs(ours.pop(name) - theirs).max()
        assert error <= 1e-3 * np.abs(theirs).max() + 1e-9, name
    assert not ours


def thin_resnet(vision):
    """One block a stage, one stage of every kind."""
    lib = vision.models.video.resnet
    makers = [lib.Conv2Plus1D, lib.Conv3DSimple, lib.Conv3DNoTemporal]
    twin = lib.VideoResNet(lib.BasicBlock, [*makers, makers[2]], [1] * 4, lib.R2Plus1dStem, CLASSES)
    twin.layer4 = vision.ops.misc.torch.nn.Identity()
    twin.fc = vision.ops.misc.torch.nn.Linear(256, CLASSES)
    model = VideoResNet(CLASSES, ("2+1d", "3d", "2d"), "2+1d", (1, 1, 1))
    return model, twin, (3, 16, 16)


def thin_s3d(vision):
    """Two blocks, each behind one of the pools over time."""
    torch = vision.ops.misc.torch
    lib = importlib.import_module("torchvision.models.video.s3d")  # its name there is a function
    twin = lib.S3D(CLASSES, dropout=0.0)
    rows = {"inception4a": (2, 3, 5, 2, 3, 2), "inception5a": (2, 2, 3, 2, 4, 3)}

    def make(channels):
        return torch.nn.BatchNorm3d(channels, eps=1e-3, momentum=1e-3)

    pools = [layer for layer in twin.features if isinstance(layer, torch.nn.MaxPool3d)]
    twin.features = torch.nn.Sequential(
        lib.TemporalSeparableConv(3, 4, 7, 2, 3, make),
        pools[0],
        lib.Conv3dNormActivation(4, 3, kernel_size=1, stride=1, norm_layer=make),
        lib.TemporalSeparableConv(3, 5, 3, 1, 1, make),
        pools[1],
        pools[2],
        lib.SepInceptionBlock3D(5, *rows["inception4a"], make),
        pools[3],
        lib.SepInceptionBlock3D(12, *rows["inception5a"], make),
    )
    twin.avgpool = torch.nn.AvgPool3d((1, 2, 2), 1)
    twin.classifier[1] = torch.nn.Conv3d(12, CLASSES, 1)
    return S3D(CLASSES, 0.0, (1, 2, 2), (4, 3, 5), tuple(rows.items())), twin, (9, 64, 64)


@pytest.mark.parametrize("family", [thin_resnet, thin_s3d])
def test_a_thin_one_of_each_family_is_torchvisions(torchvision, family):
    check(*family(torchvision))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "name"),
    [(R3D18, "r3d_18"), (MC318, "mc3_18"), (R2Plus1D18, "r2plus1d_18"), (S3D, "s3d")],
)
def test_every_name_that_torchvision_has(torchvision, model, name):
    options = {"dropout": 0.0} if name == "s3d" else {}
    clip = (16, 224, 224) if name == "s3d" else (8, 64, 64)
    check(model(400, **options), getattr(torchvision.models.video, name)(**options), clip)


def test_every_array_of_the_full_networks_has_its_place(torchvision):
    """By names and shapes alone, without weights."""
    with torchvision.ops.misc.torch.device("meta"):
        twins = {
            R3D18: torchvision.models.video.r3d_18(),
            MC318: torchvision.models.video.mc3_18(),
            R2Plus1D18: torchvision.models.video.r2plus1d_18(),
            S3D: torchvision.models.video.s3d(),
        }
    for make, twin in twins.items():
        model = make(400)
        ours = places(rules_for_clips(model), shapes_of(model, (1, 16, 224, 224, 3)))
        theirs = {k: tuple(v.shape) for k, v in twin.state_dict().items() if v.ndim}
        assert {place.theirs: place.their_shape for place in ours} == theirs


def test_a_family_without_rules_is_refused():
    with pytest.raises(UsageError, match="C3D; there are rules for S3D, VideoResNet"):
        import_video_weights(C3D(3), {})

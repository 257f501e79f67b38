"""Every method against captum on torchvision's networks of the same weights; closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.interpret import network as network_module
from jaxdl.interpret.attribution.cam import enlarge, grad_cam
from jaxdl.interpret.attribution.gradients import (
    gradient_x_input,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from jaxdl.interpret.attribution.guided import deconvnet, guided_backprop, guided_grad_cam
from jaxdl.interpret.attribution.occlusion import occlusion
from jaxdl.interpret.network import Unit, gradient, scores
from tests.interpret.tiny_nets import Cubic, network_of, pictures, torchvision_pair

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:captum")  # of its hooks
TARGETS = (2, (0, 5))  # one class for all pictures; one for each


@pytest.fixture(scope="module", params=["squeezenet1_1", "resnet", "mobilenet_v2"])
def pair(request, torchvision):
    pytest.importorskip("captum")
    with jax.enable_x64(True):
        yield torchvision_pair(torchvision, request.param)


def same(got, want):
    """To 1e-4 of the largest value; torch's have their channels in front."""
    want = want.detach().numpy()
    want = np.moveaxis(want, 1, -1) if want.ndim == 4 else want
    got = np.asarray(got)
    got = got[..., None] if got.ndim < want.ndim else got
    assert np.abs(want).max() > 1e-3
    np.testing.assert_allclose(
        got, np.broadcast_to(want, got.shape), atol=1e-4 * np.abs(want).max()
    )


@pytest.mark.parametrize("target", TARGETS)
def test_methods_are_captums(pair, target):
    from captum import attr

    network, twin, x, torch_x, stage, layer = pair
    theirs = {"target": target if isinstance(target, int) else list(target)}
    plain = attr.Saliency(twin).attribute(torch_x, abs=True, **theirs)
    same(saliency(network, x, target), plain.max(1).values)
    same(
        gradient_x_input(network, x, target), attr.InputXGradient(twin).attribute(torch_x, **theirs)
    )
    guided = attr.GuidedBackprop(twin).attribute(torch_x, **theirs)
    same(guided_backprop(network, x, target), guided)
    same(deconvnet(network, x, target), attr.Deconvolution(twin).attribute(torch_x, **theirs))
    coarse = attr.LayerGradCam(twin, layer).attribute(torch_x, relu_attributions=True, **theirs)
    same(grad_cam(network, x, target), coarse[:, 0])
    fine = attr.GuidedGradCam(twin, layer)
    want = fine.attribute(torch_x, interpolate_mode="bilinear", **theirs)
    same(guided_grad_cam(network, x, target, stage=stage), want)


def test_integrated_gradients_are_captums_and_complete(pair):
    from captum import attr

    network, twin = pair[:2]
    x, torch_x = pair.images[:1], pair.torch_images[:1]
    for baseline, steps in ((0.0, 3), (0.3, 30)):
        got = integrated_gradients(network, x, 2, baseline=baseline, steps=steps)
        want = attr.IntegratedGradients(twin).attribute(torch_x, baseline, 2, n_steps=steps)
        same(got, want)
        gap = scores(network, x, 2) - scores(network, jnp.full_like(x, baseline), 2)
        if steps == 30:  # a ReLU's kinks leave an error: within 1 % of all that is attributed
            error = np.abs(got.sum((1, 2, 3)) - gap)
            assert (error < 0.01 * np.abs(got).sum((1, 2, 3))).all()


def test_occlusion_is_captums(pair):
    from captum import attr

    network, twin, x, torch_x, *_ = pair
    for window, stride, baseline in (((12, 9), (12, 7), 0.0), (16, 11, 0.5)):
        got = occlusion(network, x, (0, 5), window=window, stride=stride, baseline=baseline)
        shape = window if isinstance(window, tuple) else (window, window)
        steps = stride if isinstance(stride, tuple) else (stride, stride)
        options = {"strides": (3, *steps), "baselines": baseline, "target": [0, 5]}
        want = attr.Occlusion(twin).attribute(torch_x, (3, *shape), **options)
        same(got, want[:, 0])


@pytest.mark.parametrize("pair", ["squeezenet1_1"], indirect=True)
def test_a_unit_and_a_function_of_stages_are_captums_neurons(pair):
    from captum import attr

    network, twin, x, torch_x, stage, layer = pair
    neuron = attr.NeuronGradient(twin, layer)
    maps = np.asarray(network(x)[stage])
    live = np.where(maps < 6, maps, 0).min(0)  # neither end of a ReLU6 has a gradient
    row, column, channel = np.unravel_index(live.argmax(), live.shape)
    unit = Unit(stage, (int(row), int(column), int(channel)))
    selector = (int(channel), int(row), int(column))
    same(gradient(network, x, unit), neuron.attribute(torch_x, neuron_selector=selector))
    same(
        gradient(network, x, lambda stages: stages[stage][..., channel].sum((1, 2))),
        neuron.attribute(torch_x, neuron_selector=lambda out: out[:, channel].sum((1, 2))),
    )


def test_smooth_grad_is_the_mean_gradient_of_the_copies_it_names():
    x, key = pictures(), jax.random.key(3)
    network = network_of(Cubic(power=3), x)
    weights = np.asarray(network.variables["params"]["head"]["kernel"], np.float64)[:, 1]
    spread = np.ptp(np.asarray(x), axis=(1, 2, 3))[:, None, None, None]
    for samples, noise in ((1, 0.1), (4, 0.3)):
        want = 0
        for i in range(samples):
            drawn = np.asarray(jax.random.normal(jax.random.fold_in(key, i), x.shape))
            want += (
                3 * weights.reshape(5, 5, 3) * np.asarray(x + noise * spread * drawn) ** 2 / samples
            )
        got = smooth_grad(network, x, 1, key=key, samples=samples, noise=noise)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_integrated_gradients_of_a_cubic_are_exact_with_two_points():
    x = pictures()
    network = network_of(Cubic(power=3), x)
    weights = np.asarray(network.variables["params"]["head"]["kernel"])[:, 0].reshape(5, 5, 3)
    got = integrated_gradients(network, x, 0, baseline=0.5, steps=2)
    np.testing.assert_allclose(got, weights * (np.asarray(x) ** 3 - 0.5**3), rtol=1e-4, atol=1e-5)


def test_enlarged_maps_are_torchs():
    torch = pytest.importorskip("torch")
    maps = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    resize = torch.nn.functional.interpolate
    want = resize(torch.tensor(maps[:, None]), (11, 9), mode="bilinear")[:, 0]
    np.testing.assert_allclose(enlarge(jnp.asarray(maps), (11, 9)), want, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        (smooth_grad, {"key": jax.random.key(0), "samples": 0}, "samples must be >= 1.*got 0"),
        (smooth_grad, {"key": jax.random.key(0), "noise": -1.0}, "noise >= 0.*got 25, -1.0"),
        (integrated_gradients, {"steps": 0}, "steps must be >= 1, got 0"),
        (occlusion, {"window": 2, "stride": 3}, "stride <= window <= picture.*stride \\(3, 3\\)"),
        (occlusion, {"window": 6, "stride": 3}, "stride <= window <= picture.*window \\(6, 6\\)"),
    ],
)
def test_options_that_cannot_be_are_named(method, options, words):
    x = pictures()
    with pytest.raises(ValueError, match=words):
        method(network_of(Cubic(), x), x, 0, **options)


@pytest.mark.parametrize(
    "method",
    [
        partial(integrated_gradients, steps=3),
        partial(smooth_grad, key=jax.random.key(0), samples=3),
        partial(occlusion, window=1, stride=1),  # 25 windows, of which a program takes 16
    ],
)
def test_a_network_is_traced_for_its_classes_once(method, monkeypatch):
    asked, shapes = [], network_module.stage_shapes
    monkeypatch.setattr(
        network_module, "stage_shapes", lambda *args: asked.append(args) or shapes(*args)
    )
    x = pictures()
    method(network_of(Cubic(), x), x, 0)
    assert len(asked) == 1

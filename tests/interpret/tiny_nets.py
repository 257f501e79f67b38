"""Small networks whose scores have a closed form, and thin ones of torchvision with their twins."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.interpret.network import Network
from tests.models.weights.test_torchvision_rules import FAMILIES
from tests.models.weights.twins import load, randomize

CLASSES = 3


class Cubic(nn.Module):
    """logits_k = sum w_k x^power: a stage `map`, and ReLUs of none."""

    power: int = 1

    @nn.compact
    def __call__(self, x, *, train, stages=False):
        out = {"map": x**self.power}
        out["logits"] = nn.Dense(CLASSES, name="head")(out["map"].reshape(len(x), -1))
        return out if stages else out["logits"]


class Pooled(nn.Module):
    """A convolution, ReLU, the mean over positions and one linear layer."""

    @nn.compact
    def __call__(self, x, *, train, stages=False):
        out = {"map": nn.relu(nn.Conv(4, (3, 3), name="conv")(x))}
        out["aside"] = out["map"][:, ::2, ::2] * 2  # what the logits do not depend on
        out["logits"] = nn.Dense(CLASSES, name="head")(out["map"].mean((1, 2)))
        return out if stages else out["logits"]


class NoStages(nn.Module):
    """A network that names nothing."""

    @nn.compact
    def __call__(self, x, *, train):
        return nn.Dense(CLASSES)(x.reshape(len(x), -1))


def pictures(count: int = 2, side: int = 5) -> Any:
    """`(count, side, side, 3)` of unit normals."""
    return jax.random.normal(jax.random.key(7), (count, side, side, 3))


def network_of(model: Any, images: Any) -> Network:
    """With weights drawn at random."""
    init = jax.jit(lambda key: model.init(key, images, train=False))
    return Network(init(jax.random.key(0)), model)


class Pair(NamedTuple):
    """Our network and torch's, of the same weights, in double precision."""

    network: Network
    twin: Any
    images: Any
    torch_images: Any
    stage: str
    layer: Any  # the twin's module that gives the stage


def torchvision_pair(vision: Any, family: str) -> Pair:
    """Thin; to be called, and its network used, under `jax.enable_x64(True)`."""
    import torch

    model, twin, sizes = FAMILIES[family](vision)
    variables = jax.tree.map(np.float64, load(model, randomize(twin), sizes[0], "torchvision"))
    images = np.random.default_rng(0).normal(size=(2, sizes[0], sizes[0], 3))
    twin = with_plain_relus(twin).double().eval()
    layer = twin.layer2 if family == "resnet" else twin.features
    network = Network(jax.tree.map(jnp.asarray, variables), model)
    stage = network.maps(jnp.asarray(images))[-1]
    return Pair(
        network,
        twin,
        jnp.asarray(images),
        torch.tensor(images.transpose(0, 3, 1, 2)),
        stage,
        layer,
    )


def with_plain_relus(module: Any) -> Any:
    """ReLUs that change nothing in place, ReLU6 a kind of them: captum's hooks ask for both."""
    import torch

    class ReLU6(torch.nn.ReLU):
        def forward(self, x):
            return torch.nn.functional.relu6(x)

    for name, child in module.named_children():
        if isinstance(child, torch.nn.ReLU | torch.nn.ReLU6):
            six = isinstance(child, torch.nn.ReLU6)
            setattr(module, name, ReLU6() if six else torch.nn.ReLU())
        with_plain_relus(child)
    return module

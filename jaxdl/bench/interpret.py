"""How long looking inside a network takes, compared with captum on the network's torch twin."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.bench.interleaved import compare_times
from jaxdl.interpret.attribution.gradients import integrated_gradients
from jaxdl.interpret.network import Network
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.models.registry import create_model
from jaxdl.ops.attack import pgd
from jaxdl.typing import Array, Host, Tree

NETS = {"lenet": (28, 28, 1), "preact_resnet20": (32, 32, 3), "cifar_vit": (32, 32, 3)}
CLASSES, TARGET = 10, 7  # which class does not matter to the time
EPSILON, RATE = 0.03, 0.005
LOW, HIGH = -4.0, 4.0  # of pixels

Work = Callable[[], Any]
Works = dict[str, Work]


class Sizes(NamedTuple):
    """What is measured: so many pictures, points of the path, steps of the attack."""

    rows: int = 4
    points: int = 50
    steps: int = 20


def bench_interpret(
    nets: Mapping[str, tuple[int, int, int]] = NETS, sizes: Sizes = Sizes(), *, rounds: int = 5
) -> str:
    """Lines: integrated gradients and an attack through each network, both sides' weights equal."""
    lines = []
    for name, shape in nets.items():
        ours, theirs = works(name, (sizes.rows, *shape), sizes)
        counts = {"integrated gradients": sizes.points, "PGD": sizes.steps}
        for what, work in ours.items():
            title = f"{name}, {what} of {counts[what]}"
            lines.append(compare_times(title, work, theirs.get(what), rounds, whose="captum"))
    return "\n".join(lines)


def works(name: str, shape: tuple[int, int, int, int], sizes: Sizes) -> tuple[Works, Works]:
    """Ours, and captum's on the same weights and pictures `shape` (none where it is absent)."""
    model = create_model(name, num_classes=CLASSES)
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32).clip(LOW, HIGH)
    variables = drawn_variables(model, images)
    network, x = Network(variables, model), jnp.asarray(images)

    @jax.jit
    def attack(variables: Tree, images: Array) -> Array:
        def cost(images: Array) -> Array:
            logits: Any = model.apply(variables, images, train=False)
            return softmax_cross_entropy(logits, jnp.full(len(images), TARGET))

        ball = partial(pgd, epsilon=EPSILON, low=LOW, high=HIGH)
        return ball(cost, images, rate=RATE, steps=sizes.steps)

    ours = {
        "integrated gradients": lambda: integrated_gradients(
            network, x, TARGET, steps=sizes.points
        ),
        "PGD": lambda: attack(variables, x),
    }
    return ours, _captum_works(model, variables, images, sizes)


def drawn_variables(model: Any, images: Host) -> Tree:
    """Those of a new network, moved off zero: a head of zeros has no gradient behind it."""
    init: Any = jax.jit(partial(model.init, train=False))
    variables = init(jax.random.key(0), images)
    draw = np.random.default_rng(1)

    def moved(value: Array) -> Host:
        noise = draw.normal(scale=0.05, size=value.shape)
        return np.asarray(value + noise, value.dtype)

    return {**variables, "params": jax.tree.map(moved, variables["params"])}


def _captum_works(model: Any, variables: Tree, images: Host, sizes: Sizes) -> Works:
    try:
        import torch
        from captum.attr import IntegratedGradients
        from captum.robust import PGD
    except ImportError:
        return {}
    from jaxdl.interop.torch_twins.registry import twin_of

    twin = twin_of(model, images.shape)
    twin.load(variables)
    net = twin.module.eval()
    x = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    attack = PGD(net, loss, lower_bound=LOW, upper_bound=HIGH)
    target = torch.full((len(images),), TARGET)
    return {
        "integrated gradients": lambda: IntegratedGradients(net).attribute(
            x, target=TARGET, n_steps=sizes.points
        ),
        "PGD": lambda: attack.perturb(x, EPSILON, RATE, sizes.steps, target),
    }

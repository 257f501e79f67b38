"""torchvision's own models, thin ones too, and the comparison of one with ours."""

import copy
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.models.weights.rule_sets import rules_for
from jaxdl.models.weights.weight_rules import from_torch, places

CLASSES = 7


def randomize(twin: Any, seed: int = 0) -> Any:
    """Moves everything off its default: norms, running statistics, tokens, zero heads."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def normal(like, scale):
        return torch.randn(like.shape, generator=generator) * scale

    state = twin.state_dict()
    for name, value in state.items():
        if not value.is_floating_point():
            continue
        if name.endswith("running_var"):
            state[name] = 0.5 + torch.rand(value.shape, generator=generator)
        elif name.endswith(("running_mean", "bias")):
            state[name] = normal(value, 0.2)
        elif value.ndim == 1:
            state[name] = 1 + normal(value, 0.2)
        elif value.ndim > 1:
            fan_in = value[0].numel() if value.ndim != 3 else 4
            state[name] = normal(value, (2 / fan_in) ** 0.5)
    twin.load_state_dict(state)
    return twin


# A program that runs once need not be fast: half the time to compile.
quick_jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def arrays_of(twin: Any) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in twin.state_dict().items()}


def shapes_of(model: Any, size: int) -> Any:
    x = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    return jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x)


def images(size: int) -> np.ndarray:
    return np.random.default_rng(size).normal(size=(3, size, size, 3)).astype(np.float32)


def torch_logits(twin: Any, x: np.ndarray) -> dict[str, Any]:
    """Logits, and in training those of auxiliary classifiers."""
    import torch

    out = twin(torch.tensor(x.transpose(0, 3, 1, 2)))
    if isinstance(out, tuple):
        return {"logits": out[0], "aux2": out[1], "aux1": out[2]}
    return {"logits": out}


def our_logits(model: Any, variables: Any, x: np.ndarray, train: bool) -> Any:
    """(logits by name, changed batch statistics)."""
    if not train:
        return {"logits": model.apply(variables, x, train=False)}, {}
    mutable = [name for name in variables if name != "params"]
    out, changed = model.apply(variables, x, train=True, stages=True, mutable=mutable)
    return {k: v for k, v in out.items() if k == "logits" or k.startswith("aux")}, changed


def weighted_sum(logits: dict[str, Any], weights: dict[str, np.ndarray]) -> Any:
    return sum((logits[name] * weights[name]).sum() for name in logits)


def check_logits(model: Any, twin: Any, size: int, *, source: str = "torchvision") -> None:
    """Logits in evaluation agree to 1e-4."""
    variables = load(model, twin, size, source)
    twin.eval()
    x = images(size)
    got = quick_jit(lambda v, x: our_logits(model, v, x, False)[0])(variables, x)
    want = torch_logits(twin, x)["logits"].detach().numpy()
    assert np.abs(want).max() > 0.1
    np.testing.assert_allclose(got["logits"], want, atol=1e-4 * max(1, np.abs(want).max()))


def load(model: Any, twin: Any, size: int, source: str) -> Any:
    return from_torch(rules_for(model, source), arrays_of(twin), shapes_of(model, size))


def check_gradients(
    model: Any, twin: Any, size: int, *, train: bool, source: str = "torchvision"
) -> None:
    """Logits to 1e-4, gradients of all parameters to 1e-3 relative; running statistics after.

    In float64, since in float32 a value before a ReLU that is zero but for rounding may be cut on
    one side and not on the other.
    """
    with jax.enable_x64(True):
        variables = jax.tree.map(np.float64, load(model, twin, size, source))
        double = copy.deepcopy(twin).double().train(train)
        x = images(size).astype(np.float64)
        want = torch_logits(double, x)
        rng = np.random.default_rng(1)
        weights = {name: rng.normal(size=value.shape) for name, value in want.items()}

        def loss(params, variables, x):
            logits, changed = our_logits(model, {**variables, "params": params}, x, train)
            return weighted_sum(logits, weights), (logits, changed)

        gradients = quick_jit(jax.grad(loss, has_aux=True))
        grads, (got, changed) = gradients(variables["params"], variables, x)
    weighted_sum(want, {k: torch_tensor(v) for k, v in weights.items()}).backward()
    for name, value in want.items():
        scale = max(1, value.abs().max().item())
        np.testing.assert_allclose(got[name], value.detach().numpy(), atol=1e-4 * scale)
    theirs = {name: p.grad for name, p in double.named_parameters() if p.grad is not None}
    check_same(model, {"params": grads}, theirs, source, rtol=1e-3)
    if train and changed:
        check_same(model, changed, double.state_dict(), source, rtol=1e-4)


def torch_tensor(array: np.ndarray) -> Any:
    import torch

    return torch.tensor(array)


def check_same(model: Any, tree: Any, theirs: Any, source: str, *, rtol: float) -> None:
    """Every array of `tree` agrees with theirs, relative to its largest value."""
    values = jax.tree.leaves(tree)
    # Some gradients are zero but for rounding: that of a bias in front of a batch norm.
    noise = 1e-7 * max(np.abs(value).max() for value in values)
    for place, value in zip(places(rules_for(model, source), tree), values, strict=True):
        if place.theirs not in theirs:  # auxiliary classifiers in evaluation
            assert place.theirs.startswith("aux")
            assert not np.asarray(value).any()
            continue
        want = place.back(theirs[place.theirs].detach().numpy())
        error, scale = np.abs(np.asarray(value) - want).max(), np.abs(want).max()
        assert error <= rtol * scale + noise, f"{place.theirs}: {error} of {scale}"


def narrow_features(features: Any, widths: list[int]) -> int:
    """Replaces the convolutions (and their norms) of a Sequential by narrow ones."""
    import torch

    channels = 3
    left = iter(widths)
    for i, layer in enumerate(features):
        if isinstance(layer, torch.nn.Conv2d):
            width = next(left)
            features[i] = torch.nn.Conv2d(
                channels, width, layer.kernel_size, layer.stride, layer.padding
            )
            channels = width
        if isinstance(layer, torch.nn.BatchNorm2d):
            features[i] = torch.nn.BatchNorm2d(channels)
    return channels


def narrow_classifier(classifier: Any, inputs: int, hidden: int) -> None:
    """Replaces the three linear layers of a Sequential."""
    import torch

    where = [i for i, layer in enumerate(classifier) if isinstance(layer, torch.nn.Linear)]
    for i, sizes in zip(
        where, [(inputs, hidden), (hidden, hidden), (hidden, CLASSES)], strict=True
    ):
        classifier[i] = torch.nn.Linear(*sizes)

"""The two sides of a comparison: a task of ours, and its twin under torch, on the same batches."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import torch

from jaxdl.checks import UsageError
from jaxdl.data.masks.label_map import VOID
from jaxdl.interop.torch_twins.registry import Twin
from jaxdl.interop.torch_twins.trainer import Trainer, aim_of, channels_first, given, tensor
from jaxdl.optim.config import OptimConfig
from jaxdl.optim.optimizer import decayed
from jaxdl.training.step import (
    Step,
    apply_gradients,
    device_key,
    make_train_step,
    row_keys,
)
from jaxdl.training.task import Task, as_it_is
from jaxdl.typing import AXIS, Array, Batch, Host, Tree

Arrays = dict[str, Host]
PRINTED = (bool, int, float, str, tuple)
BATCH = 256  # rows at once in an evaluation


class JaxSide:
    """Our training, a step at a time, on one device."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.split = task, task.splits["train"]
        if not self.split.resident():
            raise UsageError("compare: the data must fit the memory")
        self.state = jax.jit(task.init)(jax.random.key(seed))
        self.resident = jax.device_put(dict(self.split.resident()))
        self.program = jax.jit(one_device(self._one))

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        assert self.task.rate is not None, "tasks with an optimizer have it"
        return self.task.rate(step)

    def update(self, state: Any, grads: Tree) -> Any:
        """`state` one update by `grads` on."""
        assert self.task.tx is not None, "tasks with an optimizer have it"
        return apply_gradients(self.task.tx, state, grads)

    @property
    def repeatable(self) -> bool:
        """Whether a step needs but the weights and a prepared batch, in float64 too."""
        return not self.state.local

    @property
    def variables(self) -> Tree:
        """The model's."""
        return {"params": self.state.params, **self.state.extra}

    def step(self) -> tuple[float, dict[str, Host]]:
        """One update: the loss before it, and the prepared batch that it saw."""
        number = int(self.state.step)
        item = jax.tree.map(lambda x: x[0], self.split.feed(number, number + 1))
        self.state, pairs, ready = self.program(self.state, self.resident, item)
        return sum(float(a) / float(n) for a, n in pairs), jax.device_get(ready)

    def first_batch(self) -> dict[str, Host]:
        """The prepared batch of the step that comes next; the state stays."""
        state = self.state
        _, batch = self.step()
        self.state = state
        return batch

    def _one(self, state: Any, resident: Any, item: Any) -> Any:
        batch = self.split.gather(resident, item)
        keys = row_keys(jax.random.fold_in(state.key, state.step), batch)
        ready = dict(self.task.prepare(keys, batch, train=True))
        new, metrics = self.task.step(state, batch)
        return new, [metrics["loss"]], ready

    def gradients(self, batch: Batch, *, wide: bool = False) -> tuple[float, Tree]:
        """Loss and gradients of a prepared batch, from the start of a text; `wide`: in float64."""
        loss_fn: Any = self.task.loss_fn

        def both(state: Any, batch: Batch) -> Any:
            key = device_key(jax.random.fold_in(state.key, state.step))
            grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
            (loss, _), grads = grad_fn(state.params, state.extra, batch, key)
            return loss, grads

        return self.run_once(both, batch, wide=wide)

    def run_once(self, both: Any, batch: Batch, *, wide: bool) -> tuple[float, Tree]:
        """What `both(state, batch)` gives, a loss and gradients, `wide` in float64."""
        with jax.enable_x64(wide):
            state, batch = to_float64((self.state, batch)) if wide else (self.state, batch)
            loss, grads = jax.jit(one_device(both))(state, batch)
            return float(loss), jax.device_get(grads)

    def prepared_step(self) -> Step:
        """A step that is given a prepared batch."""
        assert self.task.loss_fn is not None, "the task of a model has one"
        assert self.task.tx is not None, "and an optimizer"
        return make_train_step(self.task.loss_fn, self.task.tx, as_it_is)

    def layers(self, batch: Batch) -> tuple[Arrays, dict[str, dict[str, Any]]]:
        """Path -> output in training, NCHW where it is an image; path -> fields of the module."""
        return watch(self.task.model, self.variables, given(batch))

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """Mean loss and share of right answers over prepared batches."""
        model: Any = self.task.model
        call = jax.jit(lambda variables, x: first(model.apply(variables, x, train=False)))
        variables = self.state.variables
        return score([(np.asarray(call(variables, given(b))), aim_of(b)) for b in batches])

    def test_batches(self, rows: int) -> list[Batch]:
        """The first `rows` of the test split, prepared."""
        split = self.task.splits["test"]
        prepare = jax.jit(lambda keys, batch: dict(self.task.prepare(keys, batch, train=False)))
        made = []
        for start in range(0, min(rows, split.size), BATCH):
            numbers = np.arange(start, min(start + BATCH, rows, split.size))
            keys = jax.random.split(jax.random.key(0), len(numbers))
            made.append(jax.device_get(prepare(keys, dict(split.batch(numbers)))))
        return made


class TorchSide:
    """The twin, its training, and a look inside."""

    trainer_of: type[Trainer] = Trainer

    def __init__(self, twin: Twin, ours: JaxSide, optim: OptimConfig, **options: Any) -> None:
        """It starts from the weights of `ours`; `options` are those of `Trainer`."""
        self.twin, self.module = twin, twin.module
        twin.load(ours.variables)
        yes = decayed(ours.state.params, optim.decay_paths)
        full = jax.tree.map(lambda p, y: np.full(p.shape, y, bool), ours.state.params, yes)
        acted = {name: bool(v.any()) for name, v in twin.arrays({"params": full}).items()}
        self.options = {"optim": optim, "decayed": acted, "still": twin.still, **options}
        self.trainer = self.trainer_of(self.module, **self.options)
        self.named = dict(self.module.named_parameters())

    def gradients(self, batch: Batch, dtype: Any = torch.float32) -> tuple[float, Arrays]:
        """Loss and gradients in `dtype`, from the start of a text; nothing is kept."""
        with _as_it_was(self.trainer, dtype):
            loss = self.trainer.backward(batch)
            grads = {n: p.grad for n, p in self.named.items() if p.grad is not None}
            return loss, {name: grad.numpy().copy() for name, grad in grads.items()}

    def layers(self, batch: Batch, dtype: Any = torch.float32) -> tuple[Arrays, dict[str, Any]]:
        """Module -> output in training, in the order in which they end; module -> itself."""
        seen: Arrays = {}

        def keep(name: str) -> Any:
            def hook(module: Any, args: Any, out: Any) -> None:
                seen[name] = first(out).detach().numpy().copy()

            return hook

        modules = {name: module for name, module in self.module.named_modules() if name}
        hooks = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
        self.module.train()
        with _as_it_was(self.trainer, dtype), torch.no_grad():
            self.trainer.forward(batch)
        for hook in hooks:
            hook.remove()
        return seen, modules

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """As `JaxSide.evaluate`."""
        self.module.eval()
        with torch.no_grad():
            call = lambda batch: first(self.module(tensor(given(batch)))).numpy()  # noqa: E731
            return score([(classes_last(call(batch)), aim_of(batch)) for batch in batches])

    def parameters(self) -> Arrays:
        """Name -> value of parameters and running statistics."""
        state = self.module.state_dict()
        return {n: v.numpy().copy() for n, v in state.items() if v.is_floating_point()}


@contextlib.contextmanager
def _as_it_was(trainer: Trainer, dtype: Any) -> Iterator[None]:
    """The module in `dtype`; all its numbers, and the state of a text, are put back at the end."""
    state = {name: value.clone() for name, value in trainer.module.state_dict().items()}
    trainer.carried = None
    trainer.module.zero_grad(set_to_none=True)
    trainer.module.to(dtype)
    yield
    trainer.module.zero_grad(set_to_none=True)
    trainer.module.to(torch.float32)
    trainer.module.load_state_dict(state)
    trainer.carried = None


def watch(model: Any, variables: Tree, x: Any) -> tuple[Arrays, dict[str, dict[str, Any]]]:
    """What each module of `model` gives in training, by path, and its plain fields."""
    fields: dict[str, dict[str, Any]] = {}

    def call(variables: Tree, x: Any) -> dict[str, Array]:
        seen: dict[str, Array] = {}

        def keep(method: Any, args: Any, options: Any, context: Any) -> Any:
            out = method(*args, **options)
            path = "/".join(context.module.path)
            if context.method_name == "__call__" and path:
                fields[path] = _fields(context.module)
                seen[path] = first(out)
            return out

        with nn.intercept_methods(keep):
            rngs, kept = {"dropout": jax.random.key(0)}, [n for n in variables if n != "params"]
            model.apply(variables, x, train=True, mutable=kept, rngs=rngs)
        return seen

    seen = jax.device_get(jax.jit(one_device(call))(variables, x))
    return {path: channels_first(value) for path, value in seen.items()}, fields


def to_float64(tree: Tree) -> Tree:
    """Arrays of float32 as float64; all others as they are."""
    return jax.tree.map(lambda x: np.asarray(x, np.float64) if x.dtype == np.float32 else x, tree)


def classes_last(logits: Host) -> Host:
    """torch's logits of pixels `(B, K, H, W)` as ours; those of rows or tokens as they are."""
    return np.moveaxis(logits, 1, -1) if logits.ndim == 4 else logits


def score(pairs: list[tuple[Host, Host]]) -> dict[str, float]:
    """Mean cross-entropy, nats, and accuracy of (logits, labels), rows, tokens or pixels."""
    loss, right, count = 0.0, 0, 0
    for logits, aim in pairs:
        rows = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
        label = np.asarray(aim).reshape(-1)
        if np.ndim(aim) == 3:  # pixels, of which some do not count
            rows, label = rows[label != VOID], label[label != VOID]
        top = rows.max(1)
        spread = top + np.log(np.exp(rows - top[:, None]).sum(1))
        loss += float((spread - rows[np.arange(len(rows)), label]).sum())
        right += int((rows.argmax(1) == label).sum())
        count += len(rows)
    return {"loss": loss / max(count, 1), "accuracy": right / max(count, 1)}


def first(out: Any) -> Any:
    """The first of what a model returns."""
    return out[0] if isinstance(out, tuple) else out


def one_device(call: Any) -> Any:
    """`call` inside the named axis that steps are written for, with one device on it."""

    def wrapped(*args: Any) -> Any:
        many = jax.vmap(lambda _: call(*args), axis_name=AXIS)(jnp.zeros(1, jnp.float32))
        return jax.tree.map(lambda x: x[0], many)

    return wrapped


def _fields(module: nn.Module) -> dict[str, Any]:
    """The plain fields of a module."""
    kept = {}
    for name in getattr(module, "__dataclass_fields__", {}):
        value = getattr(module, name, None)
        if isinstance(value, PRINTED) and name not in ("name", "parent"):
            kept[name] = value
    return kept


def norm_of(array: Host) -> float:
    """The largest absolute value; inf where one is not finite."""
    value = float(np.max(np.abs(array), initial=0.0))
    return value if math.isfinite(value) else math.inf

"""The library from Python: a model, data and a loss of one's own are trained, measured, asked."""

import inspect
import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, unknown
from jaxdl.classification.task import ClassifierConfig, task_of_classifier
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.arrays import array_splits, named_inputs
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.experiment import load_run, read_run
from jaxdl.interpret.attribution.methods import MethodOptions
from jaxdl.interpret.attribution.methods import explain as attribute
from jaxdl.interpret.network import Network
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.loop import fit as run_loop
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, example_input, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree

RowLoss = Callable[[Any, Batch], Array]  # (the model's output, the prepared batch) -> (B,)


@dataclass(frozen=True)
class Fitted:
    """A model as `fit` leaves it.

    `variables` are what `model.apply` takes; `curves` has an array for each column of the log, NaN
    where a step has none; `numbers` are of the test split, where there is one.
    """

    task: Task
    state: TrainState
    classes: tuple[str, ...]
    curves: dict[str, Host]
    numbers: Numbers
    seconds: dict[str, float]

    @property
    def model(self) -> Any:
        """The Linen module."""
        return self.task.model

    @property
    def variables(self) -> dict[str, Any]:
        """Parameters and statistics."""
        return self.state.variables

    @property
    def prepare(self) -> Prepare:
        """Rows of the data -> what the model is given."""
        return self.task.prepare


def load_data(data: str | Mapping[str, tuple[Host, Host]], **options: Any) -> dict[str, Split]:
    """Splits by role: of the set of that name, or of one's own arrays.

    `load_data("mnist", batch_size=128, val=5000)`: `options` are what the table `data` of a config
    has. `load_data({"train": (x, y), "test": (x, y)}, batch_size=32)`: see `array_splits`.
    """
    if not isinstance(data, str):
        return array_splits(data, **options)
    kind = DataConfig.choose(data)
    for option in options:
        if option not in inspect.signature(kind).parameters:
            raise unknown(f"data {data}: option", option, inspect.signature(kind).parameters)
    return load_splits(kind(name=data, **options))


def fit(
    model: Any,
    data: Mapping[str, Split],
    *,
    loss: RowLoss | None = None,
    metrics: Mapping[str, RowLoss] | None = None,
    optim: OptimConfig = Adam(),
    loop: LoopConfig = LoopConfig(epochs=10),
    image: ImageConfig = ImageConfig(),
    seed: int = 0,
    run_dir: str | Path | None = None,
    resume: bool = False,
) -> Fitted:
    """Trains `model`, any Linen module that is called as `model(x, train=...)`, on `data`.

    Without `loss` it is a classifier, trained and measured as those of configs are. A loss of
    one's own, and each of `metrics`, is a function (output of the model, batch) -> `(B,)`, a value
    per row; the batch has `label` and all else of a row. In `run_dir` stay curves and checkpoints,
    from which `resume=True` goes on; without it nothing is left on disk.

    Raises UsageError for a model or a loss that does not fit, before anything compiles.
    """
    if resume and run_dir is None:
        raise UsageError("fit: resume=True goes on from run_dir; give it")
    if "train" not in inspect.signature(type(model).__call__).parameters:
        raise UsageError(
            f"fit: {type(model).__name__}.__call__ must take train: def __call__(self, x, *, train)"
        )
    if loss is None and metrics:
        raise UsageError("fit: metrics go with a loss of your own; a classifier has accuracy")
    if loss is None:
        _check_logits(model, data["train"], image)
        cfg = ClassifierConfig(image=image, optim=optim, loop=loop, seed=seed)
        task = task_of_classifier(cfg, model, data)
    else:
        task = _task_of_loss(model, data, {"loss": loss, **(metrics or {})}, optim, loop, image)
    place = tempfile.TemporaryDirectory() if run_dir is None else nullcontext(run_dir)
    with place as folder:
        fitted = run_loop(task, loop, Path(folder), seed=seed, resume=resume)
    numbers = task.measure(fitted.state, data["test"]) if "test" in data else {}
    classes = data["train"].classes
    return Fitted(task, fitted.state, classes, curves_of(fitted.rows), numbers, fitted.seconds)


def _check_logits(model: Any, split: Split, image: ImageConfig) -> None:
    """Raises UsageError unless the model gives a logit for each class of the data."""
    count = len(split.classes)
    if not count:
        raise UsageError("fit: the labels are numbers to predict; give loss=... for them")
    x = example_input(split, prepare_images(image, count))
    shape = jax.eval_shape(lambda: model.init_with_output(jax.random.key(0), x, train=False)[0])
    if getattr(shape, "shape", None) != (len(x), count):
        got = getattr(shape, "shape", type(shape).__name__)
        raise UsageError(
            f"fit: of {len(x)} rows with {count} classes a classifier gives ({len(x)}, {count}), "
            f"{type(model).__name__} gives {got}; give a loss of your own for another output"
        )


def _task_of_loss(
    model: Any,
    data: Mapping[str, Split],
    values: Mapping[str, RowLoss],
    optim: OptimConfig,
    loop: LoopConfig,
    image: ImageConfig,
) -> Task:
    """The task of a loss of one's own, which is the first of `values`."""
    prepare = prepare_images(image)

    def each(out: Any, batch: Batch) -> dict[str, Array]:
        found = {name: jnp.asarray(value(out, batch)) for name, value in values.items()}
        rows = len(batch["image"])
        for name, value in found.items():
            if value.shape != (rows,):
                raise UsageError(
                    f"fit: {name} must give one number a row, ({rows},), got {value.shape}; the "
                    "mean is taken for you"
                )
        return found

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply_train(model, params, extra, batch["image"], key)
        found = each(out, batch)
        return global_mean(found["loss"]), (extra, {n: weighted(v) for n, v in found.items()})

    def row_fn(variables: Any, batch: Batch) -> dict[str, Array]:
        return each(model.apply(variables, batch["image"], train=False), batch)

    rows_of = RowEvaluator(row_fn, prepare)

    def measure(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        rows = rows_of(state, split)
        return {name: float(value.mean(dtype=np.float64)) for name, value in rows.items()}

    return supervised(model, data, prepare, loss_fn, optim, loop=loop, evaluate=measure)


def curves_of(rows: list[Numbers]) -> dict[str, Host]:
    """A log's rows as arrays, one a column in the order of its first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def evaluate(run: Fitted | str | Path, split: str = "test") -> Numbers:
    """The numbers of a fitted model, or of a run folder with the data of its config, on a split."""
    if isinstance(run, Fitted):
        task, state = run.task, run.state
    else:
        restored = read_run(Path(run), [])[1]
        task, state = restored.task, restored.state
    if split not in task.splits:
        raise unknown("evaluate: split", split, task.splits)
    return task.measure(state, task.splits[split])


def predict(run: Fitted | str | Path, inputs: Host, *, batch_size: int = 256) -> Any:
    """What the model gives for `inputs`, as rows of its data are: `(N, ...)` -> arrays `(N, ...)`.

    Of a classifier these are logits. `inputs` are pictures `(N, H, W, C)` uint8, or numbers.
    """
    model, variables, prepare = _parts(run)
    x = _prepared(prepare, inputs)
    apply = jax.jit(lambda variables, x: model.apply(variables, x, train=False))
    size = min(batch_size, len(x))
    return apply_in_batches(lambda rows: apply(variables, x[rows]), len(x), size)


def explain(
    run: Fitted | str | Path,
    images: Host,
    target: Host | int,
    *,
    method: str = "gradcam",
    options: MethodOptions = MethodOptions(),
) -> Host:
    """A number per pixel `(N, H, W)`, high where `images` `(N, H, W, C)` speak for class `target`.

    Methods: gradcam, saliency, integrated_gradients, ... (`jaxdl.interpret.attribution.methods`).
    The model must name its stages, as those of the library do.
    """
    model, variables, prepare = _parts(run)
    x = _prepared(prepare, images)
    classes = np.broadcast_to(np.asarray(target, np.int32), (len(x),))
    return np.asarray(attribute(method, Network(variables, model), x, classes, options))


def _parts(run: Fitted | str | Path) -> tuple[Any, dict[str, Any], Prepare]:
    if isinstance(run, Fitted):
        return run.model, run.variables, run.prepare
    return load_run(run)[:3]


def _prepared(prepare: Prepare, inputs: Host) -> Array:
    """What the model is given for rows of its data."""
    inputs = np.asarray(inputs)
    if not len(inputs):
        raise UsageError("predict: there are no rows")
    keys = jax.random.split(jax.random.key(0), len(inputs))
    return prepare(keys, named_inputs(inputs), train=False)["image"]

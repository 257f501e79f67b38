"""The works of `jaxdl bench --device` by jaxdl."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.bench.accelerator.inputs import TIMES, Work, draw_boxes, draw_images, draw_vectors
from jaxdl.bench.jax_workloads import LOOP, bench_task
from jaxdl.bench.step_loop import Looped
from jaxdl.bench.workloads import RATE
from jaxdl.data.source import ArraySource
from jaxdl.data.splits.split import Split
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.models.registry import create_model
from jaxdl.models.summary.table import summarize, total
from jaxdl.ops.boxes.geometry import iou
from jaxdl.ops.boxes.nms import nms
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.optim.config import Momentum
from jaxdl.training.chunk import ChunkRunner
from jaxdl.training.parallel import Parallel
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossOutput, Tree

CLASSES = 1000


def device(form: str) -> Work:
    """Nothing to do; what the device is."""
    one = jax.devices()[0]
    facts = {"platform": one.platform, "device": one.device_kind, "jax": jax.__version__}
    return Work(lambda: None, 1, facts)


def product(form: str, side: int, precision: str = "bfloat16") -> Work:
    """A square product of matrices of normal numbers."""
    a, b = jax.random.normal(jax.random.key(0), (2, side, side), jnp.dtype(precision))
    multiply = jax.jit(jnp.matmul)
    return Work(
        _waiting(lambda: [multiply(a, b) for _ in range(TIMES)]), TIMES, {"flops": 2 * side**3}
    )


def copy(form: str, size: int) -> Work:
    """One read and one write of so many floats."""
    x, add = jnp.zeros(size), jax.jit(lambda x: x + 1)
    return Work(_waiting(lambda: [add(x) for _ in range(TIMES)]), TIMES, {"bytes": 8 * size})


def training(form: str, name: str, precision: str, steps: int, batch: int) -> Work:
    """Steps of a workload of `jaxdl bench`, as one program."""
    return Work(Looped(bench_task(name, precision, batch), steps), steps, {})


def images(
    form: str, name: str, precision: str, batch: int, side: int, steps: int, streamed: bool
) -> Work:
    """Steps of a large model on uint8 images, kept on the device or streamed to it."""
    rows = draw_images(2 * batch, side, CLASSES)
    split: Any = Split(rows, batch_size=batch)
    if streamed:
        split = StreamSplit(ArraySource(rows), batch_size=batch)
    model = create_model(name, num_classes=CLASSES)
    multiply_adds = total(summarize(model, (side, side, 3))).multiply_adds
    facts = {"flops": 6 * multiply_adds * batch, "images": batch}  # backward: twice the forward
    task = image_task(model, split, precision)
    return Work((streamed_steps if streamed else Looped)(task, steps), steps, facts)


def image_task(model: Any, split: Split, precision: str) -> Task:
    """Cross-entropy under SGD with momentum; pixels are scaled to about [-2, 2]."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"image": batch["image"].astype(jnp.float32) / 63.75 - 2, "label": batch["label"]}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply_train(model, params, extra, batch["image"], key, precision=precision)
        loss = softmax_cross_entropy(out, batch["label"])
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    optim = Momentum(lr=RATE)
    return supervised(model, {"train": split}, prepare, loss_fn, optim, loop=LOOP)


def streamed_steps(task: Task, steps: int) -> Callable[[], Any]:
    """`work()` trains so many steps on feeds that are read while the device computes."""
    split: Any = task.splits["train"]
    parallel = Parallel("auto", 1)
    state = jax.jit(task.init)(jax.random.key(0))
    size = split.most_steps
    chunks = ChunkRunner(task.step, split, parallel, state, capacity=size, stop=True)
    kept, firsts = [parallel.place(state)], itertools.count(0, size)
    chunks.compile(kept[0])

    def work() -> Any:
        mark: Any = None
        for _ in range(0, steps, size):
            before, feed = mark, chunks.feed(next(firsts), size)
            kept[0], _, mark = chunks.advance(kept[0], chunks.fresh_sums(), feed, size)
            jax.block_until_ready(before)
        return int(np.max(mark))

    return work


def neighbors(form: str, queries: int, points: int, width: int) -> Work:
    """The ten nearest rows of each query, exactly."""
    near, far = (jnp.asarray(x) for x in draw_vectors(queries, points, width))
    return Work(partial(nearest, near, far, k=10), 1, {})


def suppression(form: str, count: int) -> Work:
    """`nms` of random boxes."""
    boxes, scores = (jnp.asarray(x) for x in draw_boxes(count))
    suppress = jax.jit(partial(nms, threshold=0.5))
    return Work(_waiting(lambda: suppress(boxes, scores)), 1, {})


def overlaps(form: str, count: int) -> Work:
    """`iou` of random boxes with one another."""
    boxes = jnp.asarray(draw_boxes(count)[0])
    matrix = jax.jit(iou)
    return Work(_waiting(lambda: matrix(boxes, boxes)), 1, {})


def _waiting(work: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(work())


MAKERS: dict[str, Callable[..., Any]] = {
    "device": device,
    "product": product,
    "copy": copy,
    "training": training,
    "images": images,
    "neighbors": neighbors,
    "nms": suppression,
    "iou": overlaps,
    "drop": lambda: None,
}

"""How long box operations take, compared with torchvision's compiled ones where it has them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.bench.interleaved import compare_times
from jaxdl.ops.boxes.geometry import iou
from jaxdl.ops.boxes.nms import nms
from jaxdl.typing import Host


def bench_boxes(count: int = 5000, *, rounds: int = 9) -> str:
    """Medians of interleaved rounds: NMS and the IoU matrix of `count` random boxes."""
    draw = np.random.default_rng(0)
    low = draw.uniform(0, 1000, (count, 2))
    boxes = np.concatenate([low, low + draw.uniform(10, 200, (count, 2))], 1).astype(np.float32)
    scores = draw.uniform(size=count).astype(np.float32)
    ours, theirs = _ours(boxes, scores), _theirs(boxes, scores)
    return "\n".join(
        compare_times(
            f"{name} of {count} boxes", ours[name], theirs.get(name), rounds, whose="torchvision"
        )
        for name in ours
    )


def _ours(boxes: Host, scores: Host) -> dict[str, Callable[[], Any]]:
    b, s = jnp.array(boxes), jnp.array(scores)
    suppress = jax.jit(lambda b, s: nms(b, s, threshold=0.5))
    first = jax.jit(lambda b, s: nms(b, s, threshold=0.5, count=300))
    matrix = jax.jit(iou)
    return {
        "NMS": lambda: suppress(b, s),
        "NMS, the first 300": lambda: first(b, s),
        "IoU matrix": lambda: matrix(b, b),
    }


def _theirs(boxes: Host, scores: Host) -> dict[str, Callable[[], Any]]:
    """torchvision's, without what does not run: its compiled operators may be absent."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError):
        return {}
    b, s = torch.tensor(boxes), torch.tensor(scores)
    ways = {
        "NMS": lambda: torchvision.ops.nms(b, s, 0.5),
        "IoU matrix": lambda: torchvision.ops.box_iou(b, b),
    }
    working = {}
    for name, way in ways.items():
        try:
            way()
            working[name] = way
        except (NotImplementedError, RuntimeError, AttributeError):
            continue
    return working

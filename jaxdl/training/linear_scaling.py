"""The recipe for k devices: k times the batch, k times the rate, warm-up."""

from dataclasses import replace

import jax

from jaxdl.data.config import DataConfig
from jaxdl.optim.config import FirstOrder, OptimConfig
from jaxdl.training.plan import LoopConfig

WARMUP_STEPS = 500


def scale_to_devices(
    data: DataConfig, optim: OptimConfig, loop: LoopConfig
) -> tuple[DataConfig, OptimConfig]:
    """`data` and `optim` of one device for all k that `loop` uses.

    Batch k N, rate k a, and where the config has no warm-up of its own one of `WARMUP_STEPS` (Goyal
    et al. 2017, arXiv 1706.02677, section 2). On one device, and under a
    line search, which has the whole split for its batch, both are as they were.
    """
    count = len(jax.devices()[: loop.devices])
    if count == 1 or not isinstance(optim, FirstOrder):
        return data, optim
    warmup = optim.warmup or WARMUP_STEPS
    return (
        replace(data, batch_size=data.batch_size * count),
        replace(optim, lr=optim.lr * count, warmup=warmup),
    )

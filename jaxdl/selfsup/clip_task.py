"""The task of CLIP: pictures and their texts, by the symmetric loss over all devices' rows."""

from collections.abc import Mapping

from jaxdl.data.splits.split import Split
from jaxdl.losses.contrastive import clip_loss
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import OptimConfig
from jaxdl.selfsup.clip import CLIP
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Evaluate, Task, supervised
from jaxdl.typing import AXIS, Batch, Key, LossOutput, Prepare, Tree


def clip_task(
    model: CLIP,
    splits: Mapping[str, Split],
    prepare: Prepare,
    optim: OptimConfig,
    *,
    loop: LoopConfig,
    evaluate: Evaluate | None = None,
) -> Task:
    """A prepared batch has `inputs`: pictures `(B, H, W, C)` and the ids of their texts."""

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        pair, extra = apply_train(model, params, extra, batch["inputs"], key)
        loss = clip_loss(*pair, axis_name=AXIS)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    return supervised(
        model, splits, prepare, loss_fn, optim, loop=loop, evaluate=evaluate, inputs="inputs"
    )

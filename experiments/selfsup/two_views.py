"""A network learns from two views of each image, without labels: jaxdl run cifar10_simclr.

Its features are judged by a linear probe and by neighbors, beside those of the same network at its
start. `classification.finetune` takes the backbone over (`source_part = "backbone"`).
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.classic.features.tsne import tsne
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.probe_evaluator import ProbeConfig, ProbeEvaluator
from jaxdl.evaluation.rows import RowFn
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.models.registry import ModelConfig, build_model, model_options
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.joint_embedding import JointEmbedding
from jaxdl.selfsup.two_view_methods import MethodConfig, SimCLR
from jaxdl.selfsup.two_view_task import two_view_task
from jaxdl.selfsup.views import ViewConfig, prepare_views, random_view
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Batch, Prepare, Tree

SMALL = {"blocks": (1, 1), "width": 16, "small": True, "norm": "batch_sync"}
SHOWN, MAPPED = 8, 500  # images on the sheet of views, points on the map


@dataclass(frozen=True)
class Config:
    """Images, how two views of one are made, a backbone, a method, and how it is judged."""

    data: DataConfig = DataConfig(name="digits", batch_size=256)
    views: ViewConfig = ViewConfig()
    model: ModelConfig = model_options("resnet18")(**SMALL)
    method: MethodConfig = SimCLR()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=20)
    probe: ProbeConfig = ProbeConfig()
    seed: int = 0
    """Of the initial weights and the views."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("image", "label"))
    method = cfg.method
    model = JointEmbedding(
        build_model(cfg.model, num_classes=0),
        method.projector,
        method.predictor,
        method.last_norm,
        norm_layer("batch_sync"),
    )
    prepare = prepare_views(cfg.views)

    def features(variables: Tree, batch: Batch) -> dict[str, Any]:
        method: Any = "features"
        return {"features": model.apply(variables, batch["image"], train=False, method=method)}

    probes = ViewEvaluator(features, prepare, splits["train"], cfg)
    task = two_view_task(
        method,
        model,
        splits,
        prepare,
        cfg.optim,
        loop=cfg.loop,
        evaluate=probes.with_start(lambda: task.init(jax.random.key(cfg.seed))),
    )
    return task


class ViewEvaluator(ProbeEvaluator):
    """Both probes; in the folder `views.png`, `neighbors.png` and `map.png`, a t-SNE."""

    def __init__(self, row_fn: RowFn, prepare: Prepare, train: Split, cfg: Config) -> None:
        super().__init__(row_fn, prepare, train, cfg.probe)
        self.views = cfg.views

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """Views, neighbors and a map."""
        super().draw_rows(state, split, rows, folder)
        draw_map(rows["features"], split).save(folder / "map.png")
        draw_views(self.views, split).save(folder / "views.png")


def draw_views(cfg: ViewConfig, split: Split) -> Figure:
    """Images, each before six of its views."""
    image = to_float(jnp.asarray(split.read("image", np.arange(min(SHOWN, split.size)))))
    view = jax.jit(partial(random_view, cfg=cfg))
    keys = [jax.random.split(jax.random.key(number), len(image)) for number in range(6)]
    columns = [image, *(view(own, image) for own in keys)]
    images = [np.asarray(column[i]) for i in range(len(image)) for column in columns]
    return draw_grid(images, title="Left: images; then views of them", columns=7, cell=0.9)


def draw_map(features: Any, split: Split) -> Figure:
    """t-SNE of the features of the first rows, colored by the labels."""
    count = min(MAPPED, len(features))
    places, _ = tsne(jnp.asarray(features[:count], jnp.float32), perplexity=min(30.0, count / 4))
    x, y = np.asarray(places).T
    labels = split.read("label", np.arange(count))
    figure = Figure(size=(7, 6))
    for number, name in enumerate(split.classes):
        kept = labels == number
        figure.axes[0].scatter(x[kept], y[kept], s=8, label=name)
    figure.axes[0].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.axes[0].set_axis_off()
    figure.axes[0].set_title(f"t-SNE of the features of {count} rows of {split.name}")
    return figure


if __name__ == "__main__":
    main(__file__)

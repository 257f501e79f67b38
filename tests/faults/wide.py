"""Run by `test_x64.py` with 64-bit numbers allowed: prints a line for each thing that is not well.

JAX_ENABLE_X64=1 python -m tests.faults.wide FOLDER
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.classic.clustering.affinity_propagation import AffinityPropagation
from jaxdl.classic.clustering.dbscan import DBSCAN
from jaxdl.classic.clustering.kmeans import KMeans
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.data.config import DataConfig
from jaxdl.generative.gan.task import GANConfig, draw_noise
from jaxdl.losses import adversarial, classification, detection, sequence, variational
from jaxdl.losses.logistic_mixture import discretized_logistic_nll, draw_logistic
from jaxdl.losses.score_matching import implicit_score_matching, sliced_score_matching
from jaxdl.models.registry import create_model, model_options
from jaxdl.ops.augment import color, crop_flip, geometry, mix
from jaxdl.ops.boxes.nms import class_wise_nms, nms, soft_nms
from jaxdl.ops.boxes.roi_align import roi_align, roi_pool
from jaxdl.ops.distance import euclidean, manhattan, smallest
from jaxdl.optim.config import Momentum
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig

WRONG = ("float64", "complex128")
ON_THE_HOST = ("a resumed run", "DBSCAN", "KMeans", "AffinityPropagation")
SIZES = {
    "lenet_1998": 32,
    "speed_convnet": 32,
}


def task() -> Any:
    """A small network with batch norms, all augmentations, and averaged weights."""
    image = ImageConfig(crop=1, flip=True, rotate=10.0, cutout=2, mixup=0.2)
    return classifier_task(
        ClassifierConfig(
            data=DataConfig(batch_size=32, val=64),
            model=model_options("preact_resnet20")(blocks=(1,), width=4),
            image=image,
            optim=Momentum(lr=0.1, schedule="cosine", warmup=2, ema=0.5, clip_norm=1.0),
            loop=LoopConfig(steps=4),
        )
    )


def loop(steps: int) -> LoopConfig:
    """`steps` steps, saved at the end."""
    return LoopConfig(steps=steps, log_every=2, save_every=2, eval_every=2, devices=1)


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and call of what must give float32 of float32."""
    rng = np.random.default_rng(0)
    of = lambda *shape: jnp.asarray(rng.uniform(0.1, 1, shape), jnp.float32)  # noqa: E731
    keys = jax.random.split(jax.random.key(0), 4)
    image, label = of(4, 8, 8, 3), jnp.arange(4, dtype=jnp.int32)
    boxes = jnp.concatenate([of(30, 2), 1 + of(30, 2)], axis=1)
    move = jnp.tile(jnp.asarray([[[1, 0, 0.5], [0, 1, 0.5]]], jnp.float32), (4, 1, 1))
    several = {
        "random_crop_flip": lambda: crop_flip.random_crop_flip(keys, image, padding=2),
        "cutout": lambda: mix.cutout(keys, image, size=4),
        "mixup": lambda: mix.mixup(keys, image, label, num_classes=5),
        "cutmix": lambda: mix.cutmix(keys, image, label, num_classes=5),
        "random_rotation": lambda: geometry.random_rotation(keys, image, degrees=10.0),
        "sample_crop_flip_matrix": lambda: geometry.sample_crop_flip_matrix(keys, (8, 8)),
        "random_resized_crop": lambda: geometry.random_resized_crop(keys, image, (4, 4)),
        "warp_boxes": lambda: geometry.warp_boxes(
            move, jnp.stack([boxes] * 4), jnp.ones((4, 30), bool), (8, 8)
        ),
        "color_jitter": lambda: color.color_jitter(keys, image, brightness=0.4, hue=0.1),
        "pca_lighting": lambda: color.pca_lighting(keys, image),
        "nms": lambda: nms(boxes, of(30), count=10),
        "class_wise_nms": lambda: class_wise_nms(boxes, of(30), jnp.zeros(30, jnp.int32)),
        "soft_nms": lambda: soft_nms(boxes, of(30), count=10),
        "roi_align": lambda: roi_align(image, jnp.stack([boxes] * 4), size=(2, 2)),
        "roi_pool": lambda: roi_pool(image, jnp.stack([boxes] * 4), size=(2, 2)),
        "euclidean": lambda: euclidean(of(4, 3), of(5, 3)),
        "manhattan": lambda: manhattan(of(4, 3), of(5, 3)),
        "smallest": lambda: smallest(of(4, 300), 3),
        "softmax_cross_entropy": lambda: classification.softmax_cross_entropy(of(4, 5), label),
        "soft_cross_entropy": lambda: classification.soft_cross_entropy(of(4, 5), of(4, 5)),
        "binary_cross_entropy": lambda: classification.binary_cross_entropy(of(4, 5), of(4, 5)),
        "multiclass_hinge": lambda: classification.multiclass_hinge(of(4, 5), label),
        "gradient_penalty": lambda: adversarial.gradient_penalty(of(4, 3)),
        "smooth_l1": lambda: detection.smooth_l1(of(4, 3), of(4, 3)),
        "heatmap_focal_loss": lambda: detection.heatmap_focal_loss(of(4, 3), of(4, 3)),
        "token_counts": lambda: sequence.token_counts(jnp.ones((4, 3), jnp.int32)),
        "gaussian_kl": lambda: variational.gaussian_kl(of(4, 3), of(4, 3)),
        "logistic_nll": lambda: discretized_logistic_nll(of(4, 6), label, levels=16),
        "draw_logistic": lambda: draw_logistic(keys[0], of(4, 6), levels=16),
        "implicit_score": lambda: implicit_score_matching(lambda x: -x, of(4, 2)),
        "sliced_score": lambda: sliced_score_matching(lambda x: -x, of(4, 2), of(4, 2)),
        "draw_noise": lambda: draw_noise(keys, GANConfig(latent_dim=3)),
        "DBSCAN": lambda: DBSCAN(radius=0.2).fit(of(40, 2)).labels_,
        "KMeans": lambda: jnp.asarray(KMeans(k=3).fit(of(40, 2)).centers_),
        "AffinityPropagation": lambda: AffinityPropagation().fit(of(20, 2)).labels_,
    }
    yield from several.items()
    for name, size in SIZES.items():
        yield name, partial(trained_shapes, name, size)


def trained_shapes(name: str, size: int) -> Any:
    """A model's variables, outputs and gradients, as shapes: nothing is compiled."""
    model = create_model(name, 5)
    x = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    variables = dict(jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x))
    params = variables.pop("params")

    def loss(params: Any, extra: Any, x: Any, key: Any) -> Any:
        out, new = model.apply(
            {"params": params, **extra}, x, train=True, rngs={"dropout": key}, mutable=list(extra)
        )
        return out.sum(), (out, new)

    grad_fn = jax.grad(loss, has_aux=True)
    return variables, params, jax.eval_shape(grad_fn, params, variables, x, jax.random.key(0))


def main(folder: Path) -> None:
    """Goes on with the run in `folder`, then makes every call."""
    resumed = fit(task(), loop(4), folder, resume=True)
    found = [("a resumed run", lambda: resumed.state), *calls()]
    for name, call in found:
        try:
            # Dtypes show in shapes, too; only what works on the host is run.
            made = call() if name in ON_THE_HOST else jax.eval_shape(call)
            out = jax.tree_util.tree_leaves_with_path(made)
        except Exception as error:
            print(f"{name}: {type(error).__name__} {error}".splitlines()[0])
            continue
        wide = [f"{jax.tree_util.keystr(p)} {x.dtype}" for p, x in out if str(x.dtype) in WRONG]
        if wide:
            print(f"{name}: {', '.join(wide[:3])}")


if __name__ == "__main__":
    assert jax.config.values["jax_enable_x64"], "JAX_ENABLE_X64=1 is set"
    main(Path(sys.argv[1]))

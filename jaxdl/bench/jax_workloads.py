"""The workloads of `jaxdl bench` as tasks, run by the same loop as any training."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.bench.step_loop import Looped
from jaxdl.bench.workloads import (
    C3D,
    CLASSES,
    CONVNET,
    MASK_CONVS,
    NOISE,
    PROJECTOR,
    PROPOSALS,
    RATE,
    REGION_RATIOS,
    REGION_SIDES,
    REGIONS,
    SAMPLES,
    TEXT,
    UNET,
    VOCABULARY,
    WORKLOADS,
    Workload,
    draw_rows,
)
from jaxdl.data.splits.split import Split
from jaxdl.detection.instances.detector import region_cnn_detector
from jaxdl.detection.instances.heads import BoxHead, MaskHead
from jaxdl.detection.instances.losses import region_cnn_losses
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.detection.task import make_loss
from jaxdl.generative.gan.networks import DCDiscriminator, DCGenerator
from jaxdl.generative.gan.task import GAN, GANConfig, gan_task
from jaxdl.language.char_lm import CharacterModel
from jaxdl.language.transformer import TransformerTranslator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.sequence import sequence_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.registry import create_model
from jaxdl.optim.config import Adam, Momentum
from jaxdl.selfsup.clip import CLIP, TextEncoder
from jaxdl.selfsup.clip_task import clip_task
from jaxdl.selfsup.joint_embedding import JointEmbedding
from jaxdl.selfsup.two_view_methods import SimCLR
from jaxdl.selfsup.two_view_task import two_view_task
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossOutput, Tree
from jaxdl.video.models import c3d as clips

NAMES = {"vit": "cifar_vit"}  # registered otherwise
LOOP = LoopConfig(steps=1000)


def our_steps(name: str) -> Callable[[], Any]:
    """`work()` trains as many steps as a round of the workload has."""
    work = WORKLOADS[name]
    return Looped(bench_task(name), work.steps)


def bench_task(name: str, precision: str = "float32", batch: int = 0) -> Task:
    """One of `WORKLOADS`: images under SGD with momentum, tokens under clipped Adam.

    `precision` is that of the step (dcgan, simclr, clip: float32 alone), `batch` another number of
    rows.
    """
    work = WORKLOADS[name]
    work = dataclasses.replace(work, batch=batch or work.batch)
    if name in OTHERS:
        return OTHERS[name](work)
    images = not work.is_text
    optim = Momentum(lr=RATE) if images else Adam(lr=RATE, clip_norm=1.0)
    model = bench_model(name, work)

    def logits_and_extra(params: Tree, extra: Tree, batch: Batch, key: Key) -> Any:
        inputs = batch["inputs"]
        out, extra = apply_train(model, params, extra, inputs, key, precision=precision)
        return (out if images else out[0]), extra

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        logits, extra = logits_and_extra(params, extra, batch, key)
        if images:
            loss = softmax_cross_entropy(logits, batch["wanted"])
        else:
            loss = sequence_cross_entropy(logits, batch["wanted"]) / logits.shape[1]
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    split = Split(draw_rows(work), batch_size=work.batch)
    splits = {"train": split}
    return supervised(model, splits, prepare_for(name), loss_fn, optim, loop=LOOP, inputs="inputs")


def game_task(work: Workload) -> Task:
    """Two networks under Adam, each updated once a step."""
    shape: Any = work.shape
    game = GAN(DCGenerator(shape), DCDiscriminator(), GANConfig(latent_dim=NOISE))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"real": jnp.clip(batch["image"], -1, 1)}

    splits = {"train": Split(draw_rows(work), batch_size=work.batch)}
    return gan_task(game, splits, prepare, Adam(lr=RATE, b1=0.5), loop=LOOP)


def view_task(work: Workload) -> Task:
    """SimCLR, the second view a mirror image: what makes views is not measured."""
    backbone = create_model("deep_convnet", 0, **CONVNET)
    model = JointEmbedding(backbone, projector=PROJECTOR)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = jnp.asarray(batch["image"])
        return {"image": jnp.stack([image, image[:, :, ::-1]], axis=1) if train else image}

    splits = {"train": Split(draw_rows(work), batch_size=work.batch)}
    return two_view_task(SimCLR(), model, splits, prepare, Momentum(lr=RATE), loop=LOOP)


def pair_task(work: Workload) -> Task:
    """CLIP of images and texts that are drawn at random."""
    words = TextEncoder(VOCABULARY, work.words, **TEXT)
    model = CLIP(create_model("deep_convnet", 0, **CONVNET), words, TEXT["width"])

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"inputs": (jnp.asarray(batch["image"]), jnp.asarray(batch["text"]))}

    splits = {"train": Split(draw_rows(work), batch_size=work.batch)}
    return clip_task(model, splits, prepare, Momentum(lr=RATE), loop=LOOP)


def region_task(work: Workload, *, masks: bool = False) -> Task:
    """A region CNN with torchvision's losses."""
    count = len(REGIONS["blocks"])
    model = RegionCNN(
        ResNet(0, REGIONS["blocks"]),
        BoxHead(CLASSES, (REGIONS["hidden"],) * 2),
        REGION_SIDES,
        MaskHead(CLASSES, len(MASK_CONVS), MASK_CONVS[0]) if masks else None,
        anchor_ratios=REGION_RATIOS,
        stages=tuple(f"stage{i}" for i in range(1, count + 1)),
        features=REGIONS["features"],
        pre_nms_top_k=PROPOSALS[0],
        post_nms_top_k=PROPOSALS[1],
        samples_per_image=SAMPLES[1],
    )
    losses = partial(region_cnn_losses, anchor_samples=SAMPLES[0])
    loss_fn = make_loss(region_cnn_detector(model, losses))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**jax.tree.map(jnp.asarray, batch), "draw": jax.random.key_data(keys)}

    splits = {"train": Split(draw_rows(work), batch_size=work.batch)}
    return supervised(model, splits, prepare, loss_fn, Momentum(lr=RATE), loop=LOOP)


OTHERS = {  # with steps of their own
    "dcgan": game_task,
    "simclr": view_task,
    "clip": pair_task,
    "faster_rcnn": region_task,
    "mask_rcnn": partial(region_task, masks=True),
}


def bench_model(name: str, work: Workload) -> Any:
    """The model, of the same size as its torch twin."""
    if name == "lstm":
        return CharacterModel(VOCABULARY, 256, layers=2, embedding_dim=64)
    if name == "transformer":
        return TransformerTranslator(VOCABULARY, work.shape[0], 128, 4, 2, 256)
    if name == "c3d":
        return clips.C3D(CLASSES, dropout=0.0, **C3D)
    options: dict[str, Any] = UNET if name == "unet" else {}
    return create_model(NAMES.get(name, name), num_classes=CLASSES, **options)


def prepare_for(name: str) -> Any:
    """`inputs` of the model and what is `wanted` of it."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        if "image" in batch:
            return {"inputs": batch["image"], "wanted": batch["label"]}
        source, target = batch["source"], batch["target"]
        given = source if name == "lstm" else (source, target[:, :-1])
        return {"inputs": jax.tree.map(jnp.asarray, given), "wanted": target[:, 1:]}

    return prepare

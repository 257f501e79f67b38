"""Autoencoder, denoising autoencoder, VAE, conditional VAE of images: jaxdl run mnist_vae."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.binarize import binarize_held_out
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.generative.autoencoder import VAE, Autoencoder
from jaxdl.generative.latent_walks import interpolate, quantile_plane, save_grid, traverse
from jaxdl.losses.variational import bernoulli_nll, gaussian_kl, squared_error
from jaxdl.metrics.accumulate import weighted
from jaxdl.ops.augment.crop_flip import row_normal, split_rows
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree

MODELS = {"vae": VAE, "autoencoder": Autoencoder}
SIDE = 10  # images a row of a grid


@dataclass(frozen=True)
class AutoencoderConfig:
    """The model's form and widths."""

    name: str = "vae"
    """vae or autoencoder."""
    latent_dim: int = 20
    """Width of the code."""
    hidden: tuple[int, ...] = (512, 512)
    """Widths of the encoder's hidden layers; the decoder has them in the other order."""
    conditional: bool = False
    """Both halves are given the class."""

    def __post_init__(self) -> None:
        check_one_of("model.name", self.name, MODELS)


@dataclass(frozen=True)
class Config:
    """Images, an autoencoder, and how it is trained."""

    data: DataConfig = DataConfig(name="digits")
    binarize: bool = True
    """Pixels are bits: drawn anew at each step in training, once for evaluation."""
    model: AutoencoderConfig = AutoencoderConfig()
    input_noise: float = 0.0
    """Deviation of the noise that is added to what the encoder sees (a denoising autoencoder)."""
    beta: float = 1.0
    """Of vae: what multiplies the divergence (Higgins et al. 2017); 1 is the bound."""
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the bits and the noise."""

    def __post_init__(self) -> None:
        if self.input_noise < 0 or self.beta <= 0:
            raise UsageError(
                f"input_noise must be >= 0, beta > 0, got {self.input_noise} and {self.beta}"
            )


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data, fields=("image", "label"))
    if cfg.binarize:
        splits = binarize_held_out(splits)
    model = build_model(cfg, splits["train"])
    prepare = make_prepare(cfg)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply_train(model, params, extra, batch["inputs"], key)
        parts = losses(cfg, out, batch["target"])
        loss = parts["reconstruction"] + cfg.beta * parts.get("divergence", 0.0)
        metrics = {"loss": weighted(loss), **{k: weighted(v) for k, v in parts.items()}}
        return global_mean(loss), (extra, metrics)

    evaluate = AutoencoderEvaluator(cfg, model, prepare)
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        inputs="inputs",
    )


def build_model(cfg: Config, split: Split) -> Any:
    """The module of `cfg` for the split's images."""
    classes = len(split.classes) if cfg.model.conditional else 0
    shape = split.example["image"].shape
    return MODELS[cfg.model.name](shape, cfg.model.latent_dim, cfg.model.hidden, classes)


def make_prepare(cfg: Config) -> Prepare:
    """uint8 images -> `inputs` of the model, and the `target`, clean."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = to_float(batch["image"])
        bits, corrupt, noise = split_rows(keys, 3)
        if cfg.binarize and train:
            image = jax.vmap(jax.random.bernoulli)(bits, image).astype(jnp.float32)
        seen = image
        if cfg.input_noise:
            seen = jnp.clip(
                image + cfg.input_noise * row_normal(corrupt, image[0].size).reshape(image.shape),
                0,
                1,
            )
        inputs = {"image": seen, "noise": row_normal(noise, cfg.model.latent_dim)}
        if cfg.model.conditional:
            inputs["label"] = batch["label"]
        return {"inputs": inputs, "target": image, "label": batch["label"]}

    return prepare


def losses(cfg: Config, out: dict[str, Array], target: Array) -> dict[str, Array]:
    """The parts of the loss, `(B,)` each, in nats where pixels are bits."""
    if cfg.binarize:
        parts = {"reconstruction": bernoulli_nll(out["logits"], target)}
    else:
        parts = {"reconstruction": squared_error(jax.nn.sigmoid(out["logits"]), target)}
    if "log_var" in out:
        parts["divergence"] = gaussian_kl(out["code"], out["log_var"])
    return parts


class AutoencoderEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: bound or error of every row; in `folder` it draws."""

    def __init__(self, cfg: Config, model: Any, prepare: Prepare):
        self.cfg, self.model, self.prepare = cfg, model, prepare
        self.rows_of = RowEvaluator(self._row, prepare)
        self.apply = jax.jit(model.apply, static_argnames=("method", "train"))

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        inputs = dict(batch["inputs"])
        # In evaluation all rows have one key; the noise is by place in the batch.
        inputs["noise"] = jax.random.normal(jax.random.key(0), inputs["noise"].shape, jnp.float32)
        if self.cfg.input_noise:
            noise = jax.random.normal(jax.random.key(1), inputs["image"].shape, jnp.float32)
            inputs["image"] = jnp.clip(batch["target"] + self.cfg.input_noise * noise, 0, 1)
        out = self.model.apply(variables, inputs, train=False)
        return {**losses(self.cfg, out, batch["target"]), "code": out["code"]}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The parts of the loss and the code of every row."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """The means of the parts, and the bound."""
        numbers = {k: float(v.mean(dtype=np.float64)) for k, v in rows.items() if k != "code"}
        if "divergence" in numbers and self.cfg.binarize:
            numbers["bound"] = numbers["reconstruction"] + numbers["divergence"]
        return numbers

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """Reconstructions, a walk between images; of a VAE also samples and traversals."""
        variables = jax.device_get(state.variables)
        batch = split.batch(np.arange(min(SIDE, split.size)))
        keys = jax.random.split(jax.random.key(0), len(batch["image"]))
        inputs = self.prepare(keys, batch, train=False)["inputs"]
        encode = partial(self.apply, variables, inputs["image"], inputs.get("label"))
        code = encode(method="encode")
        mean, log_var = code if isinstance(code, tuple) else (code, None)
        label = batch["label"] if self.cfg.model.conditional else None
        decode = partial(self.decode, variables)
        save = partial(save_grid, columns=SIDE)
        seen = np.concatenate([inputs["image"], decode(mean, label)])
        paths = [save(seen, folder / "reconstructions.png")]
        walks = interpolate(mean[:-1], mean[1:], SIDE)
        walked = None if label is None else np.repeat(label[:-1], SIDE)
        walks = decode(walks.reshape(-1, walks.shape[-1]), walked)
        paths.append(save(walks, folder / "interpolation.png"))
        if log_var is None:
            return paths
        codes = jax.random.normal(jax.random.key(1), (SIDE * SIDE, mean.shape[1]), jnp.float32)
        rows = None if label is None else np.repeat(np.arange(SIDE) % len(split.classes), SIDE)
        paths.append(save(decode(codes, rows), folder / "samples.png"))
        axes = informative_axes(mean, log_var, SIDE)
        moved = traverse(mean[0], axes, SIDE).reshape(-1, mean.shape[1])
        first = None if label is None else np.repeat(label[:1], len(moved))
        paths.append(save(decode(moved, first), folder / "traversal.png"))
        if mean.shape[1] > 1:
            plane = quantile_plane(SIDE, mean.shape[1], (int(axes[0]), int(axes[1])))
            first = None if label is None else np.repeat(label[:1], len(plane))
            paths.append(save(decode(plane, first), folder / "plane.png"))
        return paths

    def decode(self, variables: Tree, codes: Any, label: Any = None) -> Any:
        """Codes `(N, latent)` as the means of pixels `(N, H, W, C)`."""
        return jax.nn.sigmoid(self.apply(variables, codes, label, method="decode"))


def informative_axes(mean: Array, log_var: Array, most: int) -> Any:
    """The axes of the code that diverge most from the prior, at most so many, the first ones
    first."""
    each = jnp.mean(mean**2 + jnp.exp(log_var) - 1 - log_var, axis=0)
    return np.asarray(jnp.argsort(-each))[:most]


if __name__ == "__main__":
    main(__file__)

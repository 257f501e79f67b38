"""VQ-VAE of images, then a gated PixelCNN of its codes: jaxdl run mnist_vqvae."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.generative.autoregressive.pixelcnn import GatedPixelCNN
from jaxdl.generative.autoregressive.sampling import image_nll, sample_pixels
from jaxdl.generative.latent_walks import save_grid
from jaxdl.generative.sample_evaluator import SampleEvaluator, SampleEvaluatorConfig
from jaxdl.generative.vqvae import VQVAE, perplexity
from jaxdl.losses.variational import codebook_losses, squared_error
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.runs.results import Report
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.report import report_fit
from jaxdl.training.restore import RestoredRun, restore_state
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, as_it_is, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree

SIDE = 8  # images a row of a grid
BATCH = 256


@dataclass(frozen=True)
class VQVAEConfig:
    """The VQ-VAE's widths."""

    codebook_size: int = 128
    """Vectors in the codebook."""
    code_dim: int = 32
    """Numbers in each."""
    features: tuple[int, int] = (32, 64)
    """Channels of the two levels."""
    blocks: int = 2
    """Residual blocks on either side."""
    commitment: float = 0.25
    """Weight of what ties the encoder to the codes."""

    def __post_init__(self) -> None:
        if self.commitment <= 0:
            raise UsageError(f"model.commitment must be > 0, got {self.commitment}")


@dataclass(frozen=True)
class PriorConfig:
    """The PixelCNN over grids of codes."""

    features: int = 32
    """Channels of its layers."""
    depth: int = 6
    """Layers."""
    conditional: bool = False
    """It is given the class."""
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine", clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=10)


@dataclass(frozen=True)
class Config:
    """Images, a VQ-VAE, a prior of its codes, and how both are trained."""

    data: DataConfig = DataConfig(name="digits")
    model: VQVAEConfig = VQVAEConfig()
    optim: OptimConfig = Adam(lr=1e-3)
    loop: LoopConfig = LoopConfig(epochs=10)
    prior: PriorConfig = PriorConfig()
    evaluator: SampleEvaluatorConfig = SampleEvaluatorConfig()
    seed: int = 0
    """Of the initial weights and the samples."""


def build(cfg: Config) -> Task:
    """The task of the VQ-VAE; see `build_prior` for the second."""
    splits: dict[str, Split] = load_splits(cfg.data, fields=("image", "label"))
    widths = {k: v for k, v in vars(cfg.model).items() if k != "commitment"}
    model = VQVAE(channels=splits["train"].example["image"].shape[-1], **widths)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**batch, "image": to_float(batch["image"])}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply_train(model, params, extra, batch["image"], key)
        parts = losses(cfg, out, batch["image"])
        loss = parts["reconstruction"] + parts["book"] + parts["commitment"]
        used = perplexity(out["codes"], cfg.model.codebook_size)
        metrics = {"loss": weighted(loss), **{k: weighted(v) for k, v in parts.items()}}
        return global_mean(loss), (extra, {**metrics, "perplexity": (used, 1)})

    evaluate = VQVAEEvaluator(cfg, model)
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )


def losses(cfg: Config, out: dict[str, Array], image: Array) -> dict[str, Array]:
    """The three parts of the loss, `(B,)` each; the first a mean over pixels, over their variance.

    The pixels of MNIST vary by about 0.1, so that the parts are of one size.
    """
    error = squared_error(jax.nn.sigmoid(out["logits"]), image) / image[0].size / 0.1
    book, commitment = codebook_losses(
        out["encoded"], out["quantized"], commitment=cfg.model.commitment
    )
    return {"reconstruction": error, "book": book, "commitment": commitment}


class VQVAEEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: squared error a pixel, codes in use; reconstructions."""

    def __init__(self, cfg: Config, model: VQVAE):
        self.cfg, self.model = cfg, model
        self.rows_of = RowEvaluator(self._row, as_it_is)
        self.apply = jax.jit(model.apply, static_argnames=("method", "train"))

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        image = to_float(batch["image"])
        out: Any = self.model.apply(variables, image, train=False)
        error = squared_error(jax.nn.sigmoid(out["logits"]), image) / image[0].size
        return {"error": error, "codes": out["codes"]}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The error a pixel and the codes of every row."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """The mean error, and how many codes are in use."""
        used = float(perplexity(jnp.asarray(rows["codes"]), self.cfg.model.codebook_size))
        return {"error": float(rows["error"].mean(dtype=np.float64)), "perplexity": used}

    def codes(self, state: TrainState, split: Split) -> Split:
        """The split with grids of codes `values (N, h, w, 1)` in place of images."""
        codes = self.rows_of(state, split)["codes"][..., None].astype(np.int32)
        arrays = {"values": codes, "label": split.read("label")}
        return split.with_arrays(arrays, without=split.names)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`reconstructions.png`: images over what comes back of them."""
        image = to_float(jnp.asarray(split.batch(np.arange(min(SIDE * 2, split.size)))["image"]))
        out = self.apply(jax.device_get(state.variables), image, train=False)
        back = jax.nn.sigmoid(out["logits"])
        halves = [x[i : i + SIDE] for i in range(0, len(image), SIDE) for x in (image, back)]
        return [save_grid(np.concatenate(halves), folder / "reconstructions.png", columns=SIDE)]


def build_prior(cfg: Config, task: Task, state: TrainState) -> Task:
    """The task of the PixelCNN on the codes that `state` gives the images of `task`."""
    assert isinstance(task.model, VQVAE)
    evaluator = VQVAEEvaluator(cfg, task.model)
    splits = {role: evaluator.codes(state, split) for role, split in task.splits.items()}
    classes = len(task.splits["train"].classes) if cfg.prior.conditional else 0
    model = GatedPixelCNN(
        levels=cfg.model.codebook_size,
        features=cfg.prior.features,
        depth=cfg.prior.depth,
        first_kernel_size=5,
        classes=classes,
        one_hot=True,
    )

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        loss = image_nll(model, {"params": params}, batch)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    rows_of = RowEvaluator(lambda v, b: {"nats": image_nll(model, v, b)}, as_it_is)

    def evaluate(state: TrainState, split: Split, folder: Path | None = None) -> Numbers:
        return {"nats": float(rows_of(state, split)["nats"].mean(dtype=np.float64))}

    return supervised(
        model,
        splits,
        as_it_is,
        loss_fn,
        cfg.prior.optim,
        loop=cfg.prior.loop,
        evaluate=evaluate,
        inputs="values",
    )


def make_samples(cfg: Config, task: Task, state: TrainState, prior: Task, own: TrainState) -> Any:
    """`count, seed -> images (count, H, W, C)`: codes from the prior, decoded."""
    vqvae, pixels = task.model, prior.model
    assert isinstance(vqvae, VQVAE)
    assert isinstance(pixels, GatedPixelCNN)
    grid = prior.splits["train"].example["values"].shape
    variables, prior_variables = jax.device_get((state.variables, own.variables))

    @jax.jit
    def batch(variables: Tree, prior_variables: Tree, key: Key) -> Array:
        label = jnp.arange(BATCH) % SIDE % pixels.classes if pixels.classes else None
        codes = sample_pixels(pixels, prior_variables, key, (BATCH, *grid), label=label)
        logits: Any = vqvae.apply(variables, codes[..., 0], method="decode_codes")
        return jax.nn.sigmoid(logits)

    def make(count: int, seed: int = 0) -> Any:
        keys = jax.random.split(jax.random.key(seed), -(-count // BATCH))
        parts = [np.asarray(batch(variables, prior_variables, key)) for key in keys]
        return np.concatenate(parts)[:count]

    return make


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Trains the VQ-VAE, then the prior in the folder `prior`; reports both."""
    task = build(cfg)
    fitted = fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
    prior = build_prior(cfg, task, fitted.state)
    folder = run_dir / "prior"
    folder.mkdir(exist_ok=True)
    second = fit(prior, cfg.prior.loop, folder, seed=cfg.seed, resume=resume)
    make = make_samples(cfg, task, fitted.state, prior, second.state)
    judge = SampleEvaluator(cfg.evaluator, cfg.data)

    def evaluate(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        numbers = task.measure(state, split, folder)
        measured = prior.measure(second.state, prior.splits["test"])
        numbers |= {f"prior_{name}": value for name, value in measured.items()}
        if folder is not None:
            save_grid(make(SIDE * SIDE), folder / "samples.png", columns=SIDE)
        return numbers | (
            judge.measure(make(cfg.evaluator.num_samples, 1)) if cfg.evaluator.epochs else {}
        )

    def report() -> dict[str, Any]:
        return {
            "prior_seconds": {k: round(v, 3) for k, v in second.seconds.items()},
            "prior_steps": second.steps,
            **judge.report(),
        }

    return report_fit(run_dir, cfg, replace(task, evaluate=evaluate, report=report), fitted)


def show(run: RestoredRun, out: Path) -> str:
    """Reconstructions and samples of the run, in a folder named after `out`."""
    task, cfg, folder = run.task, run.cfg, out.with_suffix("")
    assert task.draw is not None, "build gives it"
    paths = task.draw(run.state, task.splits["test"], folder)
    prior = build_prior(cfg, task, run.state)
    own = restore_state(run.folder / "prior", prior, cfg.prior.loop)
    make = partial(make_samples(cfg, task, run.state, prior, own), SIDE * SIDE)
    paths.append(save_grid(make(), folder / "samples.png", columns=SIDE))
    return "\n".join(map(str, paths))


if __name__ == "__main__":
    main(__file__)

"""One 3-D filter learns a change of color at any time, one 2-D filter over all frames does not.

jaxdl run colors_change. Clips of one color show blue, then orange; or blue, the color halfway, then
orange. A filter over all frames adds up what it weighs each time with, so that a change by way of
the middle gives the mean of what two direct changes give, whatever it has learned.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Key, Numbers
from jaxdl.video.models.fusion import EarlyFusion, SlowFusion

TEST_CLIPS = 2000
ORANGE = (1.0, 0.2, -1.0)  # blue is its opposite, so that gray, 0, lies halfway


@dataclass(frozen=True)
class Config:
    """Clips of T frames, and how the two filters are trained."""

    frames: int = 20
    pixels: int = 3
    """Along a side of the picture, which has one color."""
    noise: float = 0.05
    """Deviation of what is added to every pixel."""
    filters: int = 1
    """Of each network."""
    steps: int = 800
    batch_size: int = 64
    lr: float = 0.02
    starts: int = 6
    """Random starts, of which the one with the lowest loss at the end counts."""
    seed: int = 0
    """Of the clips and the starts."""

    def __post_init__(self) -> None:
        if self.frames < 6:
            raise UsageError(f"frames must be >= 6, got {self.frames}")


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains both on changes at any time, then both on early changes alone."""
    began = time.perf_counter()
    options: dict[str, Any] = {"features": (cfg.filters,), "pools": (1,)}
    options["norm"] = norm_layer("none")
    nets: dict[str, Any] = {"3d": SlowFusion(2, **options), "2d": EarlyFusion(2, **options)}
    half = cfg.frames // 2
    metrics: Numbers = {}
    for name, net in nets.items():
        anytime, curve = learn(cfg, net, (1, cfg.frames), (1, cfg.frames))
        later, _ = learn(cfg, net, (1, half), (half, cfg.frames))
        metrics |= {f"test_accuracy_{name}": anytime, f"test_accuracy_later_{name}": later}
        draw(curve, name).save(run_dir / f"accuracy_{name}.png")
    seconds = {"total": time.perf_counter() - began}
    about = "synthetic clips of one color"
    return report_numbers(cfg, metrics, seconds, rows=cfg.steps * cfg.batch_size, synthetic=about)


def make_clips(cfg: Config, key: Key, count: int, times: tuple[int, int]) -> tuple[Array, Array]:
    """Clips `(count, T, S, S, 3)` and whether blue turned to orange directly, `(count,)` int.

    Changes are before frames of `times`, first and one past the last.
    """
    keys = jax.random.split(key, 3)
    low, high = times
    label = jax.random.bernoulli(keys[0], shape=(count,)).astype(jnp.int32)
    # Two different times in order; a direct change has one of them twice.
    places = jax.random.split(keys[1])
    first = jax.random.randint(places[0], (count, 1), 0, high - low)
    other = (first + jax.random.randint(places[1], (count, 1), 1, high - low)) % (high - low)
    second = jnp.where(label[:, None] == 1, first, other)
    pair = low + jnp.sort(jnp.concatenate([first, second], axis=1), axis=1)
    after = jnp.arange(cfg.frames)[None, :, None] >= pair[:, None]  # (count, T, 2)
    blend = after.sum(-1) - 1.0  # -1 blue, 0 halfway, 1 orange
    color = blend[..., None, None, None] * jnp.asarray(ORANGE, jnp.float32)[(None,) * 4]
    shape = (count, cfg.frames, cfg.pixels, cfg.pixels, 3)
    return color + cfg.noise * jax.random.normal(keys[2], shape, jnp.float32), label


def learn(
    cfg: Config, net: Any, times: tuple[int, int], test_times: tuple[int, int]
) -> tuple[float, Array]:
    """Accuracy on new clips after training, and of each time of a direct change."""
    tx = optax.adam(optax.cosine_decay_schedule(cfg.lr, cfg.steps))

    def loss_fn(params: Any, key: Key) -> Array:
        x, label = make_clips(cfg, key, cfg.batch_size, times)
        return softmax_cross_entropy(net.apply({"params": params}, x, train=False), label).mean()

    @jax.jit
    @partial(jax.vmap, in_axes=0)
    def train(key: Key) -> tuple[Any, Array]:
        x = jnp.zeros((1, cfg.frames, cfg.pixels, cfg.pixels, 3))
        params = net.init(jax.random.fold_in(key, 0), x, train=False)["params"]

        def step(i: Array, carry: Any) -> Any:
            params, state, mean = carry
            loss, grads = jax.value_and_grad(loss_fn)(params, jax.random.fold_in(key, i + 1))
            updates, state = tx.update(grads, state, params)
            return optax.apply_updates(params, updates), state, 0.98 * mean + 0.02 * loss

        start = (params, tx.init(params), jnp.float32(0))
        params, _, mean = jax.lax.fori_loop(0, cfg.steps, step, start)
        return params, mean

    found, losses = train(jax.random.split(jax.random.key(cfg.seed), cfg.starts))
    best = jax.tree.map(lambda leaf: leaf[jnp.argmin(losses)], found)
    key = jax.random.key(cfg.seed + 1)
    x, label = make_clips(cfg, key, TEST_CLIPS, test_times)
    right = jax.jit(lambda p, x: net.apply({"params": p}, x, train=False).argmax(-1))(best, x)
    right = (right == label).astype(jnp.float32)
    orange = (x[..., 0].mean((2, 3)) > 0.5).argmax(1)  # the first orange frame
    direct = label == 1
    counts = jnp.zeros(cfg.frames).at[orange].add(direct)
    hits = jnp.zeros(cfg.frames).at[orange].add(direct * right)
    return float(right.mean()), hits / jnp.maximum(counts, 1)


def draw(curve: Array, name: str) -> Figure:
    """How often a direct change at each frame is seen as one."""
    figure = Figure(1, 1, size=(5, 2.6))
    axis = figure.axes[0]
    axis.bar(range(1, len(curve)), curve[1:])
    axis.set(xlabel="frame at which blue turns to orange", ylabel="seen as direct", ylim=(0, 1.05))
    axis.set_title(f"one {name} filter", fontsize=9)
    return figure


if __name__ == "__main__":
    main(__file__)

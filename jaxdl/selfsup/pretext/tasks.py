"""Tasks that pictures set themselves: what is hidden or changed, and how the answer is judged.

Each makes of images `(B, H, W, 3)` in [0, 1] a prepared batch, `image` what the network sees and
the rest what the loss needs; `head` is what stands on the backbone.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.layers.patches import from_patches, to_patches
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.ops.augment.crop_flip import row_normal, row_uniform
from jaxdl.ops.augment.mix import inside_box
from jaxdl.ops.color_space import lab_to_rgb, rgb_to_lab
from jaxdl.selfsup.pretext.color_bins import ColorBins
from jaxdl.selfsup.pretext.masked_autoencoder import draw_orders
from jaxdl.selfsup.pretext.networks import LabelHead, PixelHead
from jaxdl.selfsup.pretext.tiles import distant_permutations, shuffle_tiles, turn_quarters
from jaxdl.typing import Array, Batch, Host, Key

CENTER, SPREAD = 0.5, 0.25  # of pixels: what networks see is (x - CENTER) / SPREAD
STRIDE = 8  # pixels between the places of the backbone's last map


def scaled(image: Array) -> Array:
    """Pixels in [0, 1] as networks see them."""
    return (image - CENTER) / SPREAD


def unscaled(x: Array) -> Array:
    """The inverse of `scaled`, cut off to [0, 1]."""
    return jnp.clip(x * SPREAD + CENTER, 0, 1)


class Pretext:
    """One task; `given` is how its network sees a whole image when its features are judged."""

    def head(self) -> nn.Module:
        """What stands on the backbone's last map."""
        raise NotImplementedError

    def pose(self, keys: Key, image: Array) -> Batch:
        """The task that images set."""
        raise NotImplementedError

    def losses(self, out: Array, batch: Batch) -> Array:
        """One value per image."""
        raise NotImplementedError

    def given(self, image: Array) -> Array:
        """A whole image as the network sees it."""
        return scaled(image)

    def show(self, out: Array, batch: Batch) -> dict[str, Array]:
        """Title -> images in [0, 1]: what was given, and what the network makes of it."""
        return {"given": unscaled(batch["image"])}


class Labeled(Pretext):
    """A task whose answer is one of `classes`, `label` in the batch."""

    classes: int

    def head(self) -> nn.Module:
        """A linear layer on all places."""
        return LabelHead(self.classes)

    def losses(self, out: Array, batch: Batch) -> Array:
        """Cross-entropy."""
        return softmax_cross_entropy(out, batch["label"])


class Rotation(Labeled):
    """Which of four quarter turns an image has (Gidaris et al. 2018); one turn of it per step."""

    classes = 4

    def pose(self, keys: Key, image: Array) -> Batch:
        """Each image turned at random."""
        turns = jnp.floor(4 * row_uniform(keys, 1)[:, 0]).astype(jnp.int32)
        return {"image": scaled(turn_quarters(image, turns)), "label": turns}

    def show(self, out: Array, batch: Batch) -> dict[str, Array]:
        """The turned images, and turned back by the network's answer."""
        back = (4 - jnp.argmax(out, axis=1)) % 4
        given = unscaled(batch["image"])
        return {"given": given, "turned back": turn_quarters(given, back)}


class Jigsaw(Labeled):
    """Which of `classes` orders nine tiles have (Noroozi & Favaro 2016).

    The network sees the shuffled picture at once, not tile by tile (as Carlucci et al. 2019,
    arXiv 1903.06864).
    """

    classes = 24

    def __init__(self) -> None:
        self.orders = distant_permutations(self.classes)

    def pose(self, keys: Key, image: Array) -> Batch:
        """Each image in one of the orders."""
        which, cut = jax.vmap(lambda key: jax.random.split(key), out_axes=1)(keys)
        label = jnp.floor(self.classes * row_uniform(which, 1)[:, 0]).astype(jnp.int32)
        order = jnp.asarray(self.orders)[label]
        return {"image": scaled(shuffle_tiles(cut, image, order)), "label": label}

    def show(self, out: Array, batch: Batch) -> dict[str, Array]:
        """The puzzles, and put together by the network's answer."""
        given = unscaled(batch["image"])
        inverse = jnp.argsort(jnp.asarray(self.orders)[jnp.argmax(out, axis=1)], axis=1)
        keys = jax.random.split(jax.random.key(0), len(given))
        return {"given": given, "solved": shuffle_tiles(keys, given, inverse, gap=0)}


class Colorization(Pretext):
    """The colors of a gray image, as a distribution over bins (Zhang et al. 2016).

    One distribution for each square of four pixels a side; rare colors count more, by `weights`.
    """

    def __init__(self, sample: Host) -> None:
        """`sample`: images `(N, H, W, 3)` in [0, 1], whose colors give the weights."""
        self.bins = ColorBins()
        ab = np.asarray(rgb_to_lab(jnp.asarray(sample, jnp.float32)))[..., 1:]
        self.weights = self.bins.class_weights(ab.reshape(-1, 2)[:: max(1, ab.size // 40_000)])

    def head(self) -> nn.Module:
        """Bins for every four pixels."""
        return PixelHead(STRIDE // 4, len(self.bins.centers))

    def pose(self, keys: Key, image: Array) -> Batch:
        """The lightness, and the mean colors of squares, `ab (B, H / 4, W / 4, 2)`."""
        lab = rgb_to_lab(image)
        ab = to_patches(lab[..., 1:], 4)
        ab = ab.reshape(*ab.shape[:3], 16, 2).mean(axis=3)
        return {"image": scaled(lightness(lab)), "lab": lab, "ab": ab}

    def given(self, image: Array) -> Array:
        """The lightness alone."""
        return scaled(lightness(rgb_to_lab(image)))

    def losses(self, out: Array, batch: Batch) -> Array:
        """Weighted cross-entropy with the soft code, the mean over squares (eqs. 2 and 3)."""
        code = self.bins.encode(batch["ab"].reshape(-1, 2))
        weight = jnp.asarray(self.weights)[jnp.argmax(code, axis=1)]
        log_p = jax.nn.log_softmax(out.reshape(code.shape))
        return (-weight * jnp.sum(code * log_p, axis=1)).reshape(len(out), -1).mean(axis=1)

    def show(self, out: Array, batch: Batch) -> dict[str, Array]:
        """Lightness, and with the annealed mean of the predicted colors."""
        ab = self.bins.decode(out)
        size = (*batch["lab"].shape[:3], 2)
        lab = jnp.concatenate([batch["lab"][..., :1], jax.image.resize(ab, size, "linear")], -1)
        return {"given": unscaled(batch["image"]), "colored": lab_to_rgb(lab)}


class Restoration(Pretext):
    """An image from what `spoil` leaves of it, judged by squared error where it was spoilt.

    `spoil(keys, image) -> (image, where (B, H, W) bool)`. In-painting and out-painting are context
    encoders (Pathak et al. 2016, arXiv 1604.07379) without their adversarial part.
    """

    def __init__(self, spoil: Callable[[Key, Array], tuple[Array, Array]]) -> None:
        self.spoil = spoil

    def head(self) -> nn.Module:
        """Pixels."""
        return PixelHead(STRIDE, 3)

    def pose(self, keys: Key, image: Array) -> Batch:
        """The spoilt image and what is `wanted`."""
        spoilt, where = self.spoil(keys, image)
        return {"image": scaled(spoilt), "wanted": scaled(image), "where": where}

    def losses(self, out: Array, batch: Batch) -> Array:
        """The mean squared error of spoilt pixels."""
        where = batch["where"][..., None].astype(out.dtype)
        error = jnp.sum(where * (out - batch["wanted"]) ** 2, axis=(1, 2, 3))
        return error / (3 * jnp.sum(where, axis=(1, 2, 3)))

    def show(self, out: Array, batch: Batch) -> dict[str, Array]:
        """The spoilt images and the restored ones."""
        restored = jnp.where(batch["where"][..., None], unscaled(out), unscaled(batch["wanted"]))
        return {"given": unscaled(batch["image"]), "restored": restored}


class MaskedPatches(Pretext):
    """Three quarters of an image's patches from the others (He et al. 2022).

    The squared error of each hidden patch in units of its own mean and deviation.
    """

    patch = 4

    def pose(self, keys: Key, image: Array) -> Batch:
        """Patches in a random order, of which the network sees the first quarter."""
        length = (image.shape[1] // self.patch) * (image.shape[2] // self.patch)
        return {"image": scaled(image), "order": draw_orders(keys, length)}

    def losses(self, out: Array, batch: Batch) -> Array:
        """The mean over hidden patches."""
        aim, _, _ = self.aims(batch["image"])
        rank = jnp.argsort(batch["order"], axis=1)
        hidden = (rank >= batch["order"].shape[1] // 4).astype(out.dtype)
        error = jnp.mean((out - aim) ** 2, axis=2)
        return jnp.sum(hidden * error, axis=1) / jnp.sum(hidden, axis=1)

    def aims(self, image: Array) -> tuple[Array, Array, Array]:
        """Normalized patches `(B, L, D)`, and their means and deviations `(B, L, 1)`."""
        patches = to_patches(image, self.patch)
        patches = patches.reshape(len(image), -1, patches.shape[3])
        mean = patches.mean(axis=2, keepdims=True)
        spread = jnp.sqrt(patches.var(axis=2, keepdims=True) + 1e-6)
        return (patches - mean) / spread, mean, spread

    def show(self, out: Array, batch: Batch) -> dict[str, Array]:
        """The patches that are seen, and all; each hidden one has its true mean and deviation."""
        aim, mean, spread = self.aims(batch["image"])
        rank = jnp.argsort(batch["order"], axis=1)[..., None]
        seen = rank < batch["order"].shape[1] // 4
        grid = [side // self.patch for side in batch["image"].shape[1:3]]
        pictures = {"given": jnp.where(seen, aim * spread + mean, 0.0)}
        pictures["told"] = jnp.where(seen, aim, out) * spread + mean
        join = lambda x: from_patches(x.reshape(len(x), *grid, -1), self.patch)  # noqa: E731
        return {title: unscaled(join(x)) for title, x in pictures.items()}


def lightness(lab: Array) -> Array:
    """L of Lab as a gray image in [0, 1], three equal channels."""
    return jnp.repeat(lab[..., :1] / 100, 3, axis=-1)


def hide_window(keys: Key, image: Array) -> tuple[Array, Array]:
    """Covers a square of half a side, anywhere, with gray (in-painting)."""
    _, height, width, _ = image.shape
    side = min(height, width) // 2
    u = row_uniform(keys, 2)
    top, left = (jnp.floor(u[:, i] * (n - side + 1)) for i, n in enumerate((height, width)))
    box = jnp.stack([left, top, left + side, top + side], axis=-1)
    return covered(image, inside_box(box, (height, width)))


def hide_surroundings(keys: Key, image: Array) -> tuple[Array, Array]:
    """Leaves the middle two thirds of each side (out-painting)."""
    _, height, width, _ = image.shape
    edges = [width // 6, height // 6, width - width // 6, height - height // 6]
    box = jnp.tile(jnp.asarray(edges, jnp.float32)[None], (len(image), 1))
    return covered(image, ~inside_box(box, (height, width)))


def add_noise(keys: Key, image: Array) -> tuple[Array, Array]:
    """Gaussian noise of deviation 0.3 (a denoising autoencoder, Vincent et al. 2008)."""
    noise = row_normal(keys, image[0].size).reshape(image.shape)
    spoilt = jnp.clip(image + 0.3 * noise, 0, 1)
    return spoilt, jnp.ones(image.shape[:3], bool)


def covered(image: Array, where: Array) -> tuple[Array, Array]:
    """`image` gray `where`, and `where`."""
    return jnp.where(where[..., None], CENTER, image), where


TASKS: dict[str, Callable[[Host], Pretext]] = {
    "rotation": lambda sample: Rotation(),
    "jigsaw": lambda sample: Jigsaw(),
    "colorization": Colorization,
    "inpainting": lambda sample: Restoration(hide_window),
    "outpainting": lambda sample: Restoration(hide_surroundings),
    "denoising": lambda sample: Restoration(add_noise),
    "masked_patches": lambda sample: MaskedPatches(),
}


def make_task(name: str, sample: Any) -> Pretext:
    """The task of that name; `sample`: images in [0, 1] of the set."""
    return TASKS[name](sample)

"""Gray pixels as bits, each drawn once with its gray level as probability."""

from collections.abc import Mapping

import numpy as np

from jaxdl.checks import UsageError
from jaxdl.data.splits.philox import uniforms
from jaxdl.data.splits.split import Split
from jaxdl.typing import Host

BLOCK = 4096


def binarize(split: Split, *, seed: int = 0) -> Split:
    """The split with every pixel of `image` 0 or 255, 255 with probability pixel / 255.

    The bits are a function of seed, row and pixel alone (the binarized MNIST of Salakhutdinov &
    Murray 2008 is one such draw), so that every evaluation sees the same ones.
    """
    example = split.example.get("image")
    if example is None or example.dtype != np.uint8:
        raise UsageError("binarize: needs a split with uint8 images")
    return split.with_arrays({"image": draw_bits(split.read("image"), seed)})


def binarize_held_out(splits: Mapping[str, Split]) -> dict[str, Split]:
    """All splits but `train` binarized; a training draws its bits anew at each step."""
    return {role: s if role == "train" else binarize(s) for role, s in splits.items()}


def draw_bits(image: Host, seed: int) -> Host:
    """`(N, H, W, C)` uint8 -> the same shape, 0 or 255."""
    out = np.empty_like(image)
    for start in range(0, len(image), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(image)))
        u = uniforms(seed, "binarize", rows, image[0].size).reshape(-1, *image.shape[1:])
        out[rows] = np.where(u * 255 < image[rows], 255, 0)
    return out

"""Picture files in, one picture in the style of the others out: what `jaxdl style` does."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl.data.images.decode import decode_image
from jaxdl.data.images.transforms import resize
from jaxdl.draw import save_image
from jaxdl.interpret.open_network import open_network
from jaxdl.interpret.synthesis.descent import Descent, descend, loss_of
from jaxdl.interpret.synthesis.style import StyleWeights, style_objective
from jaxdl.models.registry import ModelConfig
from jaxdl.typing import Array

NETWORK = "squeezenet1_1"
TOLD = 10  # steps between two lines of progress


class Restyle(NamedTuple):
    """The choices of `jaxdl style`."""

    mix: tuple[float, ...]  # one number per style, or none: all the same
    size: int  # of the shorter side of all pictures
    steps: int
    lr: float
    factors: tuple[float, float, float]  # on the weights of content, style and variation


def restyle(content: Path, styles: Sequence[Path], weights: str, out: Path, how: Restyle) -> str:
    """Writes `out`; the line that says so, with the loss before and after.

    Raises UnreadableImage for a file that is no picture, WeightFileError without weights.
    """
    pictures = [resize(decode_image(path), how.size) for path in (content, *styles)]
    network, pixels, _ = open_network(ModelConfig(NETWORK, weights))
    values = [pixels.values(picture[None]) for picture in pictures]
    usual, (of_content, of_style, of_variation) = StyleWeights(), how.factors
    scaled = replace(
        usual,
        content_weight=of_content * usual.content_weight,
        style_weights=tuple(of_style * weight for weight in usual.style_weights),
        tv_weight=of_variation * usual.tv_weight,
    )
    goal = style_objective(network, scaled, values[1:], values[0], mix=how.mix)

    def tell(step: int, images: Array) -> None:
        if (step + 1) % TOLD == 0:
            images.block_until_ready()
            print(f"step {step + 1}/{how.steps}", file=sys.stderr, flush=True)

    made, losses = descend(goal, values[0], pixels, Descent(how.steps, how.lr), on_step=tell)
    picture = np.round(pixels.pictures(made)[0] * 255).astype(np.uint8)
    save_image(picture, out)
    return f"{out}: loss {losses[0, 0]:.0f} -> {float(loss_of(goal, made)[0]):.0f}"

"""The content of one picture in the style of others, and textures: what the picture must match.

goal = StyleGoal(network, layers, content=photograph, styles=(starry_night,))
picture, losses = descend(goal.objective(), photograph, pixels, Descent())
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import struct

from jaxdl.checks import UsageError, unknown
from jaxdl.interpret.network import Network, stages_at
from jaxdl.losses.style import content_loss, gram_matrix, style_loss, total_variation
from jaxdl.models.stages import Stages, stage_shapes
from jaxdl.typing import Array


@dataclass(frozen=True)
class StyleWeights:
    """The stages of a network that content and style are compared at, and what each counts."""

    content: str = "fire5"
    """The stage of the content ("": none, a texture)."""
    content_weight: float = 3e-6
    styles: tuple[str, ...] = ("conv1", "fire3", "fire5", "fire7")
    """The stages of the style."""
    style_weights: tuple[float, ...] = (4e-4, 2e-4, 4e-4, 1e-2)
    """One for each."""
    tv_weight: float = 0.1
    """Of the total variation."""

    def __post_init__(self) -> None:
        if len(self.styles) != len(self.style_weights) or not self.styles:
            raise UsageError(
                f"style: must have one weight per stage, got {len(self.style_weights)} weights for "
                f"{', '.join(self.styles) or 'no stage'}"
            )
        if min(self.content_weight, self.tv_weight, *self.style_weights) < 0:
            raise UsageError(f"style: weights must be >= 0, got {self}")


class StyleParts(struct.PyTreeNode):
    """The three parts of the loss, `(B,)` each, with their weights in them."""

    content: Array
    style: Array
    variation: Array

    def total(self) -> Array:
        """`(B,)`."""
        return self.content + self.style + self.variation


class StyleObjective(struct.PyTreeNode):
    """w_c sum (F - P)^2 + sum_s m_s sum_l w_l sum (G_l - A_ls)^2 + w_t TV(x): `(B,)`.

    Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks", with Gram
    matrices divided by h w C, and total variation of Johnson et al. 2016, arXiv 1603.08155. Several
    styles s are mixed by `mix` `(B, S)`.
    """

    network: Network
    content: Array | None  # P (B, h, w, C)
    grams: dict[str, Array]  # A of each stage, (S, C, C)
    mix: Array
    weights: StyleWeights = struct.field(pytree_node=False)

    def parts(self, images: Array) -> StyleParts:
        """The parts for pictures `(B, H, W, C)` in the network's values."""
        stages = self.network(images)
        weights, none = self.weights, jnp.zeros(len(images))
        content = none
        if self.content is not None:
            content = weights.content_weight * content_loss(stages[weights.content], self.content)
        pairs = zip(weights.styles, weights.style_weights, strict=True)
        style = sum((w * self._style(stages, stage) for stage, w in pairs), none)
        return StyleParts(content, style, weights.tv_weight * total_variation(images))

    def _style(self, stages: Stages, stage: str) -> Array:
        def against(gram: Array) -> Array:
            features = stages[stage]
            target = jnp.broadcast_to(gram[None], (len(features), *gram.shape))
            return style_loss(features, target)

        return jnp.einsum("sb,bs->b", jax.vmap(against)(self.grams[stage]), self.mix)

    def __call__(self, images: Array) -> Array:
        return self.parts(images).total()


def style_objective(
    network: Network,
    weights: StyleWeights,
    styles: Sequence[Array],
    content: Array | None = None,
    *,
    mix: Sequence[float] = (),
) -> StyleObjective:
    """The objective of one picture: `content` `(1, H, W, C)`, None for a texture alone.

    Each of `styles` is `(1, H, W, C)`, of any size; `mix` has what each counts (default: all the
    same, 1 together). Raises UsageError for a stage that is not there or is no map, for no style,
    and for a mix of another length.
    """
    if not styles:
        raise UsageError("style: must have one style picture or more")
    counts = tuple(mix) or (1 / len(styles),) * len(styles)
    if len(counts) != len(styles) or min(counts) < 0 or not sum(counts):
        raise UsageError(
            f"style: mix must have one number >= 0 per style, not all 0; got {counts} for "
            f"{len(styles)} styles"
        )
    wanted = (weights.content,) if content is not None else ()
    check_maps(network, styles[0], (*wanted, *weights.styles))
    features = None if content is None else stages_at(network, content, wanted)[weights.content]
    grams = style_grams(network, weights, styles)
    return StyleObjective(network, features, grams, jnp.array([counts]), weights)


def style_grams(
    network: Network, weights: StyleWeights, styles: Sequence[Array]
) -> dict[str, Array]:
    """Stage -> the Gram matrices of the style pictures `(S, C, C)`."""
    each = [stages_at(network, style, weights.styles) for style in styles]
    return {
        stage: jnp.concatenate([gram_matrix(stages[stage]) for stages in each])
        for stage in weights.styles
    }


def check_maps(network: Network, images: Array, names: Sequence[str]) -> None:
    """Raises UsageError for a stage that is not there, or that is no map `(B, h, w, C)`."""
    known = stage_shapes(network.model, images.shape[1:])
    for name in names:
        if name not in known:
            raise unknown("stage", name, known)
        if len(known[name]) != 3:
            raise UsageError(f"stage {name!r}: must be a map, got the shape {known[name]}")

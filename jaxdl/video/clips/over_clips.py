"""Several clips of one film: one to learn from at a time, all of them to decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax

from jaxdl.typing import Array, Key, Tree
from jaxdl.video.models.averaged import averaged


def one_clip(keys: Key, video: Array, *, train: bool) -> Array:
    """`(B, V, T, H, W, C)` -> one of the V clips, drawn with the row's key `(B,)` in training, the
    middle one else; `(B, T, H, W, C)` stays."""
    if video.ndim == 5:
        return video
    if not train:
        return video[:, video.shape[1] // 2]
    draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, video.shape[1]))
    return jax.vmap(lambda clips, i: clips[i])(video, draw(keys))


def each_clip(video: Array, see: Callable[[Array], Array]) -> Array:
    """`see` of every clip as if it were a row: `(B, V, ...)`, V 1 where the rows are clips."""
    clips = video if video.ndim == 6 else video[:, None]
    seen = see(clips.reshape(-1, *clips.shape[2:]))
    return seen.reshape(*clips.shape[:2], *seen.shape[1:])


@dataclass(frozen=True)
class OverClips:
    """A network's probabilities, averaged over the clips of each film (Simonyan & Zisserman 2014,
    section 5)."""

    model: nn.Module

    def apply(self, variables: Tree, clips: Array, *, train: bool) -> Any:
        """`(B, V, T, H, W, C)` -> `(B, K)` log probabilities; the network's logits where V is 1."""
        logits: Any = self.model.apply(variables, clips.reshape(-1, *clips.shape[2:]), train=train)
        logits = logits.reshape(*clips.shape[:2], -1)
        return averaged(logits) if clips.shape[1] > 1 else logits[:, 0]

"""A backbone with what is put on top of it while it learns from two views."""

from typing import Any

import flax.linen as nn
import jax

from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.typing import Array, ModuleDef


class MLPHead(nn.Module):
    """(linear - norm - ReLU) for every width but the last, then a linear layer: `(B, D)` -> the
    last width.

    `last_norm` normalizes what comes out, too (SimSiam's projector, arXiv 2011.10566, section 3).
    """

    widths: tuple[int, ...]
    last_norm: bool = False
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        for i, width in enumerate(self.widths[:-1], 1):
            x = Dense(width, use_bias=False, name=f"dense{i}")(x)
            x = jax.nn.relu(self.norm(train=train, name=f"norm{i}")(x))
        x = Dense(self.widths[-1], use_bias=not self.last_norm, name="out")(x)
        return self.norm(train=train, name="last_norm")(x) if self.last_norm else x


class JointEmbedding(nn.Module):
    """`backbone` - `projector` (- `predictor`), `(B, H, W, C)` -> `z` and, with widths, `p`.

    The backbone, a model of no classes, gives `(B, D)`; `features` is it alone, as its probes and
    those who take it over see it.
    """

    backbone: nn.Module
    projector: tuple[int, ...] = (128, 64)
    predictor: tuple[int, ...] = ()
    last_norm: bool = False
    norm: ModuleDef = BatchNorm

    def setup(self) -> None:
        self.project = MLPHead(self.projector, self.last_norm, self.norm)
        if self.predictor:
            self.predict = MLPHead((*self.predictor, self.projector[-1]), norm=self.norm)

    def __call__(self, x: Array, *, train: bool) -> dict[str, Array]:
        z = self.project(self.features(x, train=train), train=train)
        return {"z": z, "p": self.predict(z, train=train)} if self.predictor else {"z": z}

    def features(self, x: Array, *, train: bool) -> Array:
        """What the backbone makes of images: `(B, D)`."""
        made: Any = self.backbone
        return made(x, train=train)

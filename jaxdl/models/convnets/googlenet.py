"""GoogLeNet, the first Inception network, with its auxiliary classifiers."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.pool import adaptive_avg_pool
from jaxdl.typing import Array, ModuleDef

# name; 1x1; 1x1 before 3x3, 3x3; 1x1 before 5x5, 5x5; 1x1 after the pool (arXiv 1409.4842, table 1)
TABLE = (
    ("inception3a", (64, 96, 128, 16, 32, 32)),
    ("inception3b", (128, 128, 192, 32, 96, 64)),
    ("inception4a", (192, 96, 208, 16, 48, 64)),
    ("inception4b", (160, 112, 224, 24, 64, 64)),
    ("inception4c", (128, 128, 256, 24, 64, 64)),
    ("inception4d", (112, 144, 288, 32, 64, 64)),
    ("inception4e", (256, 160, 320, 32, 128, 128)),
    ("inception5a", (256, 160, 320, 32, 128, 128)),
    ("inception5b", (384, 192, 384, 48, 128, 128)),
)


class Inception(nn.Module):
    """1x1, 3x3, 5x5 and pooled branches behind cheap 1x1s, joined (arXiv 1409.4842, fig. 2b).

    `(B, H, W, C)` -> `(B, H, W, sum of the branches)`; `widths` is from a row of TABLE.
    """

    widths: tuple[int, ...]
    wide_kernel: int = 5
    unit: ModuleDef = ConvNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        one, narrow3, three, narrow5, five, pool = self.widths
        unit = self.unit
        a = unit(one, 1, name="one")(x, train=train)
        b = unit(narrow3, 1, name="three1")(x, train=train)
        b = unit(three, 3, name="three2")(b, train=train)
        c = unit(narrow5, 1, name="five1")(x, train=train)
        c = unit(five, self.wide_kernel, name="five2")(c, train=train)
        d = unit(pool, 1, name="pool2")(MaxPool(3, 1, 1, name="pool1")(x), train=train)
        return jnp.concatenate([a, b, c, d], axis=-1)


class Auxiliary(nn.Module):
    """A classifier on an inner stage: means on a 4x4 grid - 1x1 conv - linear - dropout - linear.

    `(B, H, W, C)` -> logits `(B, num_classes)`. The paper's 5x5/3 pool gives 4x4 for 14x14 only.
    """

    num_classes: int
    filters: int = 128
    hidden: int = 1024
    dropout: float = 0.7
    unit: ModuleDef = ConvNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = self.unit(self.filters, 1, name="conv")(adaptive_avg_pool(x, 4), train=train)
        x = x.reshape(x.shape[0], -1)
        x = nn.relu(nn.Dense(self.hidden, kernel_init=nn.initializers.he_normal(), name="fc1")(x))
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        return nn.Dense(self.num_classes, name="fc2")(x)


@register("googlenet")
class GoogLeNet(nn.Module):
    """Stem - nine inception blocks - mean - dropout - linear.

    Szegedy et al. 2015, arXiv 1409.4842. `(B, H, W, C)` -> logits `(B, num_classes)`, in the form
    of torchvision's weights: batch norm, and 3x3 where the paper has 5x5. Stages `conv1`, `pool1`,
    `conv2`, `conv3`, `pool2`, the blocks `inception3a` ... `inception5b`, `pooled`, and the
    auxiliary logits `aux1`, `aux2`, whose losses training adds with weight 0.3; they are computed
    where `stages` asks for them.
    """

    num_classes: int
    wide_kernel: int = 3  # of the widest branch: 5 in the paper, 3 in torchvision's weights
    batch_norm: bool = True  # normalize after each convolution
    aux: bool = True  # two auxiliary classifiers
    dropout: float = 0.2  # chance that an input of the last layer is dropped in training
    aux_dropout: float = 0.7  # the same in the auxiliary classifiers
    stem: tuple[int, ...] = (64, 64, 192)  # features of the first three convolutions
    blocks: tuple[tuple[str, tuple[int, ...]], ...] = TABLE
    aux_widths: tuple[int, int] = (128, 1024)
    norm: ModuleDef = partial(BatchNorm, eps=1e-3)

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("GoogLeNet: x", x, 4)
        out: Stages = {}
        unit = partial(ConvNorm, norm=self.norm if self.batch_norm else None)
        x = out["conv1"] = unit(self.stem[0], 7, 2, name="conv1")(x, train=train)
        x = out["pool1"] = MaxPool(3, 2, ceil_mode=True, name="pool1")(x)
        x = out["conv2"] = unit(self.stem[1], 1, name="conv2")(x, train=train)
        x = out["conv3"] = unit(self.stem[2], 3, name="conv3")(x, train=train)
        x = out["pool2"] = MaxPool(3, 2, ceil_mode=True, name="pool2")(x)
        for name, widths in self.blocks:
            if name in ("inception4a", "inception5a"):
                window = 3 if name == "inception4a" else 2
                x = MaxPool(window, 2, ceil_mode=True, name=f"pool{name[-2]}_in")(x)
            x = Inception(widths, self.wide_kernel, unit, name=name)(x, train=train)
            out[name] = x
        if self.aux and self.num_classes and (stages or self.is_initializing()):
            for i, name in enumerate(("inception4a", "inception4d"), 1):
                aux = Auxiliary(
                    self.num_classes, *self.aux_widths, self.aux_dropout, unit, name=f"aux{i}"
                )
                out[f"aux{i}"] = aux(out[name], train=train)
        x = out["pooled"] = x.mean((1, 2))
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("googlenet_paper")
class GoogLeNetPaper(GoogLeNet):
    """The paper's form: 5x5 branches, no batch norm, dropout 0.4; without local response norm."""

    wide_kernel: int = 5
    batch_norm: bool = False
    dropout: float = 0.4

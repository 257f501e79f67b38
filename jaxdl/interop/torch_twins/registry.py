"""The PyTorch twin of a model of ours: its module, and what its parts are called there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import torch
from torch import nn

from jaxdl.checks import UsageError
from jaxdl.interop.torch_rnn import recurrent_to_torch
from jaxdl.interop.torch_twins import classifiers, clip, embedding, segmenters, sequences
from jaxdl.interop.torch_twins.clips import C3D as TorchC3D
from jaxdl.language.char_lm import CharacterModel
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.models.convnets.preact_resnet import PreActResNet
from jaxdl.models.mlp import MLP
from jaxdl.models.segmentation.fcn import FCN
from jaxdl.models.segmentation.unet import UNet
from jaxdl.models.small.lenet import LeNet
from jaxdl.models.small.mnist_inception import MNISTInception
from jaxdl.models.small.mnist_residual import MNISTResidual
from jaxdl.models.small.small_convnets import CIFARConvNet, DeepConvNet
from jaxdl.models.transformers.vit import ViT
from jaxdl.models.weights.weight_rules import Pattern, Rules, fill_in, to_torch
from jaxdl.selfsup.clip import CLIP, TextEncoder
from jaxdl.selfsup.joint_embedding import JointEmbedding
from jaxdl.typing import Host, Tree
from jaxdl.video.models.c3d import C3D

Shape = tuple[int, ...]
QKV = ("query", "key", "value")  # one layer in torch
BLOCK, LAYER = r"text_encoder/blocks/block_(\d+)", "text_encoder.blocks.layers.{1}"
TEXT_LAYERS = [
    ("text_encoder/words/embed", "text_encoder.embed"),
    ("text_encoder/widen", "text_encoder.widen"),
    ("text_encoder/blocks/norm", "text_encoder.blocks.norm"),
    (BLOCK, LAYER),
    (BLOCK + "/self_attention", LAYER + ".self_attn"),
    (BLOCK + "/self_attention/out", LAYER + ".self_attn.out_proj"),
    (BLOCK + r"/mlp/fc(\d)", LAYER + ".linear{2}"),
    (BLOCK + "/norm_self", LAYER + ".norm1"),
    (BLOCK + "/norm_mlp", LAYER + ".norm2"),
]
TEXT_LEAVES = [
    ("text_encoder/words/embed/table", "text_encoder.embed.weight"),
    ("text_encoder/words/positions_table", "text_encoder.positions"),
    (BLOCK + "/self_attention/qkv/kernel", LAYER + ".self_attn.in_proj_weight"),
    (BLOCK + "/self_attention/qkv/bias", LAYER + ".self_attn.in_proj_bias"),
]


@dataclass(frozen=True)
class Twin:
    """A torch module that computes what a model of ours does."""

    module: nn.Module
    arrays: Callable[[Tree], dict[str, Host]]
    """Our variables, or gradients as `params`, under the names of the module's state."""
    layers: Sequence[Pattern]
    """What our modules are called there."""
    still: Mapping[str, Host]
    """Parameter -> mask: where it is 0, training leaves it as it is."""

    def load(self, variables: Tree) -> None:
        """Gives the module our weights."""
        arrays = self.arrays(jax.device_get(variables))
        state = {name: torch.tensor(value) for name, value in arrays.items()}
        self.module.load_state_dict(state)

    def layer(self, path: str) -> str | None:
        """The name there of our module at `path`."""
        return next(fill_in(self.layers, path), None)


def twin_of(model: Any, shape: Shape) -> Twin:
    """The twin of `model` for an input of this shape, rows first: `(B, H, W, C)` or `(B, T)`.

    Raises UsageError for a model, or an option of it, that has none.
    """
    for kind, make in TWINS.items():
        if isinstance(model, kind):
            return make(model, shape)
    known = ", ".join(kind.__name__ for kind in TWINS)
    raise UsageError(f"compare: {type(model).__name__} has no torch twin; {known} have")


def mlp_twin(model: MLP, shape: Shape) -> Twin:
    """`Flatten`, then a linear layer at every odd place."""
    _only(model, act="relu", norm="", drop_connect=0.0)
    module = classifiers.MLP(int(np.prod(shape[1:])), tuple(model.hidden), model.num_classes)
    names = [f"dense{i}" for i in range(1, len(model.hidden) + 1)] + ["head"]
    places = [(name, str(2 * i + 1)) for i, name in enumerate(names)]
    first = {names[0]: shape[1:3]} if len(shape) == 4 else {}
    return _by_rules(module, Rules(places, flattened=first))


def lenet_twin(model: LeNet, shape: Shape) -> Twin:
    """The same names."""
    module = classifiers.LeNet(
        model.num_classes,
        channels=shape[-1],
        size=_side(shape),
        filters=(model.conv1, model.conv2),
        hidden=model.hidden,
    )
    return _by_rules(module, _same_names(fc1=_side(shape) // 4))


def cifar_convnet_twin(model: CIFARConvNet, shape: Shape) -> Twin:
    """The same names."""
    filters: Any = model.filters
    module = classifiers.CIFARConvNet(
        model.num_classes,
        channels=shape[-1],
        size=_side(shape),
        filters=filters,
        hidden=model.hidden,
    )
    return _by_rules(module, _same_names(fc1=_side(shape) // 8))


def deep_convnet_twin(model: DeepConvNet, shape: Shape) -> Twin:
    """The convolutions and norms stand in `features`."""
    _only(model, act="relu", pool="max", norm=BatchNorm)
    module = classifiers.DeepConvNet(
        model.num_classes,
        channels=shape[-1],
        size=_side(shape),
        filters=tuple(model.filters),
        pools=tuple(model.pools),
        batch_norm=model.batch_norm,
    )
    side = _pooled_side(model, shape)
    layers = [(r"((?:conv|norm|pool)\d+)", "features.{1}"), ("head", "head")]
    return _by_rules(module, Rules(layers, flattened={"head": (side, side)}))


def inception_twin(model: MNISTInception, shape: Shape) -> Twin:
    """The same names."""
    filters: Any = model.filters
    module = classifiers.MNISTInception(
        model.num_classes,
        channels=shape[-1],
        size=_side(shape),
        filters=filters,
        narrow=model.narrow,
        wide=model.wide,
    )
    return _by_rules(module, _same_names(head=classifiers.side_after_convs(_side(shape))))


def residual_twin(model: MNISTResidual, shape: Shape) -> Twin:
    """The same names."""
    filters: Any = model.filters
    module = classifiers.MNISTResidual(
        model.num_classes, channels=shape[-1], size=_side(shape), filters=filters
    )
    return _by_rules(module, _same_names(head=classifiers.side_after_convs(_side(shape))))


def preact_twin(model: PreActResNet, shape: Shape) -> Twin:
    """The blocks are numbered through all stages."""
    _only(model, act=jax.nn.relu, norm=BatchNorm)
    module = classifiers.PreActResNet(
        model.num_classes,
        channels=shape[-1],
        blocks=tuple(model.blocks),
        width=model.width,
        residual=model.residual,
    )
    layers = [(r"(stem|norm|head)", "{1}")]
    blocks = [(s, i) for s, count in enumerate(model.blocks, 1) for i in range(1, count + 1)]
    for number, (stage, i) in enumerate(blocks):
        layers += [(rf"stage{stage}_block{i}/(\w+)", f"blocks.{number}.{{1}}")]
        layers += [(f"stage{stage}_block{i}", f"blocks.{number}")]
    return _by_rules(module, Rules(layers))


def vit_twin(model: ViT, shape: Shape) -> Twin:
    """`nn.TransformerEncoder`, whose queries, keys and values share one matrix as ours do."""
    _only(model, pool="mean", positions="learned", wiring="pre")
    module = classifiers.ViT(
        model.num_classes,
        channels=shape[-1],
        size=_side(shape),
        patch=model.patch,
        width=model.width,
        depth=model.depth,
        heads=model.heads,
        hidden=model.hidden,
    )
    layer = "encoder.layers.{1-1}"
    layers = [
        (r"(patches|norm|head)", "{1}"),
        (r"block(\d+)", layer),
        (r"block(\d+)/attention", layer + ".self_attn"),
        (r"block(\d+)/attention/out", layer + ".self_attn.out_proj"),
        (r"block(\d+)/fc(\d)", layer + ".linear{2}"),
        (r"block(\d+)/norm(\d)", layer + ".norm{2}"),
    ]
    leaves = [
        ("positions", "positions"),
        (r"block(\d+)/attention/qkv/kernel", layer + ".self_attn.in_proj_weight"),
        (r"block(\d+)/attention/qkv/bias", layer + ".self_attn.in_proj_bias"),
    ]
    return _by_rules(module, Rules(layers, leaves))


def unet_twin(model: UNet, shape: Shape) -> Twin:
    """The same names."""
    _only(model, act=jax.nn.relu, norm=BatchNorm)
    if model.up not in ("nearest", "bilinear"):
        raise UsageError(f"compare: UNet's torch twin has up nearest or bilinear, not {model.up!r}")
    options = {name: getattr(model, name) for name in ("widths", "up", "stem_stride")}
    module = segmenters.UNet(model.num_classes, channels=shape[-1], **options)
    return _by_rules(module, SEGMENTER)


def fcn_twin(model: FCN, shape: Shape) -> Twin:
    """The same names."""
    options = {name: getattr(model, name) for name in ("stride", "blocks", "filters", "hidden")}
    module = segmenters.FCN(model.num_classes, channels=shape[-1], **options)
    return _by_rules(module, SEGMENTER)


def embedding_twin(model: JointEmbedding, shape: Shape) -> Twin:
    """A `DeepConvNet` without classes and a projector, each under our names."""
    _only(model, predictor=(), last_norm=False, norm=BatchNorm)
    backbone: Any = model.backbone
    if not isinstance(backbone, DeepConvNet) or backbone.num_classes:
        raise UsageError(
            "compare: the torch twin of JointEmbedding has a DeepConvNet (model.name = "
            f"deep_convnet) as its backbone, not {type(backbone).__name__}"
        )
    part: Any = deep_convnet_twin(backbone, shape).module
    module = embedding.JointEmbedding(part, part.width, tuple(model.projector))
    side = _pooled_side(backbone, shape)
    first = "project/dense1" if len(model.projector) > 1 else "project/out"
    layers = [
        (r"backbone/((?:conv|norm|pool)\d+)", "backbone.features.{1}"),
        (r"project/(\w+)", "project.{1}"),
        ("project", "project"),  # the backbone's features have another order there
    ]
    return _by_rules(module, Rules(layers, flattened={first: (side, side)}))


def clip_twin(model: CLIP, shape: Shape) -> Twin:
    """A `DeepConvNet` or `PreActResNet` without classes, and a text encoder; `shape` of images."""
    encoder: Any = model.image_encoder
    text: Any = model.text_encoder
    flattened = {}
    if isinstance(encoder, DeepConvNet):
        side = _pooled_side(encoder, shape)
        flattened = {"image_head": (side, side)}
    elif not isinstance(encoder, PreActResNet):
        raise UsageError(
            "compare: the torch twin of CLIP has a DeepConvNet or a PreActResNet (model.name = "
            f"deep_convnet or preact_resnet20) for pictures, not {type(encoder).__name__}"
        )
    part = twin_of(encoder, shape)
    image: Any = part.module
    module = clip.CLIP(image, image.width, text_twin(text), model.dim)
    layers = [
        *((f"image_encoder/{ours}", f"image_encoder.{theirs}") for ours, theirs in part.layers),
        (r"(image_head|text_head)", "{1}"),
        *TEXT_LAYERS,
    ]
    ones = {"log_scale": (), "table": (), "positions_table": ()}
    rules = Rules(layers, [("log_scale", "log_scale"), *TEXT_LEAVES], flattened, ones=ones)

    def arrays(variables: Tree) -> dict[str, Host]:
        return to_torch(rules, {**variables, "params": _joined_attention(variables["params"])})

    return Twin(module, arrays, layers, {})


def text_twin(model: TextEncoder) -> clip.TextEncoder:
    """torch's module of the same sizes."""
    return clip.TextEncoder(
        model.vocabulary,
        model.length,
        width=model.width,
        depth=model.depth,
        heads=model.heads,
        hidden=model.hidden,
        word_width=model.word_width,
    )


def _joined_attention(params: Tree) -> Tree:
    """`params` whose queries, keys and values are one linear layer, `qkv`, as torch has it."""
    if not isinstance(params, Mapping):
        return params
    made = {name: _joined_attention(part) for name, part in params.items()}
    if set(QKV) <= set(made):
        parts = [made.pop(name) for name in QKV]
        made["qkv"] = {
            name: np.concatenate([np.asarray(part[name]) for part in parts], axis=-1)
            for name in parts[0]
        }
    return made


def c3d_twin(model: C3D, shape: Shape) -> Twin:
    """The same names; the maps of clips have another order of axes there, and are not looked at."""
    widths = {name: tuple(getattr(model, name)) for name in ("stages", "features", "hidden")}
    module = TorchC3D(model.num_classes, channels=shape[-1], size=shape[1:4], **widths)
    rules = Rules([(r"(conv\d_\d|fc\d|head)", "{1}")])
    return Twin(module, partial(to_torch, rules), [(r"(fc\d|head)", "{1}")], {})


def character_twin(model: CharacterModel, shape: Shape) -> Twin:
    """torch adds up two biases, which would move at twice the rate: the second one stays at 0."""
    module = sequences.CharacterModel(
        model.vocabulary,
        embedding=model.embedding_dim,
        hidden=model.hidden,
        layers=model.layers,
        cell=model.cell,
    )

    def arrays(variables: Tree) -> dict[str, Host]:
        params = variables["params"]
        recurrent = recurrent_to_torch(params["recurrent"], cell=model.cell)
        made = {f"recurrent.{name}": value for name, value in recurrent.items()}
        if model.embedding_dim:
            made["embed.weight"] = np.asarray(params["embed"]["table"])
        head = {name: np.asarray(value) for name, value in params["head"].items()}
        return made | {"head.weight": head["kernel"].T, "head.bias": head["bias"]}

    still = {}
    for name, value in module.named_parameters():
        if ".bias_hh" in name:  # a GRU's new gate has a bias of its own there
            own = 2 * model.hidden if model.cell == "gru" else len(value)
            still[name] = (np.arange(len(value)) >= own).astype(np.float32)
    layers = [(r"(embed|recurrent|head)", "{1}")]
    return Twin(module, arrays, layers, still)


TWINS: dict[type, Callable[[Any, Shape], Twin]] = {
    MLP: mlp_twin,
    LeNet: lenet_twin,
    CIFARConvNet: cifar_convnet_twin,
    DeepConvNet: deep_convnet_twin,
    MNISTInception: inception_twin,
    MNISTResidual: residual_twin,
    PreActResNet: preact_twin,
    UNet: unet_twin,
    FCN: fcn_twin,
    ViT: vit_twin,
    JointEmbedding: embedding_twin,
    CLIP: clip_twin,
    C3D: c3d_twin,
    CharacterModel: character_twin,
}


# Dots for slashes, at up to three levels
SEGMENTER = Rules(
    [(r"(\w+)", "{1}"), (r"(\w+)/(\w+)", "{1}.{2}"), (r"(\w+)/(\w+)/(\w+)", "{1}.{2}.{3}")]
)


def _by_rules(module: nn.Module, rules: Rules) -> Twin:
    return Twin(module, partial(to_torch, rules), rules.modules, {})


def _same_names(**flattened: int) -> Rules:
    """Dots for slashes; `flattened` gives the side of what a linear layer sees flat."""
    layers = [(r"(\w+)", "{1}"), (r"(\w+)/(\w+)", "{1}.{2}")]
    return Rules(layers, flattened={name: (side, side) for name, side in flattened.items()})


def _side(shape: Shape) -> int:
    if len(shape) != 4 or shape[1] != shape[2]:
        raise UsageError(f"compare: the torch twins take square images, got {shape[1:3]}")
    return shape[1]


def _pooled_side(model: DeepConvNet, shape: Shape) -> int:
    """The side of what its last convolution's pool gives."""
    return _side(shape) // 2 ** sum(i <= len(model.filters) for i in set(model.pools))


def _only(model: Any, **options: Any) -> None:
    """Raises UsageError where a field of `model` has another value than its twin."""
    for name, value in options.items():
        have = getattr(model, name)
        if have == norm_layer("batch_sync"):  # on one device it is that of its own rows
            have = BatchNorm
        if have != value:
            raise UsageError(
                f"compare: the torch twin of {type(model).__name__} has {name} = {value!r}, "
                f"not {have!r}"
            )

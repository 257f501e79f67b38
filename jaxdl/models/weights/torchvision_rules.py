"""What torchvision calls the parameters of our models."""

from collections.abc import Callable
from typing import Any

from jaxdl.models.convnets.alexnet import AlexNet
from jaxdl.models.convnets.convnext import ConvNeXt
from jaxdl.models.convnets.densenet import DenseNet
from jaxdl.models.convnets.googlenet import GoogLeNet
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.convnets.squeezenet import SqueezeNet
from jaxdl.models.convnets.vgg import VGG
from jaxdl.models.mobile.mobilenet import MobileNetV2, scaled
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.models.transformers.swin import Swin, relative_positions
from jaxdl.models.transformers.vit import ViT
from jaxdl.models.weights.weight_rules import Pattern, Rules


def alexnet_rules(model: AlexNet) -> Rules:
    """features.0, 3, 6, ... and classifier.1, 4, 6."""
    convolutions = zip((1, 2, 3, 4, 5), (0, 3, 6, 8, 10), strict=True)
    linear = zip((6, 7, 8), (1, 4, 6), strict=True)
    return Rules(
        modules=[(f"conv{i}", f"features.{at}") for i, at in convolutions]
        + [(f"fc{i}", f"classifier.{at}") for i, at in linear],
        flattened={"fc6": (6, 6)},
        head="fc8",
    )


def vgg_rules(model: VGG) -> Rules:
    """Everything in `features` is numbered in the order of the calls, activations and pools too."""
    modules, at = [], 0
    for stage, count in enumerate(model.blocks, 1):
        for i in range(1, count + 1):
            modules.append((f"conv{stage}_{i}", f"features.{at}"))
            if model.batch_norm:
                modules.append((f"norm{stage}_{i}", f"features.{at + 1}"))
            at += 3 if model.batch_norm else 2
        at += 1
    linear = zip((6, 7, 8), (0, 3, 6), strict=True)
    modules += [(f"fc{i}", f"classifier.{at}") for i, at in linear]
    return Rules(modules, flattened={"fc6": (7, 7)}, head="fc8")


def googlenet_rules(model: GoogLeNet) -> Rules:
    """Branches 1 to 4, each a unit or a list of two."""
    units: list[Pattern] = [
        (r"(conv\d)", "{1}"),
        (r"(inception..)/one", "{1}.branch1"),
        (r"(inception..)/three([12])", "{1}.branch2.{2-1}"),
        (r"(inception..)/five([12])", "{1}.branch3.{2-1}"),
        (r"(inception..)/pool2", "{1}.branch4.1"),
        (r"(aux\d)/conv", "{1}.conv"),
    ]
    modules = [(f"{ours}/conv", f"{theirs}.conv") for ours, theirs in units]
    modules += [(f"{ours}/norm", f"{theirs}.bn") for ours, theirs in units]
    modules += [(r"(aux\d)/(fc\d)", "{1}.{2}"), ("head", "fc")]
    return Rules(modules, flattened={"aux1/fc1": (4, 4), "aux2/fc1": (4, 4)})


def resnet_rules(model: ResNet) -> Rules:
    """ResNet, ResNeXt and wide ResNet."""
    block, theirs = r"stage(\d)_block(\d+)", "layer{1}.{2-1}"
    return Rules(
        [
            ("conv1", "conv1"),
            ("norm1", "bn1"),
            (f"{block}/conv(\\d)", f"{theirs}.conv{{3}}"),
            (f"{block}/norm(\\d)", f"{theirs}.bn{{3}}"),
            (f"{block}/proj", f"{theirs}.downsample.0"),
            (f"{block}/proj_norm", f"{theirs}.downsample.1"),
            ("head", "fc"),
        ]
    )


def densenet_rules(model: DenseNet) -> Rules:
    """Old files write norm.1 for norm1."""
    layer = "features.denseblock{1}.denselayer{2}"
    return Rules(
        [
            ("conv1", "features.conv0"),
            ("norm1", "features.norm0"),
            (r"stage(\d)_layer(\d+)/(conv|norm)(\d)", layer + ".{3}{4}"),
            (r"transition(\d)_(conv|norm)", "features.transition{1}.{2}"),
            ("norm", "features.norm5"),
            ("head", "classifier"),
        ],
        renamed=[(r"(.*denselayer\d+\.(?:norm|conv))\.(\d\..*)", "{1}{2}")],
    )


def squeezenet_rules(model: SqueezeNet) -> Rules:
    """The first convolution and its ReLU, then fire modules and pools, numbered in their order."""
    modules, at = [("conv1", "features.0"), ("head", "classifier.1")], 2
    parts = [("squeeze", "squeeze"), ("expand1", "expand1x1"), ("expand3", "expand3x3")]
    for i in range(2, len(model.squeeze) + 2):
        at += i - 1 in model.pools
        modules += [(f"fire{i}/{ours}", f"features.{at}.{theirs}") for ours, theirs in parts]
        at += 1
    return Rules(modules)


def mobilenet_v2_rules(model: MobileNetV2) -> Rules:
    """Blocks are numbered through all stages, their parts by what stands before them."""
    modules = [("stem/conv", "features.0.0"), ("stem/norm", "features.0.1")]
    at = 1
    for stage, (repeats, expansion) in enumerate(
        zip(model.repeats, model.expansions, strict=True), 1
    ):
        for i in range(1, repeats + 1):
            ours, theirs = f"stage{stage}_block{i}", f"features.{at}.conv"
            parts = ["depthwise"] if expansion == 1 else ["expand", "depthwise"]
            for k, part in enumerate(parts):
                modules.append((f"{ours}/{part}/conv", f"{theirs}.{k}.0"))
                modules.append((f"{ours}/{part}/norm", f"{theirs}.{k}.1"))
            modules.append((f"{ours}/project/conv", f"{theirs}.{len(parts)}"))
            modules.append((f"{ours}/project/norm", f"{theirs}.{len(parts) + 1}"))
            at += 1
    modules += [("last/conv", f"features.{at}.0"), ("last/norm", f"features.{at}.1")]
    return Rules([*modules, ("head", "classifier.1")])


def mobilenet_v3_rules(model: MobileNetV3) -> Rules:
    """Parts of a block are numbered by what stands before them."""
    modules = [("stem/conv", "features.0.0"), ("stem/norm", "features.0.1")]
    features = [scaled(f * model.width) for f in (model.stem, *model.features)]
    for i, inner in enumerate(model.inner, 1):
        expand = ["expand"] * (scaled(inner * model.width) != features[i - 1])
        excite = ["excite"] * (i in model.excited)
        for k, part in enumerate([*expand, "depthwise", *excite, "project"]):
            ours, theirs = f"block{i}/{part}", f"features.{i}.block.{k}"
            if part == "excite":
                modules += [(f"{ours}/{fc}", f"{theirs}.{fc}") for fc in ("fc1", "fc2")]
            else:
                modules += [(f"{ours}/conv", f"{theirs}.0"), (f"{ours}/norm", f"{theirs}.1")]
    last = f"features.{len(model.inner) + 1}"
    modules += [("last/conv", f"{last}.0"), ("last/norm", f"{last}.1")]
    return Rules([*modules, ("hidden", "classifier.0"), ("head", "classifier.3")])


def convnext_rules(model: ConvNeXt) -> Rules:
    """Stem, stages and what is between them are numbered in the order of the calls."""
    modules: list[Pattern] = [
        ("stem", "features.0.0"),
        ("stem_norm", "features.0.1"),
        ("norm", "classifier.0"),
        ("head", "classifier.2"),
    ]
    leaves: list[Pattern] = []
    parts = (("conv", 0), ("norm", 2), ("fc1", 3), ("fc2", 5))
    for stage in range(1, len(model.blocks) + 1):
        at, block = 2 * stage - 1, rf"stage{stage}_block(\d+)"
        modules += [(f"{block}/{part}", f"features.{at}.{{1-1}}.block.{n}") for part, n in parts]
        leaves.append((f"{block}/layer_scale", f"features.{at}.{{1-1}}.layer_scale"))
        down = f"features.{at - 1}"
        modules += [(f"down{stage}_norm", f"{down}.0"), (f"down{stage}", f"{down}.1")]
    return Rules(modules, leaves, ones={"layer_scale": (1, 2)})


def swin_rules(model: Swin) -> Rules:
    """As ConvNeXt's; each block keeps the numbers of its offsets beside the table of biases."""
    modules: list[Pattern] = [
        ("patches", "features.0.0"),
        ("patches_norm", "features.0.2"),
        ("norm", "norm"),
        ("head", "head"),
    ]
    leaves, constants = [], {}
    parts = {"norm1": "norm1", "norm2": "norm2", "fc1": "mlp.0", "fc2": "mlp.3"}
    parts |= {"attention/qkv": "attn.qkv", "attention/out": "attn.proj"}
    for stage, depth in enumerate(model.depths, 1):
        at, block = 2 * stage - 1, rf"stage{stage}_block(\d+)"
        there = f"features.{at}.{{1-1}}"
        modules += [(f"{block}/{ours}", f"{there}.{theirs}") for ours, theirs in parts.items()]
        table = f"{there}.attn.relative_position_bias_table"
        leaves.append((f"{block}/attention/bias_table", table))
        modules.append((rf"merge{stage}/(norm|reduction)", f"features.{at - 1}.{{1}}"))
        for i in range(depth):
            name = f"features.{at}.{i}.attn.relative_position_index"
            constants[name] = relative_positions(model.window)
    return Rules(modules, leaves, ones={"bias_table": ()}, constants=constants)


def vit_rules(model: ViT) -> Rules:
    """Queries, keys and values share one matrix, as ours do; old files number the MLP otherwise."""
    layer = "encoder.layers.encoder_layer_{1-1}"
    return Rules(
        modules=[
            ("patches", "conv_proj"),
            (r"block(\d+)/norm(\d)", layer + ".ln_{2}"),
            (r"block(\d+)/attention/out", layer + ".self_attention.out_proj"),
            (r"block(\d+)/fc1", layer + ".mlp.0"),
            (r"block(\d+)/fc2", layer + ".mlp.3"),
            ("norm", "encoder.ln"),
            ("head", "heads.head"),
        ],
        leaves=[
            ("token", "class_token"),
            ("positions", "encoder.pos_embedding"),
            (r"block(\d+)/attention/qkv/kernel", layer + ".self_attention.in_proj_weight"),
            (r"block(\d+)/attention/qkv/bias", layer + ".self_attention.in_proj_bias"),
        ],
        renamed=[
            (r"(.*\.mlp)\.linear_1\.(.*)", "{1}.0.{2}"),
            (r"(.*\.mlp)\.linear_2\.(.*)", "{1}.3.{2}"),
        ],
    )


TORCHVISION: dict[type, Callable[[Any], Rules]] = {
    AlexNet: alexnet_rules,
    VGG: vgg_rules,
    GoogLeNet: googlenet_rules,
    ResNet: resnet_rules,
    DenseNet: densenet_rules,
    SqueezeNet: squeezenet_rules,
    MobileNetV2: mobilenet_v2_rules,
    MobileNetV3: mobilenet_v3_rules,
    ConvNeXt: convnext_rules,
    Swin: swin_rules,
    ViT: vit_rules,
}

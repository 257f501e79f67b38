"""EfficientNet-Lite against the same network in torch, under the names of its package."""

import pytest

from jaxdl.models.mobile.efficientnet_lite import EfficientNetLite
from jaxdl.models.registry import create_model
from jaxdl.models.weights.rule_sets import rules_for
from jaxdl.models.weights.weight_rules import places, to_torch
from tests.models.weights.twins import (
    CLASSES,
    arrays_of,
    check_gradients,
    check_logits,
    load,
    randomize,
    shapes_of,
)

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
SOURCE = "efficientnet_lite_pytorch"
# kernel, stride, expansion, features, repeats
TABLE = ((3, 1, 1, 8, 1), (5, 2, 2, 16, 2))


class SameConv(nn.Conv2d):
    """TensorFlow's SAME: ceil(H / stride) rows, half of the zeros before, the odd one after."""

    def forward(self, x):
        for axis, size in ((3, x.shape[3]), (2, x.shape[2])):
            stride, kernel = self.stride[0], self.kernel_size[0]
            zeros = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pair = [zeros // 2, zeros - zeros // 2]
            x = F.pad(x, pair if axis == 3 else [0, 0, *pair])
        return F.conv2d(x, self.weight, None, self.stride, 0, 1, self.groups)


class Block(nn.Module):
    def __init__(self, inputs, kernel, stride, expansion, features):
        super().__init__()
        inner = inputs * expansion
        if expansion != 1:
            self._expand_conv = SameConv(inputs, inner, 1, bias=False)
            self._bn0 = norm(inner)
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = norm(inner)
        self._project_conv = SameConv(inner, features, 1, bias=False)
        self._bn2 = norm(features)

    def forward(self, x):
        y = x
        if hasattr(self, "_expand_conv"):
            y = F.relu6(self._bn0(self._expand_conv(y)))
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if x.shape == y.shape else y


class Lite(nn.Module):
    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 6, 3, 2, bias=False), norm(6)
        self._blocks, channels = nn.ModuleList(), 6
        for kernel, stride, expansion, features, repeats in TABLE:
            for i in range(repeats):
                step = stride if i == 0 else 1
                self._blocks.append(Block(channels, kernel, step, expansion, features))
                channels = features
        self._conv_head, self._bn1 = SameConv(channels, 10, 1, bias=False), norm(10)
        self._fc = nn.Linear(10, CLASSES)

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean((2, 3)))


def norm(features):
    return nn.BatchNorm2d(features, eps=1e-3, momentum=0.01)


def pair():
    kernels, strides, expansions, features, repeats = zip(*TABLE, strict=True)
    model = EfficientNetLite(
        CLASSES,
        kernels,
        expansions,
        features,
        repeats,
        strides,
        stem=6,
        last=10,
        dropout=0.0,
        drop_path=0.0,
    )
    return model, randomize(Lite())


def test_logits_and_gradients_are_torchs():
    model, twin = pair()
    check_logits(model, twin, 32, source=SOURCE)
    check_logits(model, twin, 35, source=SOURCE)
    check_gradients(model, twin, 35, train=True, source=SOURCE)
    check_gradients(model, twin, 32, train=False, source=SOURCE)


def test_back_to_torch_loads_strictly():
    model, twin = pair()
    state = to_torch(rules_for(model, SOURCE), load(model, twin, 32, SOURCE))
    assert state.keys() == arrays_of(twin).keys()
    twin.load_state_dict({name: torch.tensor(value) for name, value in state.items()})


# Parameters and blocks, as counted in the package of these names.
SIZES = {0: (4652008, 16), 1: (5416680, 21), 2: (6092072, 21), 3: (8197096, 24), 4: (13006568, 30)}


@pytest.mark.parametrize("version", SIZES)
def test_sizes_are_those_of_the_package(version):
    model = create_model(f"efficientnet_lite{version}", 1000)
    found = places(rules_for(model, SOURCE), {"params": shapes_of(model, 224)["params"]})
    count = sum(torch.Size(place.shape).numel() for place in found)
    blocks = {place.theirs.split(".")[1] for place in found if place.theirs.startswith("_blocks")}
    assert (count, len(blocks)) == SIZES[version]

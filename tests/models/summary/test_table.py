"""The table of a model against parameters and fields counted by hand."""

import flax.linen as nn
import jax.numpy as jnp
import pytest

from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import AvgPool
from jaxdl.models.convnets.alexnet import AlexNet
from jaxdl.models.convnets.vgg import VGG, VGG19
from jaxdl.models.small.lenet import LeNet
from jaxdl.models.summary.table import draw_costs, summarize, table, total


def by_path(model, shape, **options):
    return {row.path: row for row in summarize(model, shape, **options)}


def test_lenet_is_the_count_by_hand():
    rows = summarize(LeNet(10), (28, 28, 1))
    assert [row[:1] + row[2:] for row in rows] == [
        ("conv1", (28, 28, 20), 25 * 20 + 20, 28 * 28 * 20 * 25, 28 * 28 * 20 * 4, (5, 5)),
        ("pool1", (14, 14, 20), 0, 0, 14 * 14 * 20 * 4, (6, 6)),
        ("conv2", (14, 14, 50), 25 * 20 * 50 + 50, 14 * 14 * 50 * 25 * 20, 39200, (14, 14)),
        ("pool2", (7, 7, 50), 0, 0, 7 * 7 * 50 * 4, (16, 16)),
        ("fc1", (500,), 2450 * 500 + 500, 2450 * 500, 2000, (28, 28)),
        ("fc2", (10,), 5010, 5000, 40, (28, 28)),
    ]
    whole = total(rows)
    assert whole.parameters == 520 + 25050 + 1225500 + 5010
    assert whole.multiply_adds == 392000 + 4900000 + 1225000 + 5000
    assert whole.activation_bytes == 62720 + 15680 + 39200 + 9800 + 2000 + 40
    text = table(rows).splitlines()
    assert text[0].split()[0] == "layer"
    assert text[-1].split()[:4] == ["total", "10", "1,256,080", "6,522,000"]


def test_alexnet_is_the_published_table():
    rows = by_path(AlexNet(1000), (227, 227, 3))
    table_ = {  # channels first as printed: shape, KB, thousand parameters, million multiply-adds
        "conv1": ((64, 56, 56), 784, 23, 73),
        "pool1": ((64, 27, 27), 182, 0, 0),
        "conv2": ((192, 27, 27), 547, 307, 224),
        "pool2": ((192, 13, 13), 127, 0, 0),
        "conv3": ((384, 13, 13), 254, 664, 112),
        "conv4": ((256, 13, 13), 169, 885, 150),
        "conv5": ((256, 13, 13), 169, 590, 100),
        "pool5": ((256, 6, 6), 36, 0, 0),
        "fc6": ((4096,), 16, 37753, 38),
        "fc7": ((4096,), 16, 16781, 17),
        "fc8": ((1000,), 4, 4097, 4),
    }
    assert list(rows) == list(table_)
    for name, (shape, kilobytes, thousands, millions) in table_.items():
        row = rows[name]
        assert row.shape == (*shape[1:], shape[0])[-len(shape) :]
        assert round(row.activation_bytes / 1024) == kilobytes
        assert round(row.parameters / 1e3) == thousands
        assert round(row.multiply_adds / 1e6) == millions
    assert rows["conv1"].multiply_adds == 72_855_552
    assert rows["conv1"].receptive_field == (11, 11)
    assert rows["pool5"].receptive_field == (195, 195)  # 11, 19, 51, 67, 99, 131, 163, 195


@pytest.mark.parametrize(("most", "bars"), [(48, 6), (3, 3)])
def test_the_picture_has_the_tables_numbers(most, bars):
    rows = [
        row._replace(path=f"part{i // 2}/{row.path}")
        for i, row in enumerate(summarize(LeNet(10), (28, 28, 1)))
    ]
    figure = draw_costs(rows, most=most)
    heights = [[bar.get_height() for bar in axis.patches] for axis in figure.axes]
    assert [len(panel) for panel in heights] == [bars] * 3
    assert sum(heights[0]) == pytest.approx(sum(row.activation_bytes for row in rows) / 2**20)
    assert sum(heights[1]) == pytest.approx(sum(row.parameters for row in rows) / 1e3)
    assert sum(heights[2]) == pytest.approx(sum(row.multiply_adds for row in rows) / 1e6)
    first = rows[0].parameters + (rows[1].parameters if bars == 3 else 0)
    assert heights[1][0] == first / 1e3


class Stack(nn.Module):
    depth: int
    kernel: int
    dilation: int = 1

    @nn.compact
    def __call__(self, x):
        for i in range(self.depth):
            x = Conv(2, self.kernel, dilation=self.dilation, name=f"conv{i}")(x)
        return x


@pytest.mark.parametrize(("depth", "kernel"), [(1, 5), (4, 3), (3, 1)])
def test_field_of_equal_layers_is_1_plus_l_times_k_minus_1(depth, kernel):
    rows = summarize(Stack(depth, kernel), (30, 31, 3))
    assert rows[-1].receptive_field == (1 + depth * (kernel - 1),) * 2
    dilated = summarize(Stack(depth, kernel, dilation=3), (30, 31, 3))
    assert dilated[-1].receptive_field == (1 + depth * 3 * (kernel - 1),) * 2


class Branches(nn.Module):
    """Stride 2, then a residual block whose branches see 1 and 3 + 2 of the halved pixels."""

    head: bool = False

    @nn.compact
    def __call__(self, x, *, train):
        x = Conv(4, 3, 2, padding=1, name="stem")(x)
        y = Conv(4, 3, padding=1, name="conv1")(x)
        y = nn.relu(BatchNorm(train=train, name="norm1")(y))
        y = Conv(4, (3, 1), padding=(1, 0), name="conv2")(y)
        x = nn.relu(x + y)
        x = nn.Dropout(0.5, deterministic=not train, name="drop")(x)
        x = jnp.concatenate([x, AvgPool(3, 1, 1, name="avg")(x)], axis=-1)
        x = Conv(3, 1, name="mix")(x)
        return nn.Dense(2, name="head")(x.mean((1, 2))) if self.head else x


def test_branches_take_the_largest_field():
    rows = by_path(Branches(), (16, 16, 3))
    assert {name: row.receptive_field for name, row in rows.items()} == {
        "stem": (3, 3),
        "conv1": (7, 7),
        "norm1": (7, 7),
        "conv2": (11, 7),
        "avg": (15, 11),
        "mix": (15, 11),
    }
    assert rows["norm1"].parameters == 8  # running statistics are not trained
    assert by_path(Branches(head=True), (16, 16, 3))["head"].receptive_field == (16, 16)


class Kinds(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = Conv(8, 3, padding=1, groups=4, name="depthwise")(x)
        x = Conv(6, 3, padding=1, groups=2, stride=2, name="grouped")(x)
        x = nn.ConvTranspose(5, (4, 4), strides=(2, 2), name="up")(x)
        x = x.reshape(x.shape[0], -1, 5)
        return nn.MultiHeadDotProductAttention(2, qkv_features=6, name="attention")(x, x)


def test_groups_transposes_and_products_of_activations_are_counted():
    rows = by_path(Kinds(), (8, 8, 4))
    assert rows["depthwise"].multiply_adds == 8 * 8 * 8 * 9
    assert rows["grouped"].multiply_adds == 4 * 4 * 6 * 9 * 8 // 2
    assert rows["up"].multiply_adds == 4 * 4 * 6 * 16 * 5  # each input meets the whole kernel
    assert rows["attention/query"].multiply_adds == 64 * 5 * 6
    assert rows["attention"].multiply_adds == 2 * 64 * 64 * 6  # scores, then the weighted sum
    assert rows["attention"].receptive_field == (8, 8)


class Unrolled(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.RNN(nn.SimpleCell(3, name="cell"), name="rnn")(x)


def test_a_loop_counts_every_turn():
    rows = summarize(Unrolled(), (7, 5))
    assert total(rows).multiply_adds == 7 * (5 * 3 + 3 * 3)
    assert total(rows).parameters == 5 * 3 + 3 + 3 * 3


def test_token_models_and_sizes_that_no_memory_would_hold():
    rows = summarize(nn.Embed(10, 4, name="embed"), (7,), dtype=jnp.int32)
    assert (rows[0].shape, rows[0].parameters) == ((7, 4), 40)
    rows = summarize(Stack(1, 3), (2**20, 2**20, 3))
    assert rows[0].activation_bytes > 2**42


def test_vggs_rules_memory_halves_and_operations_stay():
    """Of the convolutions that end the stages: a pool quarters the map, twice the channels halve
    its memory, and quadruple the weights of the next, which so has as many multiply-adds."""
    rows = by_path(VGG19(10, hidden=8), (224, 224, 3))
    ends = [rows[f"conv{stage}_2"] for stage in (1, 2, 3, 4)]
    assert [row.activation_bytes for row in ends] == [224**2 * 64 * 4 >> i for i in range(4)]
    assert {row.multiply_adds for row in ends} == {224**2 * 64 * 64 * 9}
    assert [row.parameters for row in ends] == [64 * 64 * 9 * 4**i + 64 * 2**i for i in range(4)]
    assert rows["conv1_2"].receptive_field == (5, 5)  # of two 3x3, with 18 weights for 25


@pytest.mark.parametrize(("count", "kernel"), [(2, 5), (3, 7)])
def test_a_stack_of_3x3_sees_what_a_larger_kernel_sees(count, kernel):
    layers = summarize(VGG(10, blocks=(count,), filters=(8,), hidden=8), (32, 32, 8))
    rows = [row for row in layers if row.path.startswith("conv")]
    assert len(rows) == count
    assert rows[-1].receptive_field == (kernel, kernel)
    assert sum(row.parameters for row in rows) == count * (9 * 8 * 8 + 8)
    (wide,) = summarize(Conv(8, kernel, padding=kernel // 2), (32, 32, 8))
    assert wide.parameters == kernel**2 * 8 * 8 + 8

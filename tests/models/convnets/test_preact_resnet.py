"""Pre-activation residual nets, written a second time in torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.convnets.preact_resnet import PreActResNet
from jaxdl.models.registry import create_model
from jaxdl.models.stages import stage_shapes
from tests.models.torch_layers import check


def twin(blocks, residual):
    """He et al. 2016, fig. 1b and the code that they published, in torch."""

    def forward(t, x):
        x = t.conv(x, "stem", padding=1)
        for stage, count in enumerate(blocks, 1):
            for i in range(1, count + 1):
                name = f"stage{stage}_block{i}"
                stride = 2 if stage > 1 and i == 1 else 1
                first = t.norm(x, f"{name}/norm1").relu()
                y = t.conv(first, f"{name}/conv1", stride=stride, padding=1)
                y = t.conv(t.norm(y, f"{name}/norm2").relu(), f"{name}/conv2", padding=1)
                if residual and y.shape != x.shape:
                    x = t.conv(first, f"{name}/proj", stride=stride)
                x = x + y if residual else y
        return t.dense(t.norm(x, "norm").relu().mean((2, 3)), "head")

    return forward


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("train", [True, False])
def test_logits_and_running_statistics_are_torchs(residual, train):
    pytest.importorskip("torch")
    model = PreActResNet(5, blocks=(1, 2), width=4, residual=residual)
    check(model, twin((1, 2), residual), (9, 8, 3), train=train)


@pytest.mark.parametrize(
    ("name", "layers", "convolutions"), [("preact_resnet20", 20, 21), ("preact_plain56", 56, 55)]
)
def test_depth_and_width(name, layers, convolutions):
    """6n + 2 layers, of which one is linear; two 1x1 shortcuts where there are shortcuts."""
    model = create_model(name, 10)
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)), train=False)
    )
    kernels = [leaf for leaf in jax.tree.leaves(shapes["params"]) if leaf.ndim == 4]
    assert len(kernels) == convolutions == layers - 1 + 2 * model.residual
    assert stage_shapes(model, (32, 32, 3)) == {
        "stem": (32, 32, 16),
        "stage1": (32, 32, 16),
        "stage2": (16, 16, 32),
        "stage3": (8, 8, 64),
        "pooled": (64,),
        "logits": (10,),
    }


def test_wrong_rank():
    model = PreActResNet(3, blocks=(1,), width=4)
    with pytest.raises(ValueError, match=r"PreActResNet: x must have 4 axes, got shape \(8, 8\)"):
        model.init(jax.random.key(0), np.zeros((8, 8)), train=False)


@pytest.mark.parametrize(("zero_last", "drop_path"), [(True, 0.0), (False, 0.0), (False, 1.0)])
def test_branches_can_start_at_zero_or_be_left_out(zero_last, drop_path):
    """With a zero branch a block is its shortcut: stage 1 passes the stem on."""
    model = PreActResNet(3, (1,), 4, zero_last=zero_last, drop_path=drop_path)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 6, 1)), jnp.float32)
    variables = model.init(jax.random.key(0), x, train=False)
    kept = {"dropout": jax.random.key(0)}
    for train in (False, True):
        out, _ = model.apply(
            variables, x, train=train, stages=True, rngs=kept, mutable=["batch_stats"]
        )
        same = np.allclose(out["stage1"], out["stem"])
        assert same == (zero_last or (train and drop_path == 1))

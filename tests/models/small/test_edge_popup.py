"""Edge-popup against PyTorch's autograd with the paper's rule, and a sort for the threshold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.registry import create_model
from jaxdl.models.small.edge_popup import top_share


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_the_largest_share_is_there(share):
    scores = np.random.default_rng(0).uniform(size=(7, 11)).astype(np.float32)
    count = max(1, round(share * scores.size))
    want = scores >= np.sort(scores, axis=None)[-count]
    np.testing.assert_array_equal(top_share(jnp.asarray(scores), share), want)


@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_output_and_gradients_of_the_scores_are_those_of_the_papers_rule(keep):
    torch = pytest.importorskip("torch")

    class GetSubnet(torch.autograd.Function):
        """As published: forward the mask of the top k, backward the identity."""

        @staticmethod
        def forward(ctx, scores):
            out = torch.zeros(scores.numel())
            out[scores.flatten().argsort(descending=True)[: round(keep * scores.numel())]] = 1
            return out.reshape(scores.shape)

        @staticmethod
        def backward(ctx, grad):
            return grad

    model = create_model("edge_popup_mlp", 3, hidden=(6,), keep=keep)
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    variables = model.init(jax.random.key(0), x, train=False)
    assert set(variables) == {"params", "fixed"}
    size = variables["fixed"]["dense1"]["kernel"]
    np.testing.assert_allclose(np.abs(size), np.sqrt(2 / (keep * 8)), rtol=1e-6)

    def loss(params):
        return jnp.sum(model.apply({**variables, "params": params}, x, train=True) ** 2)

    got, slopes = jax.value_and_grad(loss)(variables["params"])
    y, scores = torch.tensor(x), {}
    for name in ("dense1", "head"):
        drawn = np.array(variables["params"][name]["scores"])
        scores[name] = torch.tensor(drawn, requires_grad=True)
        kernel = torch.tensor(np.array(variables["fixed"][name]["kernel"]))
        y = y @ (kernel * GetSubnet.apply(scores[name].abs()))
        y = torch.relu(y) if name == "dense1" else y
    want = (y**2).sum()
    want.backward()
    assert float(got) == pytest.approx(want.item(), rel=1e-5)
    for name, leaf in scores.items():
        np.testing.assert_allclose(slopes[name]["scores"], leaf.grad.numpy(), rtol=1e-4, atol=1e-5)

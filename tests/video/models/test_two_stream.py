"""Two streams: PyTorch's layers, and that each stream learns as if it were alone."""

import numpy as np
import pytest

from jaxdl.video.models.two_stream import TwoStream
from tests.models.weights.twins import quick_jit
from tests.video.models import torch_layers as th
from tests.video.models.random_variables import clips, random_variables


def test_predictions_of_torchs_streams_are_averaged():
    torch = pytest.importorskip("torch")
    model = TwoStream(3, features=(4, 5), pools=(2, 1))
    x = clips(2, 4, 6, 6, 5)
    variables = random_variables(model, x.shape)
    params, stats = variables["params"], variables["batch_stats"]
    given = {
        "spatial": x[:, 2, :, :, :3],
        "temporal": np.concatenate([x[:, t, :, :, 3:] for t in range(3)], axis=-1),
    }
    views = []
    for name, y in given.items():
        y = th.stack(th.channels_first(y), params[name], stats[name], (2, 1)).mean((2, 3))
        views.append(th.dense(y, params[f"{name}_head"]))
    both = quick_jit(
        lambda v, x: (
            model.apply(v, x, train=False),
            model.apply(v, x, train=True, mutable=["batch_stats"])[0],
        )
    )
    logits, separate = both(variables, x)
    want = torch.stack([torch.softmax(view, -1) for view in views]).mean(0)
    np.testing.assert_allclose(np.exp(logits), want, atol=1e-5)
    assert separate.shape == (2, 2, 3)


def test_it_says_what_it_takes():
    with pytest.raises(ValueError, match=r"two of flow, got \(1, 3, 4, 4, 3\)"):
        TwoStream(3).init({}, clips(1, 3, 4, 4, 3), train=False)

"""Recurrence over frames against PyTorch's convolutions and LSTM."""

import numpy as np
import pytest

from jaxdl.interop.torch_rnn import recurrent_to_torch
from jaxdl.video.models.recurrent import CNNLSTM, ConvRecurrent, RecurrentConvNet
from tests.models.weights.twins import quick_jit
from tests.video.models import torch_layers as th
from tests.video.models.random_variables import clips, random_variables


def states_by_torch(params, x, cell):
    """States `(B, F, H, W)` of each frame."""
    import torch

    width = params["kernel"].shape[2]
    h = torch.zeros(len(x), width, *x.shape[2:4])
    states = []
    for t in range(x.shape[1]):
        z = th.conv(th.channels_first(x[:, t]), params["input"], padding=1)

        def back(state, gates, params=params):
            return th.conv(state, {"kernel": params["kernel"][..., gates]}, padding=1)

        if cell == "rnn":
            h = torch.tanh(z + back(h, slice(None)))
        else:
            u = torch.sigmoid(z[:, :width] + back(h, slice(0, width)))
            r = torch.sigmoid(z[:, width : 2 * width] + back(h, slice(width, 2 * width)))
            n = torch.tanh(z[:, 2 * width :] + back(r * h, slice(2 * width, None)))
            h = (1 - u) * h + u * n
        states.append(h)
    return states


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_two_layers_are_those_of_torchs_convolutions(cell):
    torch = pytest.importorskip("torch")
    x = clips(2, 3, 6, 4, 3)
    model = RecurrentConvNet(5, features=(2, 3), pools=(2, 1), cell=cell)
    variables = random_variables(model, x.shape)
    params = variables["params"]
    first = torch.stack(states_by_torch(params["layer1"], x, cell), 2)
    below = torch.nn.functional.max_pool3d(first, (1, 2, 2)).permute(0, 2, 3, 4, 1).numpy()
    state = states_by_torch(params["layer2"], below, cell)[-1]
    want = th.dense(state.mean((2, 3)), params["head"])
    got = quick_jit(lambda v, x: model.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("window", [1, 2])
def test_a_cnn_and_an_lstm_are_torchs(window):
    torch = pytest.importorskip("torch")
    x = clips(2, 2 + window, 4, 4, 3)
    model = CNNLSTM(5, features=(3, 4), pools=(2, 1), hidden=6, layers=2, window=window)
    variables = random_variables(model, x.shape)
    params, stats = variables["params"], variables["batch_stats"]["stack"]
    seen = x if window == 1 else np.concatenate([x[:, :-1], x[:, 1:]], axis=-1)
    images = th.channels_first(seen.reshape(6, 4, 4, -1))
    y = th.stack(images, params["stack"], stats, (2, 1)).permute(0, 2, 3, 1)
    y = torch.relu(th.dense(y.reshape(2, 3, -1), params["frame"]))
    lstm = torch.nn.LSTM(6, 6, 2, batch_first=True)
    lstm.load_state_dict(
        {k: torch.tensor(v) for k, v in recurrent_to_torch(params["lstm"], cell="lstm").items()}
    )
    want = th.dense(lstm(y)[0][:, -1], params["head"]).detach()
    got = quick_jit(lambda v, x: model.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="'lstm'"):
        ConvRecurrent(2, "lstm").init({}, clips(1, 2, 3, 3, 1))
    with pytest.raises(ValueError, match="window must be 1 to 3.*got 4"):
        CNNLSTM(2, window=4).init({}, clips(1, 3, 4, 4, 1), train=False)
    with pytest.raises(ValueError, match=r"CNNLSTM: x .*5 axes"):
        CNNLSTM(2).init({}, clips(2, 3, 3, 1), train=False)

"""Recurrent cells and layers against torch's, and the LSTM's equations in loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import CheckpointError
from jaxdl.interop.torch_rnn import recurrent_from_torch, recurrent_to_torch
from jaxdl.layers.sequence.recurrent import GRUCell, LSTMCell, Recurrent, RNNCell

torch = pytest.importorskip("torch")
CLASSES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
B, T, D, H = 3, 5, 4, 6


def pair(cell, layers, both):
    torch.manual_seed(0)
    theirs = CLASSES[cell](D, H, layers, batch_first=True, bidirectional=both)
    state = {name: value.detach().numpy() for name, value in theirs.state_dict().items()}
    ours = Recurrent(H, cell, layers, both)
    return theirs, ours, recurrent_from_torch(state, cell=cell)


def inputs(seed=0):
    return np.random.default_rng(seed).normal(size=(B, T, D)).astype(np.float32)


def parts(state):
    """torch's final state as ours: h or (h, c), batch first."""
    state = state if isinstance(state, tuple) else (state,)
    return [part.detach().numpy().swapaxes(0, 1) for part in state]


@pytest.mark.parametrize("cell", CLASSES)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_layers_equal_torch(cell, layers, both):
    theirs, ours, params = pair(cell, layers, both)
    x, lengths = inputs(), np.array([5, 2, 4])
    kept = np.arange(T)[None] < lengths[:, None]

    def loss(params, x):
        y, last = ours.apply({"params": params}, x, kept=kept, train=True)
        total = jnp.sum(jnp.sin(y)) + sum(jnp.sum(part**2) for part in last)
        return total, (y, last)

    (_, (y, last)), (grads, dx) = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(params, x)
    tx = torch.tensor(x, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        tx, torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    packed_y, state = theirs(packed)
    want, _ = torch.nn.utils.rnn.pad_packed_sequence(packed_y, batch_first=True)
    np.testing.assert_allclose(y, want.detach().numpy(), atol=1e-5)
    for got, part in zip(last, parts(state), strict=True):
        np.testing.assert_allclose(got, part, atol=1e-5)
    finals = state if isinstance(state, tuple) else (state,)
    (torch.sin(want).sum() + sum((part**2).sum() for part in finals)).backward()
    np.testing.assert_allclose(dx, tx.grad.numpy(), atol=1e-4)
    wanted = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    got = recurrent_to_torch(jax.tree.map(np.asarray, grads), cell=cell)
    for name, value in wanted.items():
        if "bias_hh" not in name:  # its gradient is that of bias_ih, or of d
            np.testing.assert_allclose(got[name], value, atol=1e-4, err_msg=name)
        elif cell == "gru":
            np.testing.assert_allclose(got[name][2 * H :], value[2 * H :], atol=1e-4)


@pytest.mark.parametrize("cell", CLASSES)
def test_weights_go_to_torch_and_back(cell):
    theirs, ours, params = pair(cell, 1, False)
    x = inputs()
    back = recurrent_to_torch(params, cell=cell)
    theirs.load_state_dict({name: torch.tensor(value) for name, value in back.items()})
    y, _ = ours.apply({"params": params}, x, train=False)
    np.testing.assert_allclose(y, theirs(torch.tensor(x))[0].detach().numpy(), atol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, recurrent_from_torch(back, cell=cell), params)


@pytest.mark.parametrize(
    ("cell", "module"), [("rnn", RNNCell(H)), ("lstm", LSTMCell(H)), ("gru", GRUCell(H))]
)
def test_a_cell_step_by_step_is_the_layer(cell, module):
    _, ours, params = pair(cell, 1, False)
    x, state = inputs(), module.zero_state(B)
    want, last = ours.apply({"params": params}, x, train=False)
    for t in range(T):
        y, state = module.apply({"params": params["layer0"]}, x[:, t], state)
        np.testing.assert_allclose(y, want[:, t], atol=1e-6)
    np.testing.assert_allclose(state[0], last[0][:, 0], atol=1e-6)


def test_the_lstm_is_its_equations_in_float64_loops():
    rng = np.random.default_rng(1)
    wx, wh, b = rng.normal(size=(D, 4 * H)), rng.normal(size=(H, 4 * H)), rng.normal(size=4 * H)
    x, sigmoid = inputs(), lambda v: 1 / (1 + np.exp(-v))
    want = np.zeros((B, T, H))
    for n in range(B):
        h, c = np.zeros(H), np.zeros(H)
        for t in range(T):
            i, f, o, g = np.split(x[n, t] @ wx + h @ wh + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            want[n, t] = h
    params = jax.tree.map(jnp.float32, {"wx": wx, "wh": wh, "b": b})
    y, _ = LSTMCell(H).apply({"params": params}, x)
    np.testing.assert_allclose(y, want, atol=1e-5)


def test_the_notes_shapes_batch_1_length_3_input_4_hidden_2():
    x = jnp.ones((1, 3, 4))
    (y, state), variables = Recurrent(2, "rnn").init_with_output(jax.random.key(0), x, train=False)
    assert y.shape == (1, 3, 2)
    assert state[0].shape == (1, 1, 2)
    assert variables["params"]["layer0"]["wx"].shape == (4, 2)
    np.testing.assert_allclose(y[:, -1], state[0][:, 0])


def test_the_notes_cell_from_3_to_5_is_torchs():
    """Six steps of `RNNCell(3, 5)` on a batch of 2: a weight of 5 x 3, one of 5 x 5, two biases."""
    theirs = torch.nn.RNNCell(3, 5)
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)
    h, want = torch.zeros(2, 5), []
    for t in range(6):
        h = theirs(torch.tensor(x[:, t]), h)
        want.append(h.detach().numpy())
    state = {name: value.detach().numpy() for name, value in theirs.named_parameters()}
    params = {
        "wx": state["weight_ih"].T,
        "wh": state["weight_hh"].T,
        "b": state["bias_ih"] + state["bias_hh"],
    }
    assert {name: value.shape for name, value in params.items()} == {
        "wx": (3, 5),
        "wh": (5, 5),
        "b": (5,),
    }
    y, (last,) = RNNCell(5).apply({"params": params}, x, (jnp.zeros((2, 5)),))
    np.testing.assert_allclose(y, np.stack(want, 1), atol=1e-6)
    np.testing.assert_allclose(last, want[-1], atol=1e-6)


def test_a_state_carried_over_chunks_is_the_whole_sequence():
    _, ours, params = pair("lstm", 2, False)
    x = inputs()
    whole, last = ours.apply({"params": params}, x, train=False)
    first, state = ours.apply({"params": params}, x[:, :2], train=False)
    second, state = ours.apply({"params": params}, x[:, 2:], state, train=False)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state, last)


def test_dropout_acts_between_layers_in_training_only():
    _, _, params = pair("lstm", 2, False)
    dropping, x = Recurrent(H, "lstm", 2, dropout=0.5), inputs()
    run = lambda seed, train: dropping.apply(  # noqa: E731
        {"params": params}, x, train=train, rngs={"dropout": jax.random.key(seed)}
    )[0]
    assert not np.allclose(run(0, True), run(1, True))
    np.testing.assert_array_equal(run(0, False), run(1, False))


def test_errors_name_what_they_refuse():
    with pytest.raises(ValueError, match=r"kept must be \(B, T\) = \(3, 5\), got \(3, 4\)"):
        LSTMCell(H).init(jax.random.key(0), inputs(), kept=np.ones((3, 4), bool))
    with pytest.raises(ValueError, match="cell must be one of rnn, lstm, gru, got 'lstmm'"):
        Recurrent(H, "lstmm").init(jax.random.key(0), inputs(), train=False)
    _, _, params = pair("rnn", 1, False)
    state = recurrent_to_torch(params, cell="rnn")
    del state["bias_hh_l0"]
    with pytest.raises(CheckpointError, match="do not fit: bias_hh_l0"):
        recurrent_from_torch(state, cell="rnn")

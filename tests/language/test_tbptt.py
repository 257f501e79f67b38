"""Truncated backpropagation: the carried state is exact, and begins anew with each epoch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.data.splits.contiguous import contiguous
from jaxdl.data.splits.split import Split
from jaxdl.language.char_lm import CharacterModel
from jaxdl.language.tbptt import make_tbptt_step
from jaxdl.losses.sequence import sequence_cross_entropy
from jaxdl.training.state import TrainState

torch = pytest.importorskip("torch")
V, B, T = 5, 2, 3
TEXT = np.random.default_rng(0).integers(0, V, 40).astype(np.int32)


def windows():
    return np.stack([TEXT[i : i + T + 1] for i in range(0, 36, T)])  # (12, T + 1)


def test_streams_go_on_where_they_ended():
    split = contiguous(Split({"tokens": windows()}, batch_size=B))
    assert split.steps_per_epoch == 6
    rows = split.rows(0, 12)
    tokens = windows()[rows]  # (12, B, T + 1)
    for step in range(5):
        np.testing.assert_array_equal(tokens[step, :, -1], tokens[step + 1, :, 0])
    np.testing.assert_array_equal(rows[:6], rows[6:])  # every epoch alike
    assert sorted(rows[:6].ravel()) == list(range(12))


def test_carried_steps_are_torchs_with_a_detached_state():
    model = CharacterModel(V, 4, "lstm")
    theirs, head = torch.nn.LSTM(V, 4, batch_first=True), torch.nn.Linear(4, V)
    from jaxdl.interop.torch_rnn import recurrent_from_torch

    state = {name: value.detach().numpy() for name, value in theirs.state_dict().items()}
    params = {
        "recurrent": recurrent_from_torch(state, cell="lstm"),
        "head": {"kernel": head.weight.detach().numpy().T, "bias": head.bias.detach().numpy()},
    }
    params = jax.tree.map(lambda x: jnp.array(x, copy=True), params)
    split = contiguous(Split({"tokens": windows()}, batch_size=B))

    def loss_fn(params, carried, batch, key):
        logits, carried = model.apply(
            {"params": params}, batch["tokens"][:, :-1], carried, train=True
        )
        loss = sequence_cross_entropy(logits, batch["tokens"][:, 1:], ignore=None)
        return loss.mean(), (carried, {"loss": (loss.sum(), loss.size)})

    def as_it_is(keys, batch, train):
        return batch

    tx = optax.sgd(0.1)
    step = jax.jit(make_tbptt_step(loss_fn, tx, as_it_is, fresh_every=6, ema=0.5, axis_name=None))
    ours = TrainState(
        step=jnp.int32(0), params=params, opt_state=tx.init(params), key=jax.random.key(0),
        local=model.zero_state(B), ema=params,
    )  # fmt: skip
    parameters = [*theirs.parameters(), *head.parameters()]
    # Torch adds two biases, each with the same gradient; one must stand still to compare.
    moving = [p for n, p in theirs.named_parameters() if "bias_hh" not in n] + [*head.parameters()]
    optimizer = torch.optim.SGD(moving, 0.1)
    hidden = None
    for number in range(8):
        batch = split.batch(split.rows(number, number + 1)[0])
        before = ours
        ours, metrics = step(ours, batch)
        if number == 6:
            hidden = None
        tokens = torch.tensor(batch["tokens"]).long()
        y, hidden = theirs(torch.nn.functional.one_hot(tokens[:, :-1], V).float(), hidden)
        hidden = tuple(part.detach() for part in hidden)
        logits = head(y)
        loss = (
            torch.nn.functional.cross_entropy(
                logits.reshape(-1, V), tokens[:, 1:].reshape(-1), reduction="sum"
            )
            / B
        )
        for p in parameters:
            p.grad = None
        loss.backward()
        optimizer.step()
        np.testing.assert_allclose(metrics["loss"][0] / B, loss.item(), rtol=1e-4)
        for mine, part in zip(ours.local, hidden, strict=True):
            np.testing.assert_allclose(mine[:, 0], part[0].numpy(), atol=1e-5)
        mean = 0.5 * (before.ema["head"]["bias"] + ours.params["head"]["bias"])
        np.testing.assert_allclose(ours.ema["head"]["bias"], mean, atol=1e-6)


def test_evaluation_reads_every_window_once():
    from experiments.language.characters import as_streams

    ids, mask = as_streams(windows(), 5)
    assert ids.shape == (3, 5, T + 1)
    assert mask[..., 0].sum() == 12
    seen = np.concatenate([ids[:, s][mask[:, s, 0]] for s in range(5)])
    np.testing.assert_array_equal(seen, windows())

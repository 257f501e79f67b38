"""The loss of captions against torch, and what counts as right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.sequence import sequence_cross_entropy, token_counts
from jaxdl.metrics.sequence import exact_accuracy, token_accuracy

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 4, 5)).astype(np.float32)
TARGETS = np.array([[1, 2, 0, 0], [3, 4, 1, 2], [0, 0, 0, 0]])


@pytest.mark.parametrize("ignore", [0, 2, None])
def test_the_loss_of_captions_is_torchs(ignore):
    torch = pytest.importorskip("torch")
    logits = torch.tensor(LOGITS, requires_grad=True)
    want = torch.nn.functional.cross_entropy(
        logits.reshape(-1, 5),
        torch.tensor(TARGETS).reshape(-1),
        ignore_index=-100 if ignore is None else ignore,
        reduction="sum",
    ) / len(LOGITS)  # summed over time, averaged over the batch
    want.backward()
    loss = lambda x: jnp.mean(sequence_cross_entropy(x, jnp.array(TARGETS), ignore=ignore))  # noqa: E731
    got, grads = jax.value_and_grad(loss)(jnp.array(LOGITS))
    np.testing.assert_allclose(got, want.item(), rtol=1e-5)
    np.testing.assert_allclose(grads, logits.grad.numpy(), atol=1e-5)


def test_counts_and_shares_leave_padding_out():
    np.testing.assert_array_equal(token_counts(jnp.array(TARGETS)), [2, 4, 0])
    np.testing.assert_array_equal(token_counts(jnp.array(TARGETS), ignore=None), [4, 4, 4])
    logits = 5 * jax.nn.one_hot(jnp.array([[1, 2, 3, 3], [3, 4, 1, 1], [1, 1, 1, 1]]), 5)
    assert [float(x) for x in token_accuracy(logits, jnp.array(TARGETS))] == [5, 6]
    assert [float(x) for x in exact_accuracy(logits, jnp.array(TARGETS))] == [2, 3]

"""Many to one in float64 loops over tokens, both ways; translators are in test_decoding.py."""

from functools import partial

import jax
import numpy as np

from jaxdl.language.seq2seq import SequenceClassifier

V, K, D, H = 6, 3, 4, 5
IDS = np.array([[1, 4, 5, 3, 2], [1, 3, 2, 0, 0]], np.int32)


def test_a_sequence_classifier_is_its_loops():
    """tanh of a linear layer over the last states of both directions, then a linear layer."""
    model = SequenceClassifier(V, K, D, H, "rnn")
    init = partial(model.init, train=False)
    shapes = jax.eval_shape(init, jax.eval_shape(jax.random.key, 0), IDS)
    rng = np.random.default_rng(1)
    variables = jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32), shapes)
    p = jax.tree.map(np.float64, variables["params"])
    encoder = p["encoder"]
    want = np.zeros((2, K))
    for n, ids in enumerate(IDS):
        tokens = [i for i in ids if i]
        last = []
        for way, order in (("layer0", tokens), ("layer0_back", tokens[::-1])):
            cell, h = encoder["recurrent"][way], np.zeros(H)
            for i in order:
                h = np.tanh(encoder["embed"]["table"][i] @ cell["wx"] + h @ cell["wh"] + cell["b"])
            last.append(h)
        state = encoder["state0"]
        whole = np.tanh(np.concatenate(last) @ state["kernel"] + state["bias"])
        want[n] = whole @ p["head"]["kernel"] + p["head"]["bias"]
    got = jax.jit(partial(model.apply, train=False))(variables, IDS)
    np.testing.assert_allclose(got, want, atol=1e-5)

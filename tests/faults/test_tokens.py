"""Captions and texts that are empty, unknown or too long: the data, the loss and the models."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.language.translate import Config, build
from jaxdl.checks import DataError
from jaxdl.data.captions import (
    END,
    NULL,
    START,
    UNKNOWN,
    build_vocabulary,
    check_ids,
    decode_caption,
    encode_captions,
)
from jaxdl.data.config import data_config
from jaxdl.language.transformer import TransformerLM, TransformerTranslator
from jaxdl.losses.sequence import sequence_cross_entropy, token_counts
from jaxdl.training.step import global_mean

WORDS = build_vocabulary(["a red cat"])


@pytest.mark.parametrize("text", ["", "   \n\t", "...!"])
def test_an_empty_caption_is_start_end_and_one_counted_token(text):
    ids, cut = encode_captions([text, "red cat"], WORDS, 6)
    assert ids[0].tolist() == [START, END, NULL, NULL, NULL, NULL]
    assert cut == 0
    targets = jnp.array(ids[:, 1:])
    np.testing.assert_array_equal(token_counts(targets), [1, 3])
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, len(WORDS))), jnp.float32)
    log = np.log(np.exp(np.float64(logits[0, 0])) / np.exp(np.float64(logits[0, 0])).sum())
    np.testing.assert_allclose(sequence_cross_entropy(logits, targets)[0], -log[END], rtol=1e-5)


def test_a_batch_without_any_token_has_loss_and_gradient_0():
    targets = jnp.zeros((2, 5), jnp.int32)

    def loss(logits):
        count = token_counts(targets)
        each = sequence_cross_entropy(logits, targets) / jnp.maximum(count, 1)
        return global_mean(each, count, axis_name=None)

    value, grads = jax.value_and_grad(loss)(jnp.ones((2, 5, 7)))
    assert float(value) == 0
    np.testing.assert_array_equal(grads, 0)


def test_captions_that_are_all_empty_are_refused():
    with pytest.raises(DataError, match="no word occurs 1 times in the captions"):
        build_vocabulary(["", "  "])


def test_an_unknown_word_is_unk():
    ids, _ = encode_captions(["a blue cat"], WORDS, 6)
    assert ids[0, 2] == UNKNOWN
    assert decode_caption(ids[0], WORDS) == "a <UNK> cat"


@pytest.mark.parametrize("bad", [len(WORDS), -1])
def test_an_id_out_of_the_vocabulary_is_named_on_the_host(bad):
    ids = np.array([[START, 4], [bad, END]])
    with pytest.raises(DataError, match=f"0..6, got {bad} in row 1 .1 such ids."):
        check_ids("captions", ids, len(WORDS))
    check_ids("captions", ids[:1], len(WORDS))


def test_an_experiment_refuses_such_ids_before_it_compiles(monkeypatch):
    import experiments.language.translate as script

    load = script.load_splits

    def damaged(cfg, **options):
        splits = load(cfg, **options)
        strange = {"source": splits["train"].read("source") + 100}
        return {**splits, "train": splits["train"].with_arrays(strange)}

    monkeypatch.setattr(script, "load_splits", damaged)
    with pytest.raises(DataError, match="train split, source: ids must lie in 0..29"):
        build(Config(data=data_config("copy", synthetic_rows=20, batch_size=10)))


def test_a_long_caption_is_cut_counted_and_keeps_its_end():
    ids, cut = encode_captions(["a cat " * 20, "cat"], WORDS, 6)
    assert cut == 1
    assert ids[0].tolist()[0] == START
    assert ids[0].tolist()[-1] == END
    assert NULL not in ids[0]


def test_a_model_names_its_max_len():
    key = jax.eval_shape(jax.random.key, 0)
    lm, ids = TransformerLM(9, 4, 8, 2, 1, 8), jnp.zeros((1, 5), jnp.int32)
    with pytest.raises(
        ValueError, match=r"5 tokens are more than the model's length \(max_len\) of 4"
    ):
        jax.eval_shape(lambda k: lm.init(k, ids, train=False), key)
    translator = TransformerTranslator(9, 4, 8, 2, 1, 8)
    with pytest.raises(ValueError, match="5 tokens are more than"):
        jax.eval_shape(lambda k: translator.init(k, (ids[:, :3], ids), train=False), key)

"""Decoding: filters by hand, beams against brute force, cached steps against the whole."""

import itertools
from functools import partial
from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DivergedError
from jaxdl.data.captions import END, NULL, START
from jaxdl.data.splits.split import Split
from jaxdl.language.caption_task import CaptionEvaluator
from jaxdl.language.decoding import (
    beam_search,
    filter_logits,
    generate,
    read_written,
    write_sequences,
)
from jaxdl.language.seq2seq import Seq2Seq, SequenceClassifier
from jaxdl.language.transformer import TransformerLM, TransformerTranslator
from jaxdl.language.translation_task import TranslatorEvaluator

V, LENGTH = 6, 4
TABLES = jnp.asarray(np.random.default_rng(0).normal(size=(2, LENGTH, V, V)) * 2, jnp.float32)


def step(tokens, state):
    """Logits that depend on the row's table, the place and the last token."""
    return state["table"][jnp.arange(len(tokens)), state["at"], tokens], {
        "table": state["table"],
        "at": state["at"] + 1,
    }


def start():
    return {"table": TABLES, "at": jnp.int32(0)}


FIRST = jnp.full(2, START)


def score(row, tokens):
    """Log-probability of tokens up to <END>, in float64."""
    total, last = 0.0, START
    for t, token in enumerate(tokens):
        logits = np.float64(TABLES[row, t, last])
        total += logits[token] - np.log(np.exp(logits).sum())
        last = token
        if token == END:
            break
    return total


def all_sequences():
    """Every sequence that has ended, or has full length; padded."""
    for n in range(1, LENGTH + 1):
        for body in itertools.product([i for i in range(V) if i != END], repeat=n - 1):
            last = range(V) if n == LENGTH else [END]
            for token in last:
                yield (*body, token) + (NULL,) * (LENGTH - n)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_wide_beams_are_brute_force(penalty):
    beams = beam_search(step, start(), FIRST, width=V**3, length=LENGTH, penalty=penalty)
    for row in range(2):
        texts = list(all_sequences())
        scores = np.array([score(row, t) for t in texts])
        counts = np.array([max(sum(i != NULL for i in t), 1) for t in texts])
        best = np.argsort(-scores / counts**penalty)[:5]
        np.testing.assert_array_equal(beams.tokens[row, :5], [texts[i] for i in best])
        np.testing.assert_allclose(beams.scores[row, :5], scores[best], atol=1e-4)


def test_width_one_is_greedy():
    beams = jax.jit(lambda s: beam_search(step, s, FIRST, width=1, length=LENGTH))(start())
    tokens, _ = jax.jit(lambda s: generate(step, s, FIRST, length=LENGTH))(start())
    np.testing.assert_array_equal(beams.tokens[:, 0], tokens)
    for row in range(2):
        last, done = START, False
        for t in range(LENGTH):
            want = NULL if done else int(np.argmax(TABLES[row, t, last]))
            assert tokens[row, t] == want
            last, done = want, done or want == END


class Tables(nn.Module):
    """`step` as a model; a source is the number of a row."""

    @nn.compact
    def step(self, tokens, state):
        return step(tokens, state)

    def start(self, source):
        table = self.get_variable("params", "table")
        return {"table": table[jnp.asarray(source)], "at": jnp.int32(0)}


def spoiled(row, t, last):
    """The tables with a NaN in place of the least logit at one place."""
    table = np.array(TABLES)
    table[row, t, last, table[row, t, last].argmin()] = np.nan
    return {"params": {"table": jnp.asarray(table)}}


@pytest.mark.parametrize("beam", [1, 3])
def test_what_is_written_has_its_log_probability_and_a_nan_is_not_lost(beam):
    sound = {"params": {"table": TABLES}}
    want = write_sequences(Tables(), sound, np.arange(2), length=LENGTH, beam=beam)
    np.testing.assert_array_equal(read_written(want, "x"), want.tokens)
    for row in range(2):
        text = np.asarray(want.tokens[row])
        np.testing.assert_allclose(want.log_probability[row], score(row, text), rtol=1e-5)
    got = write_sequences(Tables(), spoiled(1, 0, START), np.arange(2), length=LENGTH, beam=beam)
    np.testing.assert_array_equal(got.tokens[0], want.tokens[0])
    np.testing.assert_array_equal(np.isnan(got.log_probability), [False, True])
    with pytest.raises(DivergedError, match=r"x: the model's logits of row 1 are NaN \(1 such"):
        read_written(got, "x")


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("evaluator", [CaptionEvaluator, TranslatorEvaluator])
def test_no_score_hides_logits_that_are_nan(evaluator, beam):
    target = np.full((2, LENGTH + 1), END, np.int32)
    data = Split({"source": np.arange(2), "target": target}, (), name="test", batch_size=2, seed=0)

    def prepare(keys, batch, *, train):
        return {"inputs": (batch["source"], None), "target": batch["target"][:, 1:]}

    args = (Tables(), prepare) if evaluator is CaptionEvaluator else (Tables(),)
    evaluate = evaluator(*args, beam=beam)
    state = SimpleNamespace(params={}, variables=spoiled(1, 0, START))
    with pytest.raises(DivergedError, match=r"'test': log_probability of row 1 is NaN, though"):
        evaluate.rows_of(state, data)


def test_filters_by_hand():
    logits = jnp.log(jnp.array([[0.1, 0.4, 0.2, 0.3]]))
    inf = -np.inf
    kept = lambda **o: np.asarray(jax.nn.softmax(filter_logits(logits, **o)))[0]  # noqa: E731
    np.testing.assert_allclose(kept(), [0.1, 0.4, 0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(kept(top_k=2), [0, 4 / 7, 0, 3 / 7], atol=1e-6)
    np.testing.assert_allclose(kept(top_p=0.69), [0, 4 / 7, 0, 3 / 7], atol=1e-6)
    np.testing.assert_allclose(kept(top_p=0.71), [0, 4 / 9, 2 / 9, 3 / 9], atol=1e-6)
    np.testing.assert_allclose(kept(top_p=0.0), [0, 1, 0, 0], atol=1e-6)
    squares = np.array([0.01, 0.16, 0.04, 0.09])
    np.testing.assert_allclose(kept(temperature=0.5), squares / squares.sum(), atol=1e-6)
    assert filter_logits(logits, top_k=1).tolist()[0].count(inf) == 3
    with pytest.raises(ValueError, match="temperature must be > 0, got 0"):
        filter_logits(logits, temperature=0)


def test_draws_have_the_models_frequencies():
    first = jnp.full(4000, START)
    state = {"table": jnp.repeat(TABLES[:1], 4000, axis=0), "at": jnp.int32(0)}
    draw = jax.jit(lambda k: generate(step, state, first, length=1, key=k, top_k=3)[0])
    tokens = np.asarray(draw(jax.random.key(0)))[:, 0]
    p = np.exp(np.float64(TABLES[0, 0, START]))
    p = np.where(p >= np.sort(p)[-3], p, 0) / np.sort(p)[-3:].sum()
    np.testing.assert_allclose(np.bincount(tokens, minlength=V) / 4000, p, atol=0.03)


MODELS = {
    "dot": Seq2Seq(V, 8, 8, 12, "lstm", "dot"),
    "additive": Seq2Seq(V, 8, 8, 12, "gru", "additive"),
    "none": Seq2Seq(V, 8, 8, 12, "rnn", "none"),
    "transformer": TransformerTranslator(V, 8, 8, 2, 2, 16),
    "rotary": TransformerTranslator(V, 8, 8, 2, 1, 16, norm_first=False, positions="rotary"),
}
SOURCE = jnp.array([[1, 4, 5, 2, 0, 0], [1, 5, 5, 4, 4, 2]])
TARGET = jnp.array([[1, 5, 4, 2], [1, 4, 2, 0]])


def drawn(model, *inputs, **options):
    """Variables with every number random; no program is compiled for them."""
    key = jax.eval_shape(jax.random.key, 0)
    shapes = jax.eval_shape(partial(model.init, **options), key, *inputs)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0, 0.4, x.shape).astype(np.float32), shapes)


def whole_and_steps(model, variables, source, target):
    """Logits of the whole, weights, and logits step by step `(B, T, V)`: one program."""
    logits, weights = model.apply(variables, (source, target), train=False)
    memory = model.apply(variables, source, method="start")

    def one(memory, ids):
        logits, memory = model.apply(variables, ids, memory, method="step")
        return memory, logits

    steps = jax.lax.scan(one, memory, target.T)[1]
    return logits, weights, steps.swapaxes(0, 1)


@pytest.mark.parametrize("name", MODELS)
def test_steps_of_a_translator_equal_the_whole(name):
    model = MODELS[name]
    variables = drawn(model, (SOURCE, TARGET), train=False)
    run = jax.jit(partial(whole_and_steps, model))
    want, weights, steps = run(variables, SOURCE, TARGET)
    np.testing.assert_allclose(steps, want, atol=2e-5)
    np.testing.assert_array_equal(np.asarray(weights)[0, ..., 4:], 0)  # padding
    if name != "none":
        np.testing.assert_allclose(np.asarray(weights).sum(-1), 1, atol=1e-5)
    late, _, _ = run(variables, SOURCE, TARGET.at[:, 3].set(3))  # what comes later is not seen
    np.testing.assert_array_equal(late[:, :3], want[:, :3])
    assert np.abs(late[:, 3] - want[:, 3]).max() > 1e-3


@pytest.mark.parametrize("name", ["dot", "transformer"])
def test_padding_of_the_source_changes_nothing(name):
    model = MODELS[name]
    variables = drawn(model, (SOURCE, TARGET), train=False)
    run = jax.jit(lambda v, *pair: model.apply(v, pair, train=False)[0])
    alone = run(variables, SOURCE[:1, :4], TARGET[:1])
    np.testing.assert_allclose(run(variables, SOURCE, TARGET)[:1], alone, atol=1e-5)


def test_a_language_model_step_by_step():
    model = TransformerLM(V, 8, 8, 2, 2, 16)
    variables = drawn(model, TARGET, train=False)
    memory = model.apply(variables, 2, method="start")
    one = jax.jit(partial(model.apply, variables, method="step"))
    want = jax.jit(partial(model.apply, train=False))(variables, TARGET)
    for t in range(TARGET.shape[1]):
        logits, memory = one(TARGET[:, t], memory)
        np.testing.assert_allclose(logits, want[:, t], atol=1e-5)


def test_many_to_one_sees_the_whole_and_no_padding():
    model = SequenceClassifier(V, 3, 4, 5)
    variables = drawn(model, SOURCE, train=False)
    run = jax.jit(partial(model.apply, train=False))
    logits = run(variables, SOURCE)
    assert logits.shape == (2, 3)
    np.testing.assert_allclose(run(variables, SOURCE[:1, :4]), logits[:1], atol=1e-6)
    changed = run(variables, SOURCE.at[0, 1].set(5))
    assert np.abs(changed[0] - logits[0]).max() > 1e-4

"""Captioners: steps against the whole, the attention LSTM in loops, features, pictures."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.evaluation.cached_features import cached_features, with_features
from jaxdl.language.caption_task import (
    draw_attention,
    draw_captions,
    prepare_captions,
    reference_texts,
    score_captions,
)
from jaxdl.language.captioner import (
    AttentionCaptioner,
    RecurrentCaptioner,
    TransformerCaptioner,
    features_of,
)
from jaxdl.language.decoding import beam_search, write_sequences

V, T, H, F = 7, 6, 4, 5
RNG = np.random.default_rng(0)
GRID = RNG.normal(size=(2, 2, 2, F)).astype(np.float32)
WORDS = np.array([[1, 4, 5, 6, 2, 0], [1, 6, 2, 0, 0, 0]], np.int32)
MODELS = {
    "rnn": RecurrentCaptioner(V, 3, H, "rnn"),
    "lstm": RecurrentCaptioner(V, 3, H),
    "attention": AttentionCaptioner(V, 3, H),
    "transformer": TransformerCaptioner(V, T, H, 2, 1, 8),
}


def drawn(model):
    key = jax.eval_shape(jax.random.key, 0)
    shapes = jax.eval_shape(partial(model.init, train=False), key, (GRID, WORDS))
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32), shapes)


@pytest.mark.parametrize("name", MODELS)
def test_steps_equal_the_whole_and_beams_of_one_are_greedy(name):
    model = MODELS[name]
    variables = drawn(model)

    @jax.jit
    def run(variables):
        logits, weights = model.apply(variables, (GRID, WORDS), train=False)
        start = model.apply(variables, GRID, method="start")
        step = partial(model.apply, variables, method="step")
        steps = jax.lax.scan(lambda m, ids: step(ids, m)[::-1], start, WORDS.T)[1]
        wrote = write_sequences(model, variables, GRID, length=T).tokens
        first = jnp.full(2, 1)
        beam = beam_search(step, start, first, width=1, length=T).tokens[:, 0]
        return logits, weights, steps.swapaxes(0, 1), wrote, beam

    logits, weights, steps, wrote, beam = run(variables)
    np.testing.assert_allclose(steps, logits, atol=1e-5)
    np.testing.assert_array_equal(wrote, beam)
    if name in ("attention", "transformer"):
        assert weights.shape == (2, T, 4)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_the_attention_lstm_is_the_notes_in_float64_loops():
    model = MODELS["attention"]
    variables = drawn(model)
    p = jax.tree.map(np.float64, variables["params"])
    core, sigmoid = p["core"]["core"], lambda v: 1 / (1 + np.exp(-v))
    wx, wattn = core["wx"][:3], core["wx"][3:]
    want = np.zeros((2, T, V))
    for n in range(2):
        a = (GRID[n].reshape(4, F) @ p["project"]["kernel"] + p["project"]["bias"]).T  # H x 4
        h = c = a.mean(axis=1)
        for t in range(T):
            m = h @ a / np.sqrt(H)
            x_attn = a @ (np.exp(m) / np.exp(m).sum())
            x = p["embed"]["table"][WORDS[n, t]]
            i, f, o, g = np.split(x @ wx + h @ core["wh"] + x_attn @ wattn + core["b"], 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            want[n, t] = h @ p["head"]["kernel"] + p["head"]["bias"]
    got, _ = jax.jit(partial(model.apply, train=False))(variables, (GRID, WORDS))
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_attention_over_a_grid_is_e_t_i_j_in_loops():
    """e(1,i,j) = h_0 A(i,j) / sqrt(H), h_0 the mean of A; softmax over i and j, of a 2 x 3 grid."""
    model = MODELS["attention"]
    variables = drawn(model)
    grid = RNG.normal(size=(2, 2, 3, F)).astype(np.float32)
    project = jax.tree.map(np.float64, variables["params"]["project"])
    want = np.zeros((2, 2, 3))
    for n in range(2):
        a = np.zeros((2, 3, H))
        for i in range(2):
            for j in range(3):
                a[i, j] = grid[n, i, j] @ project["kernel"] + project["bias"]
        for i in range(2):
            for j in range(3):
                want[n, i, j] = np.exp(a.mean((0, 1)) @ a[i, j] / np.sqrt(H))
        want[n] /= want[n].sum()
    _, weights = jax.jit(partial(model.apply, train=False))(variables, (grid, WORDS))
    np.testing.assert_allclose(weights.reshape(2, T, 2, 3)[:, 0], want, atol=1e-5)


def test_a_stage_as_means_of_cells():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    got = features_of({"s": x}, "s", 2)[0, ..., 0]
    np.testing.assert_allclose(got, [[2.5, 4.5], [10.5, 12.5]])
    assert features_of({"s": x}, "s", 0) is x
    with pytest.raises(ValueError, match="4x4 must divide into 3x3 cells"):
        features_of({"s": x}, "s", 3)
    with pytest.raises(ValueError, match="stage must be one of s, got 'last'"):
        features_of({"s": x}, "last", 2)


def captioned(several):
    image = RNG.integers(0, 255, (5, 4, 4, 3)).astype(np.uint8)
    ids = np.tile(WORDS[:1], (5, 1))
    if not several:
        return Split({"image": image, "caption": ids}, vocabulary=tuple("NSEUabc"), batch_size=5)
    every = np.stack([ids, np.tile(WORDS[1:], (5, 1))], axis=1)
    kept = np.array([[1, 1], [1, 0], [1, 1], [1, 1], [0, 0]], bool)
    arrays = {"image": image, "captions": every * kept[..., None], "kept": kept}
    return Split(arrays, vocabulary=tuple("NSEUabc"), batch_size=5)


def test_features_are_computed_once_and_belong_to_their_weights(tmp_path):
    split, calls = captioned(False), []

    def apply(variables, images):
        calls.append(1)
        return images.astype(jnp.float32).mean((1, 2)) * variables

    one, again, other = (
        cached_features(apply, jnp.float32(w), split, folder=tmp_path) for w in (2, 2, 3)
    )
    want = split.read("image").astype(np.float64).mean((1, 2))
    np.testing.assert_allclose(one, 2 * want, rtol=1e-5)
    np.testing.assert_array_equal(one, again)
    np.testing.assert_allclose(other, 3 * want, rtol=1e-5)
    assert len(list(tmp_path.glob("*.npy"))) == 2
    for path in tmp_path.glob("*.npy"):
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        for damaged in (content, content[:-9], b""):
            path.unlink()
            path.write_bytes(damaged)
            made_again = pytest.warns(RuntimeWarning, match=r"npy is damaged .*; made again")
            with made_again:
                both = [
                    cached_features(apply, jnp.float32(w), split, folder=tmp_path) for w in (2, 3)
                ]
            np.testing.assert_allclose(both, [2 * want, 3 * want], rtol=1e-5)
    part = with_features(split, one)
    assert set(part.names) == {"features", "caption"}
    assert "image" in split.names


@pytest.mark.parametrize("captions", [0, 1])
def test_a_caption_is_drawn_among_the_real_ones(captions):
    split = captioned(True)
    batch, prepare = split.batch(np.arange(5)), prepare_captions((0.5,), (0.5,), captions=captions)
    seen = set()
    for seed in range(12):
        out = prepare(jax.random.split(jax.random.key(seed), 5), batch, train=True)
        seen.add(int(out["inputs"][1][0, 1]))
        np.testing.assert_array_equal(out["inputs"][1][1], WORDS[0, :-1])  # its only one
        np.testing.assert_array_equal(out["target"][4], 0)
    assert seen == ({4, 6} if captions == 0 else {4})
    image = batch["image"] / 255.0
    np.testing.assert_allclose(out["inputs"][0], (image - 0.5) / 0.5, atol=1e-5)
    assert reference_texts(split)[0] == ["a b c", "c"]
    assert reference_texts(split)[4] == [""]


def test_scores_and_pictures(tmp_path):
    scores = score_captions(["a b c", "b"], [["a b c", "c"], ["a"]])
    assert scores["exact"] == 0.5
    np.testing.assert_allclose(scores["bleu1"], 3 / 4)
    images = captioned(False).read("image")[:2]
    assert draw_captions(images, ["a b", ""], ["a", "b"]).save(tmp_path / "a.png").stat().st_size
    weights = np.full((2, T, 4), 0.25)
    assert draw_attention(images, weights, ["a b", "c"]).save(tmp_path / "b.png").stat().st_size

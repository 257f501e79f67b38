"""VQ-VAE: the nearest code by loops, the straight path of gradients, the codes in use."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.generative.vqvae import VQVAE, perplexity

IMAGE = np.random.default_rng(0).random((2, 8, 12, 1)).astype(np.float32)
MODEL = VQVAE(codebook_size=6, code_dim=3, features=(4, 5), blocks=1)


@pytest.fixture(scope="module")
def variables():
    made = jax.jit(lambda k: MODEL.init(k, IMAGE, train=False))(jax.random.key(0))
    book = np.random.default_rng(1).normal(size=(6, 3)) * 0.3
    return {**made, "params": {**made["params"], "book": jnp.float32(book)}}


def test_codes_are_the_nearest_of_the_book(variables):
    out = MODEL.apply(variables, IMAGE, train=False)
    book = np.asarray(variables["params"]["book"])
    assert out["codes"].shape == (2, 2, 3)
    for place in np.ndindex(2, 2, 3):
        gaps = ((np.asarray(out["encoded"])[place] - book) ** 2).sum(1)
        assert out["codes"][place] == gaps.argmin()
        np.testing.assert_array_equal(out["quantized"][place], book[gaps.argmin()])
    logits = MODEL.apply(variables, out["codes"], method="decode_codes")
    np.testing.assert_allclose(logits, out["logits"], atol=1e-5)


def test_gradients_pass_the_book_by(variables):
    """The encoder has the gradient of the decoder's input; the book has none of the image."""
    out = MODEL.apply(variables, IMAGE, train=False)

    def error(params):
        own = {**variables, "params": params}
        return jnp.sum(MODEL.apply(own, IMAGE, train=False)["logits"] ** 2)

    grads = jax.grad(error)(variables["params"])
    assert not np.asarray(grads["book"]).any()
    slope = jax.grad(lambda q: jnp.sum(MODEL.apply(variables, q, method="decode") ** 2))(
        out["quantized"]
    )
    _, pull = jax.vjp(
        lambda p: MODEL.apply({**variables, "params": p}, IMAGE, train=False, method="encode"),
        variables["params"],
    )
    want = pull(slope)[0]["down1"]["kernel"]
    np.testing.assert_allclose(grads["down1"]["kernel"], want, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("codes", "want"), [([3, 3, 3, 3], 1), ([0, 1, 2, 3], 4), ([0, 0, 1, 1], 2)]
)
def test_perplexity_counts_codes_in_use(codes, want):
    assert float(perplexity(jnp.array(codes), 6)) == pytest.approx(want, rel=1e-5)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="multiples of 4"):
        jax.eval_shape(lambda: MODEL.init(jax.random.key(0), jnp.zeros((1, 9, 8, 1)), train=False))


def test_many_codes_are_in_use_from_the_start():
    model = VQVAE(codebook_size=16, code_dim=8, features=(4, 8), blocks=1)
    image = np.repeat(np.random.default_rng(0).random((32, 4, 4, 1)), 2, 1).repeat(2, 2)
    image = image.astype(np.float32) * 0.1  # dark ones, much alike
    variables = jax.jit(lambda k: model.init(k, image, train=False))(jax.random.key(0))
    out, _ = model.apply(variables, image, train=True, mutable=["batch_stats"])
    assert float(perplexity(out["codes"], 16)) > 5

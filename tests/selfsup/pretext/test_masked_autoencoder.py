"""What a masked autoencoder sees and tells, against its parts and NumPy's patches."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.selfsup.pretext.masked_autoencoder import MaskedAutoencoder, draw_orders

MODEL = MaskedAutoencoder(kept=2, patch=2, width=8, depth=1, heads=2, decoder_width=8)
IMAGE = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 6, 3)), jnp.float32)
ORDER = draw_orders(jax.random.split(jax.random.key(1), 3), 6)
BATCH = {"image": IMAGE, "order": ORDER}
VARIABLES = MODEL.init(jax.random.key(0), BATCH, train=False)


def test_orders_are_permutations_that_differ():
    assert all(sorted(row) == list(range(6)) for row in ORDER.tolist())
    assert len({tuple(row) for row in ORDER.tolist()}) == 3


def test_only_the_kept_patches_are_seen():
    out = MODEL.apply(VARIABLES, BATCH, train=False)
    assert out.shape == (3, 6, 12)
    moves = []
    for patch in range(6):
        y, x = 2 * (patch // 3), 2 * (patch % 3)
        image = IMAGE.at[:, y : y + 2, x : x + 2].add(1.0)
        moved = MODEL.apply(VARIABLES, {**BATCH, "image": image}, train=False)
        moves.append(np.abs(moved - out).max(axis=(1, 2)) > 1e-6)
    seen = np.stack(moves, axis=1)
    want = np.zeros_like(seen)
    np.put_along_axis(want, np.asarray(ORDER[:, :2]), values=True, axis=1)
    np.testing.assert_array_equal(seen, want)


def test_the_order_of_what_is_seen_does_not_matter_and_each_answer_is_at_its_patch():
    other = jnp.concatenate([ORDER[:, :2][:, ::-1], ORDER[:, 2:][:, ::-1]], axis=1)
    out = MODEL.apply(VARIABLES, BATCH, train=False)
    again = MODEL.apply(VARIABLES, {**BATCH, "order": other}, train=False)
    np.testing.assert_allclose(again, out, atol=1e-5)
    assert np.abs(np.diff(out, axis=1)).max() > 1e-3  # places differ


def test_features_take_other_sizes_and_are_the_mean_token():
    image = jnp.tile(IMAGE, (1, 2, 1, 1))
    got = MODEL.apply(VARIABLES, image, train=False, method="features")
    tokens = MODEL.apply(VARIABLES, image, method="tokens")
    encoded = MODEL.apply(VARIABLES, tokens, train=False, method="encode")
    np.testing.assert_allclose(got, np.mean(encoded, axis=1), rtol=1e-5, atol=1e-6)

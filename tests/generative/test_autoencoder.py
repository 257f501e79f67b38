"""Autoencoders: shapes, what the class and the noise do; walks through a latent space."""

import jax
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from jaxdl.data.binarize import binarize, draw_bits
from jaxdl.data.splits.split import Split
from jaxdl.draw import save_image, tile_images
from jaxdl.generative.autoencoder import VAE, Autoencoder
from jaxdl.generative.latent_walks import interpolate, quantile_plane, traverse

IMAGE = np.random.default_rng(0).random((3, 4, 4, 1)).astype(np.float32)
LABEL = np.array([0, 1, 2])


def test_a_vae_is_two_perceptrons_in_torch():
    torch = pytest.importorskip("torch")
    model = VAE((4, 4, 1), latent=2, hidden=(7, 5), classes=3)
    noise = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
    inputs = {"image": IMAGE, "label": LABEL, "noise": noise}
    variables = model.init(jax.random.key(0), inputs, train=False)
    out = model.apply(variables, inputs, train=False)

    def perceptron(params, x):
        for name in ("fc1", "fc2", "out"):
            weight, bias = (torch.tensor(np.array(params[name][k])) for k in ("kernel", "bias"))
            x = torch.nn.functional.linear(x, weight.T, bias)
            x = x if name == "out" else torch.relu(x)
        return x

    one_hot = torch.nn.functional.one_hot(torch.tensor(LABEL), 3)
    params = variables["params"]
    code = perceptron(params["encoder"], torch.cat([torch.tensor(IMAGE).flatten(1), one_hot], 1))
    mean, log_var = code.chunk(2, 1)
    z = mean + torch.exp(log_var / 2) * torch.tensor(noise)
    logits = perceptron(params["decoder"], torch.cat([z, one_hot], 1)).reshape(3, 4, 4, 1)
    np.testing.assert_allclose(out["logits"], logits, atol=1e-5)
    np.testing.assert_allclose(out["code"], mean, atol=1e-5)
    np.testing.assert_allclose(out["log_var"], log_var, atol=1e-5)


@pytest.mark.parametrize("latent", [1, 6])
def test_an_autoencoder_passes_everything_through_its_code(latent):
    model = Autoencoder((4, 4, 1), latent=latent, hidden=(8,))
    variables = model.init(jax.random.key(0), {"image": IMAGE}, train=False)
    out = model.apply(variables, {"image": IMAGE}, train=False)
    assert out["code"].shape == (3, latent)
    again = model.apply(variables, out["code"], method="decode")
    np.testing.assert_array_equal(again, out["logits"])


def test_a_conditional_model_asks_for_labels():
    model = Autoencoder((4, 4, 1), classes=3)
    with pytest.raises(ValueError, match="classes = 3 needs labels"):
        model.init(jax.random.key(0), {"image": IMAGE}, train=False)


def test_bits_have_the_gray_levels_as_probabilities_and_stay_the_same():
    gray = np.full((200, 8, 8, 1), 51, np.uint8)
    gray[:, 0, 0] = 0
    gray[:, 1, 1] = 255
    split = binarize(Split({"image": gray, "label": np.zeros(200, np.int32)}, ("a",)))
    bits = split.read("image")
    assert set(np.unique(bits)) == {0, 255}
    assert not bits[:, 0, 0].any()
    assert (bits[:, 1, 1] == 255).all()
    share = (bits[:, 2:] == 255).mean()
    assert abs(share - 0.2) < 4 * np.sqrt(0.16 / bits[:, 2:].size)
    np.testing.assert_array_equal(bits[:50], draw_bits(gray[:50], 0))
    assert (bits != draw_bits(gray, 1)).any()


@pytest.mark.parametrize("walk", ["line", "arc"])
def test_walks_begin_and_end_where_they_should(walk):
    a, b = np.random.default_rng(0).normal(size=(2, 3, 5))
    b *= (np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))[:, None]
    path = np.asarray(interpolate(a, b, 5, walk=walk))
    np.testing.assert_allclose(path[:, 0], a, atol=1e-5)
    np.testing.assert_allclose(path[:, -1], b, atol=1e-5)
    length = np.linalg.norm(path[:, 2], axis=1)
    if walk == "line":
        np.testing.assert_allclose(path[:, 2], (a + b) / 2, atol=1e-5)
    else:  # an arc between vectors of one length keeps it, and halves the angle
        np.testing.assert_allclose(length, np.linalg.norm(a, axis=1), rtol=1e-5)
        np.testing.assert_allclose((path[:, 2] * a).sum(1), (path[:, 2] * b).sum(1), rtol=1e-4)


def test_a_traversal_moves_one_axis_at_a_time():
    rows = np.asarray(traverse(np.arange(4.0), np.array([2, 0]), 3, most=1.5))
    np.testing.assert_allclose(rows[0, :, 2], [-1.5, 0, 1.5])
    np.testing.assert_allclose(rows[1, :, 0], [-1.5, 0, 1.5])
    np.testing.assert_array_equal(rows[0][:, [0, 1, 3]], [[0, 1, 3]] * 3)


def test_the_plane_has_equal_probability_between_its_codes():
    codes = quantile_plane(4, 3, (0, 2))
    shares = stats.norm.cdf(codes.reshape(4, 4, 3)[:, 0, 0])
    np.testing.assert_allclose(shares, [0.125, 0.375, 0.625, 0.875], atol=1e-6)
    assert not codes[:, 1].any()


def test_tiles_stand_in_rows_between_lines(tmp_path):
    images = np.stack([np.full((2, 3, 1), v) for v in (0.0, 0.5, np.nan, 1.0, 2.0)])
    picture = tile_images(images, 3)
    assert picture.shape == (2 * 3 + 1, 3 * 4 + 1, 1)
    assert (picture[1, 5, 0], picture[4, 1, 0], picture[4, 9, 0]) == (128, 255, 0)
    assert (picture[::3] == 128).all()
    path = save_image(picture, tmp_path / "a" / "b.png", scale=2)
    np.testing.assert_array_equal(np.asarray(Image.open(path))[::2, ::2], picture[..., 0])

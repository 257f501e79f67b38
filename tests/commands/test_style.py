"""`jaxdl style`: a picture nearer to the style's Gram matrices; files that cannot be used."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.commands import style
from jaxdl.models.named import make_model
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.published import Weights, save_weights
from tests.commands.asking import ask

THIN = {"stem": 4, "squeeze": (1,) * 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Random weights of a thin SqueezeNet, two pictures and a file that is none."""
    folder = tmp_path_factory.mktemp("style")
    model, x = make_model("squeezenet1_1", 2, **THIN), jnp.zeros((1, 32, 32, 3))
    variables = jax.jit(lambda key: model.init(key, x, train=False))(jax.random.key(0))
    weights = Weights("squeezenet1_1", 2, variables, Preprocessing(), "own", THIN)
    save_weights(folder / "thin.safetensors", weights)
    rng = np.random.default_rng(0)
    for name, low, high in (("gray.png", 100, 140), ("red.png", 0, 256)):
        pixels = rng.integers(low, high, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "text.png").write_text("no picture")
    return folder


def test_a_picture_is_drawn_anew(folder, capsys):
    out = folder / "made" / "styled.png"
    words = [folder / "gray.png", folder / "red.png", folder / "red.png", "--mix", "1", "3"]
    weighed = ["--content-weight", "0", "--tv-weight", "0", "--style-weight", "1e9"]
    options = ["--size", "32", "--steps", "10", "--lr", "0.3", "--out", out]
    assert ask(style, *words, *weighed, *options, "--weights", folder / "thin.safetensors") == 0
    said = capsys.readouterr()
    before, after = said.out.split("loss ")[1].split(" -> ")
    assert float(after) < 0.9 * float(before)
    assert "step 10/10" in said.err
    made = np.asarray(Image.open(out), np.float64)
    assert made.shape == (32, 40, 3)
    gray = Image.open(folder / "gray.png").resize((40, 32), Image.Resampling.BILINEAR)
    assert made.std() > 1.5 * np.asarray(gray, np.float64).std()  # as the style's


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gray.png", "text.png"], "text.png"),
        (["none.png", "red.png"], "none.png"),
        (["gray.png", "red.png", "--size", "8"], "--size must be at least 32, got 8"),
        (["gray.png", "red.png", "--out", "a.txt"], "must end with .jpg or .png, got a.txt"),
        (["gray.png", "red.png", "--weights", "thick"], "weights thick: "),
        (["gray.png", "red.png", "--mix", "1", "2"], "one number >= 0 per style"),
    ],
)
def test_what_cannot_be_is_named(words, message, folder, monkeypatch):
    monkeypatch.chdir(folder)
    given = [] if "--weights" in words else ["--weights", "thin.safetensors"]
    size = [] if "--size" in words else ["--size", "32"]
    with pytest.raises(Exception, match=message):
        ask(style, *words, *given, *size)

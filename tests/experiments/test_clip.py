"""CLIP as it is trained: eight devices against one, words that start from vectors, predictions."""

import dataclasses
import re

import jax
import numpy as np
import pytest
from PIL import Image

from experiments.selfsup.clip import Config, TextConfig, build, load_texts, prepare_pairs
from jaxdl.checks import UsageError
from jaxdl.commands import predict, run
from jaxdl.data.captions import decode_caption
from jaxdl.data.config import ShapesData
from jaxdl.models.registry import model_options
from jaxdl.optim.config import SGD
from jaxdl.selfsup.shape_texts import COMBINATIONS, VOCABULARY
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from tests.commands.asking import ask

KEY = jax.random.key(0)
DATA = ShapesData(image_size=(24,), max_objects=1, synthetic_rows=80, batch_size=16)
NET = {"filters": (4,), "pools": (1,), "batch_norm": True, "norm": "batch_sync"}
CFG = Config(
    data=DATA,
    model=model_options("deep_convnet")(**NET),
    text=TextConfig(width=8, heads=2),
    dim=6,
    optim=SGD(lr=0.05),
    loop=LoopConfig(steps=2, log_every=2, devices=1),
)


def test_eight_devices_are_one(tmp_path):
    """Negatives are the rows of all devices, whose statistics the norms share."""
    one, eight = (
        fit(build(CFG), dataclasses.replace(CFG.loop, devices=n), tmp_path / str(n)) for n in (1, 8)
    )
    assert eight.devices == 8
    assert eight.rows[-1]["loss"] == pytest.approx(one.rows[-1]["loss"], abs=1e-5)
    for a, b in zip(*(jax.tree.leaves(x.state.params) for x in (one, eight)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_texts_of_gray_pictures_name_no_color():
    split = load_texts(CFG)["train"]
    batch = split.batch(np.arange(40))
    keys = jax.random.split(KEY, 40)
    pair = prepare_pairs(CFG.image, 0.5)(keys, batch, train=True)["inputs"]
    image, words = (np.asarray(x) for x in pair)
    plain = (np.ptp(image, axis=3) < 1e-5).all(axis=(1, 2))
    assert 5 < plain.sum() < 35
    for own, is_gray, row in zip(words, plain, batch["combination"], strict=True):
        color, kind = COMBINATIONS[row]
        text = decode_caption(own, VOCABULARY).split()
        assert kind in text
        assert (color in text) == (not is_gray)
    still = prepare_pairs(CFG.image, 0.5)(keys, batch, train=False)["inputs"]
    np.testing.assert_array_equal(still[1], batch["captions"][:, 0])


def test_words_start_as_their_vectors(tmp_path):
    folder = tmp_path / "vectors"
    folder.mkdir()
    words = ["red", "giraffe", "circle"]
    vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float16)
    (folder / "words.txt").write_text("\n".join(words))
    np.savez(folder / "v.npz", vectors=vectors)
    text = dataclasses.replace(CFG.text, vectors=str(folder), word_width=5)
    tables = []
    for options in (text, dataclasses.replace(text, vectors="")):
        params = jax.jit(build(dataclasses.replace(CFG, text=options)).init)(KEY).params
        tables.append(np.asarray(params["text_encoder"]["words"]["embed"]["table"]))
    placed = [VOCABULARY.index(word) for word in ("red", "circle")]
    want = vectors[[0, 2]].astype(float)
    want /= np.sqrt(5 * np.mean(want**2))  # a random start has the variance 1 / 5
    np.testing.assert_allclose(tables[0][placed], want, rtol=1e-3)
    others = np.setdiff1d(np.arange(len(VOCABULARY)), placed)
    np.testing.assert_array_equal(tables[0][others], tables[1][others])
    wrong = dataclasses.replace(CFG, text=dataclasses.replace(text, word_width=0))
    with pytest.raises(UsageError, match="set text.word_width to 5"):
        jax.eval_shape(build(wrong).init, KEY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    flags = "--data.synthetic_rows 200 --data.image_size 24 --loop.steps 1 --loop.devices 1"
    flags += " --model.blocks 1 --model.width 4 --text.width 8 --text.heads 2 --loop.log_every 1"
    assert (
        ask(
            run,
            "--config",
            "shapes_clip",
            *flags.split(),
            "--loop.eval_every",
            1,
            "--run-dir",
            folder / "run",
        )
        == 0
    )
    for name, color in (("red", (214, 40, 40)), ("blue", (40, 80, 220))):
        Image.new("RGB", (40, 30), color).save(folder / f"{name}.png")
    return folder


def test_predict_chooses_between_a_persons_labels(trained, capsys):
    words = (predict, trained / "run", trained / "red.png", trained / "blue.png")
    assert ask(*words, "--labels", "a red circle, a blue giraffe") == 0
    out, err = capsys.readouterr()
    for name in ("red", "blue"):
        line = next(line for line in out.splitlines() if f"{name}.png" in line)
        shares = [float(x) for x in re.findall(r"([\d.]+)%", line)]
        assert "a red circle" in line
        assert "a blue giraffe" in line
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(100, abs=0.2)
    assert "has never read giraffe (in 'a blue giraffe')" in err
    assert (trained / "run" / "predicted" / "sheet.png").exists()
    reverse = ask(*words, "--labels", "a blue giraffe, a red circle")
    assert reverse == 0
    assert capsys.readouterr().out == out  # the order of labels changes nothing


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("a red circle,,blue", "label 2 of 3 has no words"),
        ("a red circle", "two or more to choose between"),
        ("red circle, Red circle!", "'red circle' is there twice"),
        ("giraffe, red circle", "knows no word of 'giraffe'"),
        ("red " * 8 + ", blue", "has 8 words, the run reads 7 at most"),
        (None, "chooses between labels; give --labels"),
    ],
)
def test_labels_that_cannot_be_read_are_named(trained, labels, said):
    flags = [] if labels is None else ["--labels", labels]
    with pytest.raises(UsageError, match=said):
        ask(predict, trained / "run", trained / "red.png", *flags)


def test_published_weights_see_colors():
    model = model_options("resnet18")(weights="resnet18.safetensors")
    with pytest.raises(UsageError, match="'resnet18.safetensors' are for pictures with colors"):
        Config(model=model, form_and_color=True)


def test_labels_are_for_clip_alone(tmp_path):
    with pytest.raises(UsageError, match="need the run of a CLIP, not --model"):
        ask(predict, "--model", "mobilenet_v2", tmp_path / "a.png", "--labels", "a, b")

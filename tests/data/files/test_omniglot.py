"""Omniglot's files against NumPy's turns, made characters and scikit-learn's nearest pixels."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.files.omniglot import VALIDATED
from jaxdl.data.load import load_splits
from tests.data.files.made_omniglot import SIZES, write_omniglot

REAL = Path(os.environ.get("JAXDL_DATA_DIR", "/nowhere")) / "omniglot"
real = pytest.mark.skipif(not REAL.is_dir(), reason="JAXDL_DATA_DIR has no omniglot")


def load(folder, **options):
    return load_splits(data_config("omniglot_small", path=str(folder), batch_size=2, **options))


@pytest.mark.parametrize("forms", [1, 4, 8])
def test_a_class_per_character_and_form(tmp_path, forms):
    write_omniglot(tmp_path)
    train = load(tmp_path, forms=forms)["train"]
    assert train.size == len(train.classes) == SIZES["Greek"] * forms
    assert train.classes[0] == "Greek character41, form 0"
    drawings = train.read("drawings")[..., 0]
    assert drawings.shape[1:] == (20, 28, 28)
    ink = drawings.max(axis=(2, 3))  # by made_omniglot, the drawer
    np.testing.assert_array_equal(ink, np.tile(np.arange(20) * 10 + 60, (len(ink), 1)))
    plain = drawings[:5]
    for form in range(forms):
        base = np.flip(plain, axis=3) if form >= 4 else plain
        for _ in range(form % 4):  # a quarter counter-clockwise: the right column becomes the top
            base = np.stack([base[..., -1 - i] for i in range(28)], axis=2)
        np.testing.assert_array_equal(drawings[5 * form : 5 * form + 5], base)
    np.testing.assert_array_equal(train.labels, np.arange(5 * forms))


def test_validation_runs_are_of_one_alphabet_by_two_hands(tmp_path):
    write_omniglot(tmp_path)
    splits = load(tmp_path)
    val, train = splits["val"], splits["train"]
    rows = {name: val.read(name) for name in ("support", "query", "answer")}
    assert val.size == 40
    for support, query, answer in zip(*rows.values(), strict=True):
        assert sorted(answer) == list(range(20))
        np.testing.assert_array_equal(query > 0, support[answer] > 0)
        assert len(np.unique(support.max(axis=(1, 2, 3)))) == 1  # one gray, one hand
        assert support.max() != query.max()
    trained = {image.tobytes() for image in train.read("drawings")[:, 0] > 0}
    assert not trained & {image.tobytes() for image in rows["support"].reshape(-1, 28, 28, 1) > 0}
    again = load(tmp_path)["val"]
    np.testing.assert_array_equal(again.read("support"), rows["support"])


@real
def test_the_official_runs_by_nearest_pixels_are_what_their_notes_say():
    splits = load(REAL)
    assert splits["train"].size == 8 * (242 - 24 - 22)
    assert not {name.split()[0] for name in splits["train"].classes} & set(VALIDATED)
    test = splits["test"]
    assert test.size == 20
    right = []
    for support, query, answer in zip(
        *(test.read(name) for name in ("support", "query", "answer")), strict=True
    ):
        judge = KNeighborsClassifier(1).fit(support.reshape(20, -1), np.arange(20))
        right.append(judge.predict(query.reshape(20, -1)) == answer)
    assert round(float(np.mean(right)), 2) == 0.21


def test_files_that_do_not_hold_together_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no .*omniglot_background_small.npz"):
        load(tmp_path)
    write_omniglot(tmp_path, without=7)
    with pytest.raises(DataError, match="not every character has 20 drawings"):
        load(tmp_path)
    write_omniglot(tmp_path, sizes={"Balinese": 21, "Greek": 5})
    with pytest.raises(DataError, match="has no alphabet Early_Aramaic"):
        load(tmp_path)
    np.savez(tmp_path / "omniglot_oneshot_runs.npz", train28=np.zeros(3))
    with pytest.raises(DataError, match="no array test28, answer"):
        load(tmp_path)

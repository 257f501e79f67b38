"""Word vectors as they were written by NumPy; what does not fit together is refused by name."""

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.tables.word_vectors import read_word_vectors

TABLE = np.arange(6, dtype=np.float16).reshape(3, 2)


def write(folder, words="the\ncat\ndog\n", **arrays):
    folder.mkdir(exist_ok=True)
    (folder / "words.txt").write_text(words, encoding="utf-8")
    np.savez(folder / "any.npz", **(arrays or {"vectors": TABLE}))
    return str(folder)


def test_words_have_the_vectors_of_their_lines(tmp_path):
    got = read_word_vectors(write(tmp_path / "v"))
    assert got.words == ("the", "cat", "dog")
    assert got.vectors.dtype == np.float32
    np.testing.assert_array_equal(got.of(["dog", "the"]), TABLE[[2, 0]])
    with pytest.raises(UsageError, match=r"3 words.*no 'cats'; did you mean cat"):
        got.row("cats")


@pytest.mark.parametrize(
    ("words", "arrays", "said"),
    [
        ("the\ncat\n", {}, "2 words and 3 vectors"),
        ("the\ncat\ncat\n", {}, "'cat' twice"),
        ("a\nb\nc\n", {"x": TABLE}, "must have vectors"),
        ("a\nb\nc\n", {"vectors": np.full_like(TABLE, np.inf)}, "not finite"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, words, arrays, said):
    folder = write(tmp_path / "v", words, **arrays)
    with pytest.raises(DataError, match=said):
        read_word_vectors(folder)


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(DataError, match="text.vectors: there is no .*gone"):
        read_word_vectors(str(tmp_path / "gone"), field="text.vectors")
    with pytest.raises(DataError, match="must be a folder with one .npz file"):
        read_word_vectors(str(tmp_path))

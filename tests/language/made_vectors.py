"""A folder of word vectors, drawn at random, for every word of the lists."""

import numpy as np

from jaxdl.language.word_lists import ASSOCIATIONS, RELATIONS


def write_vectors(folder, *, width=5):
    """`words.txt` and `made.npz`; the words that have vectors."""
    texts = [text.replace(",", "") for text in RELATIONS.values()]
    texts += [text for test in ASSOCIATIONS.values() for text in test[:4]]
    words = sorted({word for text in texts for word in text.split()})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    vectors = np.random.default_rng(0).normal(size=(len(words), width)).astype(np.float16)
    np.savez(folder / "made.npz", vectors=vectors)
    return words

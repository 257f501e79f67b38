"""Philox against the known answers of its authors, distributions against SciPy's."""

import numpy as np
import pytest
from scipy import stats

from jaxdl.data.splits import philox

# counter, key, result: the known answers of Random123 (kat_vectors, philox4x32 10).
KNOWN = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def parse(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "want"), KNOWN)
def test_philox_gives_the_known_answers(counter, key, want):
    np.testing.assert_array_equal(philox.philox_words(parse(counter), parse(key)), parse(want))


def test_words_depend_on_seed_stream_and_row_alone():
    rows = np.array([5, 0, 2**40, 7])
    many = philox.words(3, "a", rows, 9)
    assert many.shape == (4, 9)
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(philox.words(3, "a", np.array([row]), 5)[0], many[i, :5])
    for other in (philox.words(4, "a", rows, 9), philox.words(3, "b", rows, 9)):
        assert not (other == many).any()
    assert len(np.unique(many)) == many.size


def test_uniforms_and_normals_have_their_distributions():
    rows = np.arange(200)
    u = philox.uniforms(0, "u", rows, 50)
    assert stats.kstest(u.ravel(), "uniform")[1] > 1e-3
    assert 0 < u.min() < u.max() < 1
    z = philox.normals(0, "z", rows, 50)
    assert stats.kstest(z.ravel(), "norm")[1] > 1e-3
    assert abs(np.corrcoef(z[:, 0], z[:, 1])[0, 1]) < 0.25
    counts = np.bincount(philox.choose(u.ravel(), 7), minlength=7)
    assert stats.chisquare(counts)[1] > 1e-3

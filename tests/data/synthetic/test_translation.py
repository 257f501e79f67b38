"""Made translations against Python's own reversal and `strptime`."""

import re
from datetime import datetime

import numpy as np
import pytest
from scipy import stats

from jaxdl.checks import UsageError
from jaxdl.data.synthetic.translation import Language

FORMATS = {
    r"\d+ [a-z]{4,} \d{4}|\d+ may \d{4}": "%d %B %Y",
    r"[a-z]+ \d+, \d{4}": "%B %d, %Y",
    r"[a-z]+, [a-z]+ \d+, \d{4}": "%A, %B %d, %Y",
    r"\d+ [a-z]{3} \d{4}": "%d %b %Y",
    r"[a-z]{3} \d+ [a-z]{3} \d{4}": "%a %d %b %Y",
    r"\d\d\.\d\d\.\d{4}": "%d.%m.%Y",
}


def pairs(language, count):
    rows = language.rows(np.arange(count))
    return [
        (language.text(s), language.text(t))
        for s, t in zip(rows["source"], rows["target"], strict=True)
    ]


@pytest.mark.parametrize("longest", [5, 12])
@pytest.mark.parametrize("task", ["copy", "reverse"])
def test_letters_are_copied_or_reversed(task, longest):
    found = pairs(Language(task, longest=longest), 600)
    for source, target in found:
        assert list(target) == (list(source) if task == "copy" else list(reversed(source)))
        assert re.fullmatch("[a-z]+", source)
    lengths = np.bincount([len(s) for s, _ in found], minlength=longest + 1)
    assert lengths[0] == 0
    assert len(lengths) == longest + 1
    assert stats.chisquare(lengths[1:])[1] > 1e-3


def test_dates_are_what_strptime_reads():
    seen = set()
    for source, target in pairs(Language("dates"), 600):
        (form,) = {f for pattern, f in FORMATS.items() if re.fullmatch(pattern, source)} - (
            {"%d %b %Y"} if re.fullmatch(r"\d+ may \d{4}", source) else set()
        )
        day = datetime.strptime(source, form)
        assert f"{day:%Y-%m-%d}" == target
        if form.startswith(("%A", "%a")):
            assert source.startswith(f"{day:%A}".lower()[:3])  # strptime ignores a wrong weekday
        seen.add(form)
        assert 1950 <= day.year < 2050
    assert seen == set(FORMATS.values())


@pytest.mark.parametrize("task", ["copy", "dates"])
def test_rows_have_one_shape_and_their_marks(task):
    language = Language(task, 1000, 2)
    rows = language.rows(np.arange(300))
    for ids, length in zip((rows["source"], rows["target"]), language.lengths, strict=True):
        assert ids.shape == (300, length)
        assert ids.dtype == np.int32
        assert (ids[:, 0] == 1).all()
        ends = (ids == 2).argmax(axis=1)
        for row, end in zip(ids, ends, strict=True):
            assert (row[1:end] > 3).all()
            assert not row[end + 1 :].any()
            assert row[end] == 2
    assert ids.max() < len(language.vocabulary)
    np.testing.assert_array_equal(language[123]["source"], rows["source"][123])
    assert len({r.tobytes() for r in rows["source"]}) > 280


def test_the_longest_date_fits():
    language = Language("dates", 200_000)
    lengths = (language.rows(np.arange(0, 200_000, 23))["source"] > 0).sum(axis=1)
    assert lengths.max() == language.lengths[0]


def test_words():
    assert Language("copy").description.startswith("synthetic")
    with pytest.raises(UsageError, match="'sort'"):
        Language("sort")
    with pytest.raises(ValueError, match=r"longest.*0"):
        Language("copy", longest=0)

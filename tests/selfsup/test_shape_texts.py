"""Texts against what the pictures show, read from their own captions; what is left out, counted."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.captions import UNKNOWN, decode_caption
from jaxdl.data.config import ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.synthetic.shapes import COLORS, Shapes
from jaxdl.selfsup.shape_texts import (
    COMBINATIONS,
    LENGTH,
    TEMPLATES,
    VOCABULARY,
    held_out,
    prompts,
    with_texts,
    write_text,
)


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_share_is_left_out_and_every_word_is_seen(share):
    tested, validated = (x.reshape(len(COLORS), -1) for x in held_out(share))
    assert share <= tested.mean() < share + 1 / tested.size
    assert validated.sum() == tested.sum() // 2
    assert not (tested & validated).any()
    assert tested.any(axis=0).all()  # each kind has a pair that is left out
    hidden = tested | validated
    assert not hidden.all(axis=0).any()
    assert not hidden.all(axis=1).any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_is_refused(share):
    with pytest.raises(UsageError, match="held_out must leave out some"):
        held_out(share)


def test_rows_have_the_texts_of_their_pictures():
    cfg = ShapesData(image_size=(24,), max_objects=1, synthetic_rows=200, batch_size=16)
    own = load_splits(cfg, fields=("image", "caption"))
    splits = with_texts(own, 0.2)
    tested, validated = held_out(0.2)
    shown = {"train": ~tested & ~validated, "val": validated, "test": tested}
    seen = {role: set() for role in splits}
    for role, source in (("train", "train"), ("val", "test"), ("test", "test")):
        words = [decode_caption(ids, Shapes.vocabulary) for ids in own[source].read("caption")]
        place = [COMBINATIONS.index(tuple(text.split())) for text in words]
        rows = [i for i, p in enumerate(place) if shown[role][p]]
        assert splits[role].size == len(rows) > 0
        np.testing.assert_array_equal(splits[role].read("image"), own[source].read("image")[rows])
        np.testing.assert_array_equal(splits[role].read("combination"), np.array(place)[rows])
        seen[role] = set(splits[role].read("combination").tolist())
        first = splits[role].example
        color, kind = COMBINATIONS[first["combination"]]
        texts = [decode_caption(ids, VOCABULARY) for ids in first["captions"]]
        assert texts == [write_text(color, kind, template) for template in TEMPLATES]
        gray = [decode_caption(ids, VOCABULARY) for ids in first["gray_captions"]]
        assert gray == [f"a {kind}", f"a picture of a {kind}", f"there is a {kind}"]
    assert not seen["train"] & (seen["test"] | seen["val"])
    assert not seen["val"] & seen["test"]


def test_prompts_name_every_pair_in_known_words():
    texts, ids = prompts()
    assert len(set(texts)) == len(COMBINATIONS) == 48
    assert ids.shape == (48, LENGTH)
    assert not (ids == UNKNOWN).any()
    assert "an orange ring" in texts
    assert "a red circle" in texts

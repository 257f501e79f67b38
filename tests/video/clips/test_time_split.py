"""Worked places judge how a film is split in time."""

import numpy as np
import pytest

from jaxdl.video.clips.time_split import split_in_time


def test_training_and_test_are_a_clip_apart_and_apart_clips_share_no_frame():
    parts = split_in_time(20, 3, share=0.5)
    assert parts["train"].tolist() == [[i, i + 1, i + 2] for i in range(8)]  # frames 0 to 9
    assert parts["test"].tolist() == [[i, i + 1, i + 2] for i in range(13, 18)]  # 13 to 19
    assert parts["apart"].tolist() == [[13, 14, 15], [16, 17, 18]]
    assert len(np.unique(parts["apart"])) == parts["apart"].size


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_part_shorter_than_a_clip_is_refused(share):
    with pytest.raises(ValueError, match="20 frames are too few for clips of 3"):
        split_in_time(20, 3, share=share)

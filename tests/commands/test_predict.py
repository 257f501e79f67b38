"""`jaxdl predict` on one of scikit-learn's scans, enlarged, and on a file that is no image."""

import re

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.commands import predict
from jaxdl.data.digits import load_digits
from tests.commands.asking import ask


def test_predict_reads_a_persons_own_files(trained, tmp_path, capsys):
    from PIL import Image

    rows = load_digits()[0]["train"]
    zero = int(np.flatnonzero(rows["label"] == 0)[0])
    Image.fromarray(rows["image"][zero, :, :, 0]).resize((64, 64)).save(tmp_path / "zero.png")
    assert ask(predict, trained, tmp_path / "zero.png") == 0
    assert re.search(r"zero\.png  0 \d+\.\d%", capsys.readouterr().out)
    (tmp_path / "no.png").write_text("<html>")
    with pytest.raises(DataError, match="no.png: it is no image"):
        ask(predict, trained, tmp_path / "no.png")

"""The base of evaluations: what is called, with what, and when a picture is drawn."""

import pytest

from jaxdl.evaluation.evaluator import Evaluator


class Counting(Evaluator):
    """Notes its calls."""

    def __init__(self):
        self.drawn = []

    def rows(self, state, split):
        return {"doubled": [2 * value for value in split]}

    def numbers(self, split, rows):
        return {"sum": float(sum(rows["doubled"]) + len(split))}

    def draw(self, state, split, folder):
        self.drawn.append(folder)
        return [folder / "a.png"]


class OfRows(Counting):
    """Draws what it has computed."""

    def draw_rows(self, state, split, rows, folder):
        (folder / "rows.txt").write_text(str(rows["doubled"]))


@pytest.mark.parametrize("kind", [Counting, OfRows])
def test_pictures_are_drawn_where_a_folder_is_given(kind, tmp_path):
    evaluate = kind()
    assert evaluate("state", [1, 2]) == {"sum": 8.0}
    assert evaluate.drawn == []
    folder = tmp_path / "new" / "folder"
    assert evaluate("state", [1, 2], folder) == {"sum": 8.0}
    assert folder.is_dir()
    if kind is OfRows:
        assert (folder / "rows.txt").read_text() == "[2, 4]"
        assert evaluate.drawn == []
    else:
        assert evaluate.drawn == [folder]

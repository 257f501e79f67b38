"""The notebooks as files of JSON: run from top to bottom, small; a tiny one by the script."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def test_every_notebook_stands_in_the_menu_of_the_site():
    assert len(NOTEBOOKS) == 6
    menu = (ROOT / "mkdocs.yml").read_text()
    for path in NOTEBOOKS:
        assert f"notebooks/{path.name}" in menu


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_outputs_of_one_run_without_an_error_and_is_small(path):
    assert path.stat().st_size < 150_000
    cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert outputs
    assert all(output["output_type"] != "error" for output in outputs)
    said = json.dumps(outputs)
    assert "Traceback" not in said
    assert str(ROOT) not in said


def test_the_script_runs_a_notebook_and_keeps_what_it_says(tmp_path, capsys):
    nbformat = pytest.importorskip("nbformat", reason="needs the extra docs")
    pytest.importorskip("nbclient", reason="needs the extra docs")
    pytest.importorskip("ipykernel", reason="needs the extra docs")
    run = runpy.run_path(str(ROOT / "scripts/run_notebooks.py"))["run"]
    path = tmp_path / "a.ipynb"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(6 * 7)")])
    path.write_text(nbformat.writes(book))
    assert run(path, keep=True) == 0
    assert json.loads(path.read_text())["cells"][0]["outputs"][0]["text"] == ["42\n"]
    book.cells[0].source = "1 / 0"
    path.write_text(nbformat.writes(book))
    assert run(path, keep=False) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err

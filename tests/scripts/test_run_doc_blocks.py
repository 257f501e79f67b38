"""Pages with blocks that are right and wrong, against what each must end with."""

import runpy
from pathlib import Path

import pytest

DOCS = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "run_doc_blocks.py"))

PAGE = """# A page
<!-- before:
a = 2
-->
```python
b = a + 1
```
<!-- not run: needs a weight file -->
```python
raise SystemExit
```
<!-- run -->
```
echo 1 > made.txt
```
```
jaxdl run digits_lenet --optim.lr 1e-3
```
```python
from pathlib import Path

assert (b, Path("made.txt").read_text()) == (3, "1\\n")
```
"""


def test_the_blocks_of_a_page_run_in_order_in_a_folder_of_their_own(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert DOCS["main"]([str(page)]) == 0
    assert "page.md: 4 run, 1 checked, 1 not run" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [page]
    assert Path.cwd() == tmp_path


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```python\nb = a\n```\n", "name 'a' is not defined"),
        ("<!-- run -->\n```\nfalse\n```\n", "exit status 1"),
        ("```\njaxdl train digits_lenet\n```\n", "no command train"),
        ("```\njaxdl run digits_lenett\n```\n", "jaxdl run digits_lenett: there is no such config"),
    ],
)
def test_a_false_block_is_shown_with_its_page_and_line(block, said, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"one\n\n{block}")
    assert DOCS["main"]([str(page)]) == 1
    error = capsys.readouterr().err
    assert "page.md:3" in error
    assert said in error

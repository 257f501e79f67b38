"""Mutants of a planted package: those that its test notices, and those that it cannot."""

import runpy
from pathlib import Path

MUTATE = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "mutate.py"))


def test_every_kind_of_mutant():
    source = "y = f(a, b) + 3 if a < b else 0\n"
    plant, count = MUTATE["plant"], MUTATE["count_places"](source)
    texts = {plant(source, i)[0] for i in range(count)}
    assert texts == {
        "y = f(a, b) + 3 if not a < b else 0",
        "y = f(a, b) + 3 if a <= b else 0",
        "y = f(a, b) - 3 if a < b else 0",
        "y = f(a, b) if a < b else 0",
        "y = f(b, a) + 3 if a < b else 0",
        "y = a + 3 if a < b else 0",
        "y = f(a, b) + 4 if a < b else 0",
        "y = f(a, b) + 3 if a < b else 1",
    }


def test_killed_where_a_test_looks(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # it starts sooner
    for folder in ("jaxdl/p", "tests/p"):
        (tmp_path / folder).mkdir(parents=True)
    for package in ("jaxdl", "jaxdl/p"):  # else an installed jaxdl comes first
        (tmp_path / package / "__init__.py").touch()
    module = tmp_path / "jaxdl" / "p" / "sums.py"
    module.write_text("def seen(a, b):\n    return a - b\n\n\ndef unseen(a):\n    return a * 2\n")
    test = "from jaxdl.p.sums import seen\n\n\ndef test_seen():\n    assert seen(5, 3) == 2\n"
    (tmp_path / "tests" / "p" / "test_sums.py").write_text(test)
    before = module.read_text()
    rows = MUTATE["mutate"]("p", tmp_path, 9, 0, 60.0)
    assert {(row["line"], row["kind"], row["killed"]) for row in rows} == {
        (2, "operator", True),
        (2, "dropped term", True),
        (6, "operator", False),
        (6, "constant", False),
    }
    assert module.read_text() == before

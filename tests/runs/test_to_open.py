"""The last lines of a run against lines written by hand."""

from jaxdl.runs.to_open import to_open


def test_what_a_run_left_is_listed_curves_first(tmp_path):
    run = tmp_path / "a run"
    for name in ("report.html", "mistakes.png", "curves.png", "metrics.jsonl"):
        run.mkdir(exist_ok=True)
        (run / name).touch()
    lines = ["to open:", *(f"  {run}/{name}" for name in ("report.html", "curves.png"))]
    lines.append(f"  {run}/mistakes.png")
    assert to_open(run, ["jaxdl predict RUN FILE..."]).split("\n") == lines
    (run / "events").mkdir()
    (run / "checkpoints").mkdir()
    lines += [f"  tensorboard --logdir '{run}'", f"  jaxdl predict '{run}' FILE..."]
    assert to_open(run, ["jaxdl predict RUN FILE..."]).split("\n") == lines


def test_of_many_pictures_the_first_are_listed_and_the_others_counted(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").touch()
    for i in range(6):
        (tmp_path / f"p{i}.png").touch()
    said = to_open(tmp_path).split("\n")
    assert said[1:6] == [f"  {tmp_path}/p{i}.png" for i in range(5)]
    assert said[6:] == ["  2 more pictures, all in report.html"]

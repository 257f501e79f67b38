"""What names and files put on a terminal, and streams that are closed or full."""

import json
import shutil

import pytest
from PIL import Image

from jaxdl.checks import one_line, printable
from jaxdl.cli import main
from jaxdl.draw import Figure
from tests.faults.conftest import BASE, report

ODD = "a\x1b[31mred\x1b]0;title\x07 \x9b2J \u202eevil\u2028 \x7f\r\b"


def test_control_characters_are_shown_and_other_writing_is_left_alone():
    assert printable(ODD) == (r"a\x1b[31mred\x1b]0;title\x07 \x9b2J \u202eevil\u2028 \x7f\x0d\x08")
    sound = "naïve 猫 नमस्ते ม้า ‎🏳️‍🌈\tx\n"
    assert printable(sound) == sound


@pytest.mark.parametrize("odd", ["a\nerror: b", "a\tb", "a\x1b[2Jb"])
def test_the_name_of_a_class_or_file_begins_no_line_of_its_own(tmp_path, monkeypatch, capsys, odd):
    monkeypatch.setattr(Figure, "save", lambda self, path: path)  # no font has such signs
    for name in (odd, "b"):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (8, 8)).save(tmp_path / "pics" / name / f"{i}.png")
    (tmp_path / "pics" / odd / f"{odd}.png").write_text("<html>")
    out = ["--out", str(tmp_path / "grid.png")]
    code, said = answer(capsys, "show", "data", "folder", "--path", str(tmp_path / "pics"), *out)
    assert code == 0, said
    shown = one_line(odd)
    assert f"\n  {shown} 1, b 1\n" in said  # of the test rows
    assert f"{shown}/{shown}.png" in said
    assert odd not in said


def answer(capsys, *argv):
    with pytest.raises(SystemExit) as stop:
        main(argv=list(argv))
    out, err = capsys.readouterr()
    return stop.value.code, out + err


HARMFUL = [
    ["run", "digits_mlp", f"--model.name={ODD}"],
    ["run", ODD],
    ["run", f"{ODD}.toml"],
    [ODD],
    ["run", "digits_mlp", "--run-dir", "/nowhere/" + ODD, f"--{ODD}=1"],
    ["show", "data", "folder", f"--path={ODD}"],
]


@pytest.mark.parametrize("argv", HARMFUL, ids=lambda argv: argv[0][:4] + str(len(argv)))
def test_an_error_obeys_no_name(capsys, argv):
    code, said = answer(capsys, *argv)
    assert code in (2, 6)
    assert said
    assert not set(said) & set("\x1b\x9b\x07\u202e\r\b")


def test_a_config_that_says_what_a_terminal_obeys_is_refused_in_plain_words(tmp_path, capsys):
    path = tmp_path / "odd.toml"
    path.write_text(f'experiment = "classification.train"\n[data]\nname = {json.dumps(ODD)}\n')
    code, said = answer(capsys, "run", str(path), "--run-dir", str(tmp_path / "run"))
    assert code == 2
    assert r"\x1b[31m" in said
    assert not set(said) & set("\x1b\x9b\x07\u202e\r\b")


def test_a_run_needs_no_streams_no_home_and_no_name(start, reference, tmp_path):
    """stderr closed, stdout on a full disk, a user without HOME and without an entry in passwd."""
    run_dir = shutil.copytree(reference, tmp_path / "run")
    (run_dir / "checkpoints" / "880.manifest.json").unlink()  # the last tenth is to be done again
    (tmp_path / "tmp").mkdir()
    world = [("stranger", str(tmp_path / "tmp")), ("streams_gone",)]
    command = start(*BASE, "--run-dir", run_dir, "--resume", conditions=world)
    code = command.wait()
    if "user namespace" in command.said:
        pytest.skip("needs user namespaces")
    assert code == 0
    assert report(run_dir)["params_sha256"] == report(reference)["params_sha256"]
    assert command.said == command.printed == ""
    assert (tmp_path / "tmp" / "jaxdl-54321" / ".cache" / "jaxdl" / "xla").is_dir()

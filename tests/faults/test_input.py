"""Mistakes of a person: one message, exit 2, no traceback, and nothing left behind."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.tfds.prepared import prepared_version
from jaxdl.runs.lock import hold

MISTAKES = {
    "--lrr=0.1": ["Unrecognized options: --lrr", "--lrr: did you mean --optim.lr?"],
    "--optim.bathc_size=2": ["--optim.bathc_size: did you mean --data.batch_size?"],
    "--loop.steps=abc": ["--loop.steps", "INT", "'abc'"],
    "--loop.steps=1.5": ["--loop.steps", "INT", "'1.5'"],
    "--optim.lr=-1": ["optim.lr must be >= 0, got -1.0"],
    "--optim.lr=nan": ["optim.lr must be >= 0, got nan"],
    "--optim.lr=fast": ["--optim.lr", "FLOAT", "fast"],
    "--loop.epochs=0": ["loop.epochs must be at least 1, got 0"],
    "--optim.b1=2": ["optim.b1 must lie in [0, 1), got 2.0"],
    "--optim.name=adaw": ["optim.name must be one of sgd, momentum"],
    "--model.name=lenett": ["there is no 'lenett'; did you mean lenet"],
    "--data.train=trian": ["split 'trian' must be one of train, test"],
    "--data.name=../mnist": ["data.name must be like mnist", "'../mnist'"],
    "--data.name=mnist/..": ["data.name must be like mnist", "'mnist/..'"],
    "--data.name=/etc": ["data.name must be like mnist", "'/etc'"],
    "--run-dir=" + "x" * 300: ["cannot be written", "File name too long"],
    "--loop.devices=9": ["loop.devices: there are 8 devices, got 9"],
    "--data.batch_size=6": ["global batch 6 does not divide over 4 devices; use 4 or 8"],
}


@pytest.fixture
def said(capsys):
    """`said("run", ...)`: what a command that ends with 2 prints to stderr."""

    def run(*argv):
        with pytest.raises(SystemExit) as stop:
            main(argv=[str(word) for word in argv])
        assert stop.value.code == 2
        text = capsys.readouterr().err
        assert text.count("error: ") == 1
        assert "Traceback" not in text
        return text

    return run


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[:30])
def test_a_mistake_is_one_message(said, tmp_path, mistake):
    run_dir = tmp_path / "run"
    folder = [] if "--run-dir" in mistake else ["--run-dir", run_dir]
    devices = [] if "devices" in mistake else ["--loop.devices=4"]
    text = said("run", "digits_mlp", *devices, *folder, mistake)
    flat = " ".join(text.replace("│", " ").split())
    for words in MISTAKES[mistake]:
        assert words in flat
    assert "compiling" not in text
    assert not run_dir.exists()


def test_a_process_ends_with_the_code(start, tmp_path):
    run_dir = tmp_path / "run"
    flags = ["--data.batch_size=6", "--run-dir", run_dir]
    command = start("run", "digits_mlp", *flags, conditions=[("devices", 4)])
    assert command.wait() == 2
    assert "use 4 or 8" in command.said
    assert "Traceback" not in command.said
    assert not run_dir.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('experiment = "clasification.train"', "did you mean classification.train"),
        ('experiment = "../../evil"', "there is no '../../evil'"),
        ('experiment = "classification.train"\noptim = { lrr = 1 }', "did you mean --optim.lr"),
        ("experiment = ", "not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(said, tmp_path, content, words):
    (tmp_path / "mine.toml").write_text(content)
    text = said("run", tmp_path / "mine.toml", "--run-dir", tmp_path / "run")
    assert words in text
    assert "mine.toml" in text or "experiment:" in text
    assert not (tmp_path / "run").exists()


def test_an_unknown_config_gets_three_near_names(said):
    text = said("run", "digits_lenett")
    close = text.partition("did you mean ")[2].partition("?")[0].split(", ")
    assert len(close) == 3
    assert close[0] == "digits_lenet"
    assert "`jaxdl list` shows them all" in text


@pytest.mark.parametrize("name", ["..", "a/../..", "-x", "a b", "a\0b", "x" * 300, "*", ""])
def test_names_of_data_sets_stay_inside_their_folder(tmp_path, name):
    inside = tmp_path / "sets"
    for folder in (tmp_path / "1.0.0", inside / "1.0.0", inside / "any" / "1.0.0"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(UsageError, match="data.name must be like mnist"):
        prepared_version(name, inside)


@pytest.mark.parametrize("name", ["a\0b", "a/" + "b" * 300])
def test_a_run_folder_of_an_impossible_name_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be written"), hold(tmp_path / name):
        pass

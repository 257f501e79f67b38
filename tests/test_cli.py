"""The commands as a person meets them: what they print, what they leave, how they refuse."""

import argparse
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from jaxdl.cli import COMMANDS, _parsers, main

ROOT = Path(__file__).parents[1]
MLP = ["digits_mlp", "--loop.epochs", "6", "--model.hidden", "16"]


def jaxdl(capsys, *argv):
    """(exit code, stdout, stderr) of a command."""
    with pytest.raises(SystemExit) as stop:
        main(argv=[str(word) for word in argv])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(
    "command", [["--help"], ["list"], ["--version"], ["-V"], ["list", "--json"]]
)
def test_help_and_list_answer_at_once_and_import_no_jax(command):
    code = (
        "import sys; sys.modules['jax'] = None; sys.modules['numpy'] = None;"
        "from jaxdl.cli import main; main()"
    )
    began = cpu_of_children()
    ran = [sys.executable, "-c", code, *command]
    out = subprocess.run(ran, capture_output=True, text=True, check=True, cwd=ROOT)
    assert cpu_of_children() - began < 2  # seconds of CPU: the machine may be busy
    assert "jaxdl" in out.stdout or "digits_lenet" in out.stdout
    assert out.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    code, out, _ = jaxdl(capsys, command, "--help")
    assert code == 0
    assert out.startswith(f"usage: jaxdl {command}")
    assert COMMANDS[command].HELP in " ".join(out.split())


def test_the_help_of_a_config_has_the_commands_flags_and_then_its_fields(capsys):
    code, out, _ = jaxdl(capsys, "sweep", "digits_mlp", "--help")
    assert code == 0
    assert 0 < out.index("--search-seed") < out.index("--optim.lr")
    code, out, _ = jaxdl(capsys, "run", "digits_lenet", "--optim.ema", "0.5", "--help")
    assert code == 0
    told = " ".join(re.sub(r"[^\x20-\x7e]", " ", out).split())  # without the frames
    file = {"data.batch-size INT": "32", "optim.lr FLOAT": "0.05", "loop.epochs": "20"}
    for flag, value in file.items():  # what the config says, not what its script does
        assert re.findall(rf"--{flag}[^-].*?\(default: ([^)]*)\)", told)[:1] == [value], flag
    assert "data options" in told
    assert "optim options" in told
    code, out, _ = jaxdl(capsys, "check-data", "folder", "-h")
    assert code == 0
    assert out.startswith("usage: jaxdl check-data")
    assert "--path" in out


@pytest.mark.parametrize(
    ("words", "some", "others"),
    [
        (["jaxdl", "pre"], ["predict"], ["list", "digits_mlp"]),
        (["jaxdl", "run", "digits_m"], ["digits_mlp"], ["run", "digits_lenet"]),
        (["jaxdl", "sweep", "--se"], ["--search-seed"], ["--seeds"]),
        (["jaxdl", "run", "digits_mlp", "--see"], ["--seeds"], ["--search-seed"]),
    ],
)
def test_bash_completes_commands_configs_and_flags(words, some, others, capsys):
    code, script, _ = jaxdl(capsys, "completion", "bash")
    assert code == 0
    asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _jaxdl"
    ask = f"{script}\n{asked}; echo ${{COMPREPLY[@]}}"
    out = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert set(some) <= set(out.stdout.split())
    assert set(others).isdisjoint(out.stdout.split())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_the_same_words(shell, capsys):
    code, script, _ = jaxdl(capsys, "completion", shell)
    assert code == 0
    assert {"predict", "digits_mlp"} <= set(re.findall(r"[\w-]+", script))
    assert re.search(r"search-seed\b", script)


def test_every_flag_of_every_command_has_a_text():
    parsers = list(_parsers()[1].values())
    for parser in parsers:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
            else:
                assert action.help, (parser.prog, action.dest)


@pytest.mark.parametrize("words", [["show", "run"], ["show", "run", "x"], ["summary", "resnet18"]])
def test_help_of_what_has_no_fields_is_the_commands_own(words, capsys):
    code, out, err = jaxdl(capsys, *words, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: jaxdl {words[0]}")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "digits_mlp", "--optim.lrr", "1"], "--optim.lr FLOAT"),
        (["run", "digits_mpl"], "no 'digits_mpl'; did you mean digits_mlp"),
        (["run", "digits_mlp", "--model.name", "mpl"], "no 'mpl'; did you mean mlp"),
        (["run", "digits_mlp", "--data.name", "mnits", "--data.dir", "/nowhere"], "mnist"),
        (["run", "digits_mlp", "--loop.epochs", "0"], "loop.epochs must be at least 1, got 0"),
        (["run", "digits_mlp", "--data.batch_size", "5000"], "1437 rows, fewer than one batch"),
        (["run"], "give a config"),
        (["rum", "digits_mlp"], "no command 'rum'; did you mean run"),
        (["predict", "/nowhere", "a.png"], "no config.toml"),
        (["run", "digits_mlp", "--run-dir", "/proc/jaxdl"], "cannot be written by uid"),
    ],
)
def test_mistakes_get_one_message_and_no_traceback(argv, message, capsys, tmp_path, monkeypatch):
    if argv[0] == "run" and "--run-dir" not in argv:
        argv = [*argv, "--run-dir", str(tmp_path / "run")]
    code, _, err = jaxdl(capsys, *argv)
    assert code == (6 if "fewer than" in message else 2)
    assert message in err
    assert "Traceback" not in err


def test_a_typo_in_the_file_names_the_file(capsys, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text('experiment = "classification.train"\noptim = { lrr = 1.0 }\n')
    code, _, err = jaxdl(capsys, "run", config)
    assert code == 2
    assert "mine.toml" in err
    assert "--optim.lr FLOAT" in err
    config.write_text('experiment = "clasification.train"\n')
    code, _, err = jaxdl(capsys, "run", config)
    assert code == 2
    assert "did you mean classification.train" in err


def test_a_script_runs_by_itself(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "experiments.classification.train"]
    command += ["--config", "configs/classification/digits_mlp.toml", "--loop.steps", "2"]
    kernels = "module://matplotlib_inline.backend_inline"  # exported to what a cell starts
    env = os.environ | {"XLA_FLAGS": "", "COLUMNS": "40", "MPLBACKEND": kernels}
    out = subprocess.run(
        [*command, "--run-dir", folder], capture_output=True, text=True, cwd=ROOT, env=env
    )
    assert out.returncode == 0, out.stderr
    assert "test_accuracy" in out.stdout
    noise = [line for line in out.stderr.splitlines() if re.search(r"(?i)warn|^[EWI]\d{4}", line)]
    assert noise == []

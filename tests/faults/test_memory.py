"""Memory that runs out: one paragraph with what was asked for and what to do, and exit 4."""

import re


def test_a_model_that_does_not_fit(start, tmp_path):
    run_dir = tmp_path / "run"
    flags = ["--model.hidden=5000000", "--loop.epochs=1", "--run-dir", run_dir]
    command = start("run", "digits_mlp", *flags, conditions=[("memory", 700_000_000)])
    assert command.wait() == 4, command.said
    error = next(line for line in command.said.splitlines() if line.startswith("error:"))
    # (64 + 1 + 10) x 5,000,000 + 10 numbers of four bytes, three times over in Adam
    assert re.search(r"memory ran out at batch size 32 \(the state 4,500 MB, the data 0 MB", error)
    assert "Lower data.batch_size, use a smaller model, or train on more devices" in error
    assert "Traceback" not in command.said
    assert list((run_dir / "checkpoints").iterdir()) == []
    assert not (run_dir / "lock").exists()

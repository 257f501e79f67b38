"""What a run that goes on must find: without its checkpoints it would silently begin again."""

from pathlib import Path

from jaxdl.checks import CheckpointError
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.metrics_log import read_rows


def check_progress(folder: Path, save_every: int) -> str:
    """What is to be said where the run in `folder` begins again at step 0; empty where it goes on.

    A run that was killed before its first checkpoint has none, and at most one without a manifest.
    Raises CheckpointError where there must have been more.
    """
    kept = folder / "checkpoints"
    if Checkpoints(kept).steps():
        return ""
    rows = read_rows(folder / "metrics.jsonl")
    last = int(rows[-1]["step"]) if rows else 0
    bare = sorted(path.name for path in kept.glob("*") if path.name.isdigit())
    ended = (folder / "report.json").exists()
    if ended or len(bare) > 1 or last >= 2 * save_every:
        why = "it has ended" if ended else f"it came to step {max([last, *map(int, bare)])}"
        odd = f"; {', '.join(bare)} have no manifest.json" if bare else ""
        raise CheckpointError(
            f"{kept}: no checkpoint is left of this run, though {why}{odd}; put them back, or "
            "start anew in another folder"
        )
    if not last and not bare:
        return ""
    return f"no checkpoint in {kept}: beginning again at step 0, {len(rows)} rows are written again"

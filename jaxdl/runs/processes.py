"""Several processes at one run (`jax.distributed`): how they meet, and which one keeps the run."""

import argparse
import atexit
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from jaxdl.checks import UsageError

FLAGS = {
    "coordinator_address": (str, "HOST:PORT of the first of several processes"),
    "num_processes": (int, "how many processes there are"),
    "process_id": (int, "which of them this is, from 0"),
}
HEARTBEAT = 20  # seconds without a sign of life after which a process counts as dead
MEET = 120  # seconds to wait for the others at the start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of one of several processes, with the names of `jax.distributed.initialize`."""
    parser.add_argument(
        "--distributed",
        action="store_true",
        help="one of several processes, found by JAX (SLURM, Open MPI, Kubernetes, TPU pods)",
    )
    for name, (kind, text) in FLAGS.items():
        parser.add_argument(f"--distributed.{name}", dest=name, type=kind, help=text)


@contextmanager
def joined(args: argparse.Namespace) -> Iterator[None]:
    """While it is open, this process is one of those that `args` name, if they name any.

    To be entered before jax computes anything. All but the first are silent. Raises UsageError
    where the flags do not fit together, or where the others do not come.
    """
    given = {name: getattr(args, name) for name in FLAGS if getattr(args, name) is not None}
    if not given and not args.distributed:
        yield
        return
    if not args.distributed and len(given) < len(FLAGS):
        missing = ", ".join(f"--distributed.{name}" for name in FLAGS if name not in given)
        raise UsageError(f"several processes need {missing}, too")
    import jax

    _mute_libraries()
    try:
        jax.distributed.initialize(
            **given, heartbeat_timeout_seconds=HEARTBEAT, initialization_timeout=MEET
        )
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"--distributed: {str(error).splitlines()[0]}") from None
    try:
        with ExitStack() as streams:
            if not is_first():
                nowhere = streams.enter_context(open(os.devnull, "w"))
                streams.enter_context(redirect_stdout(nowhere))
                streams.enter_context(redirect_stderr(nowhere))
            yield
    except BaseException:
        # The others may wait for this one for ever: it must not wait for them.
        atexit.unregister(jax.distributed.shutdown)
        raise
    jax.distributed.shutdown()


def _mute_libraries() -> None:
    """The command's output goes where it went; what the runtime itself prints goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    streams: tuple[Any, ...] = sys.stdout, sys.stderr
    for number, stream in enumerate(streams, 1):
        stream.flush()
        kept = os.dup(number)
        stream.stream = os.fdopen(kept, "w", buffering=1, errors="backslashreplace")
        os.dup2(nowhere, number)
    os.close(nowhere)


def count() -> int:
    """How many processes there are."""
    import jax

    return jax.process_count()


def is_first() -> bool:
    """Whether this process keeps the run: its folder, its files, what is said."""
    import jax

    return jax.process_index() == 0


@contextmanager
def watched(farewell: str) -> Iterator[None]:
    """Says `farewell` where the runtime ends this process because another one is gone.

    The runtime aborts without asking Python, so that a shell which notices says it.
    """
    if count() == 1:
        yield
        return
    words = f"another process of this run is gone, so that this one has ended. {farewell}"
    script = 'read -r word || printf "%s\\n" "$1"'
    shell = subprocess.Popen(
        ["sh", "-c", script, "sh", words.strip()],
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno(),
        start_new_session=True,
    )
    assert shell.stdin is not None
    try:
        yield
    finally:
        shell.stdin.write(b"done\n")
        shell.stdin.close()
        shell.wait()

"""`jaxdl bench`: which of its measurements is asked for."""

import argparse
from pathlib import Path

from jaxdl.catalog import find_config
from jaxdl.checks import UsageError, require
from jaxdl.experiment import read_config, task_of

HELP = "time training steps and data loading, compared with PyTorch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is measured, and how."""
    parser.add_argument(
        "work",
        nargs="*",
        help="workloads, compared with PyTorch (default: all); data; clips; boxes; 3d; interpret; "
        "dispatch; rl [CONFIG]: environments, and a DQN beside its twin; steps CONFIG: its loop; "
        "devices CONFIG: eight simulated ones compared with one",
    )
    parser.add_argument("--cores", default="all", help="one (CPU time) or all (wall time)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved ones")
    parser.add_argument("--out", type=Path, help="also write the rows into this JSON file")
    parser.add_argument("--against", type=Path, help="an earlier --out: names what got slower")
    parser.add_argument("--device", action="store_true", help="all of it on an accelerator")
    parser.add_argument("--seconds", type=float, default=420, help="of --device, about")
    parser.add_argument("--tiny", action="store_true", help="of --device: sizes to try it out")
    parser.add_argument("--data", type=Path, help="of --device: mnist.npz and cifar10.npz")
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints what was measured; `rest` are fields of the config that is timed."""
    if args.rounds < 1:
        raise UsageError(f"bench: --rounds must be at least 1, got {args.rounds}")
    if args.device:
        return run_on_device(args)
    match args.work:
        case ["data" | "clips" | "boxes" | "3d" | "interpret" | "dispatch" as what]:
            print(measure_alone(what, args.rounds))
        case ["rl"] | ["rl", _]:
            bench_rl((*args.work, "cartpole_dqn")[1], rest, args.rounds)
        case ["steps", config]:
            task = task_of(config, rest, "bench")
            from jaxdl.bench.step_loop import loop_against_steps

            print(loop_against_steps(task, rounds=args.rounds))
        case ["devices", config]:
            from jaxdl.bench.devices import bench_devices

            print(bench_devices([config, *rest], rounds=args.rounds))
        case ["steps" | "devices" as what, *_]:
            raise UsageError(f"bench {what}: give one config; `jaxdl list` shows them")
        case ["serve", steps, devices, config]:  # a process of another command's
            from jaxdl.bench.step_loop import Looped
            from jaxdl.bench.worker_pool import serve

            serve(lambda: Looped(task_of(config, rest, "bench"), int(steps), int(devices)))
        case names:
            from jaxdl.bench.against_torch import bench_against_torch

            return bench_against_torch(
                names,
                cores=args.cores,
                rounds=args.rounds,
                against=args.against,
                out=args.out,
            )
    return 0


def measure_alone(what: str, rounds: int) -> str:
    """What needs no config: data and clip loading, boxes, shapes in space, maps, dispatch."""
    if what == "data":
        from jaxdl.bench.data_loading import bench_data

        return bench_data(rounds=rounds)
    if what == "clips":
        from jaxdl.bench.clip_loading import bench_clips

        return bench_clips(rounds=rounds)
    if what == "boxes":
        from jaxdl.bench.boxes import bench_boxes

        return bench_boxes(rounds=rounds)
    if what == "3d":
        from jaxdl.bench.shapes3d import bench_3d

        return bench_3d(rounds=rounds)
    if what == "interpret":
        from jaxdl.bench.interpret import bench_interpret

        return bench_interpret(rounds=rounds)
    from jaxdl.bench.step_loop import dispatch_task, loop_against_steps

    return loop_against_steps(dispatch_task(), 1000, rounds=rounds)


def bench_rl(config: str, fields: list[str], rounds: int) -> None:
    """Steps of environments, then those of the DQN of `config`, which needs torch and Gymnasium."""
    from jaxdl.bench.environment_steps import bench_environments

    print(bench_environments(rounds=rounds), flush=True)
    for module, extra in (("torch", "torch"), ("gymnasium", "rl")):
        require(module, f"jaxdl[{extra}]", "bench rl: a DQN to compare with")
    from jaxdl.bench.agent_steps import bench_dqn

    experiment, cfg = read_config(find_config(config), fields, "bench rl")
    print(bench_dqn(experiment.builder(f"bench rl {config}"), cfg, rounds=rounds))


def run_on_device(args: argparse.Namespace) -> int:
    """`jaxdl bench --device`; `work` are beginnings of the names of rows."""
    from jaxdl.bench.accelerator.check import bench_device

    return bench_device(
        tiny=args.tiny,
        seconds=args.seconds,
        only=tuple(args.work),
        out=args.out,
        data=args.data,
    )

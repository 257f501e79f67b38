"""`jaxdl style`: one's own picture in the style of others, by optimization."""

import argparse
from pathlib import Path

from jaxdl.checks import UsageError
from jaxdl.runs.environment import prepare_process

HELP = "a picture in the style of others, by optimization"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The pictures, how they are weighed, and how long it may take."""
    parser.add_argument("content", type=Path, help="the picture that is drawn anew")
    parser.add_argument("styles", nargs="+", type=Path, metavar="style", help="in whose style")
    parser.add_argument("--mix", nargs="+", type=float, help="what each style counts (default: 1)")
    parser.add_argument(
        "--out", type=Path, default=Path("styled.jpg"), help="(default: styled.jpg)"
    )
    parser.add_argument("--size", type=int, default=256, help="the shorter side (default: 256)")
    parser.add_argument("--steps", type=int, default=250, help="of Adam (default: 250)")
    parser.add_argument("--lr", type=float, default=0.1, help="of its first step (default: 0.1)")
    for part in ("content", "style", "tv"):
        parser.add_argument(
            f"--{part}-weight", type=float, default=1.0, help="times its usual weight (default: 1)"
        )
    parser.add_argument(
        "--weights", default="squeezenet1_1", help="of SqueezeNet 1.1: a file, or a name of one in "
        "JAXDL_WEIGHTS_DIR (default: squeezenet1_1)",
    )  # fmt: skip


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Writes the picture, and prints where, with its loss before and after."""
    if args.size < 32:
        raise UsageError(f"style: --size must be at least 32, got {args.size}")
    if args.out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(f"style: --out must end with .jpg or .png, got {args.out}")
    prepare_process()
    from jaxdl.interpret.synthesis.restyle import Restyle, restyle

    how = Restyle(
        tuple(args.mix or ()),
        args.size,
        args.steps,
        args.lr,
        (args.content_weight, args.style_weight, args.tv_weight),
    )
    print(restyle(args.content, args.styles, args.weights, args.out, how))
    return 0

"""The names of ImageNet's 1000 classes, in the order of its challenge and of torchvision."""

from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("imagenet_classes.txt")


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The name of every class; "crane" and "maillot" are two classes each."""
    return tuple(FILE.read_text(encoding="utf-8").splitlines())

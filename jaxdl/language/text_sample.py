"""How a model of characters writes a text, and what its loss is called."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxdl.typing import Host


@dataclass(frozen=True)
class SampleConfig:
    """How a text is written after training."""

    prompt: str = "\n"
    """What it goes on from; characters that the text has not are left out."""
    length: int = 600
    """Characters to write."""
    temperature: float = 0.8
    """Below 1: likelier characters; above: stranger ones."""
    top_k: int = 0
    """Draw among so many (0: all)."""
    top_p: float = 1.0
    """Draw among the likeliest that make up this probability."""

    @property
    def options(self) -> dict[str, Any]:
        """Those of `generate`."""
        return {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p}


def prompt_ids(prompt: str, vocabulary: Sequence[str]) -> list[int]:
    """The ids of what the vocabulary has of a prompt; its first character where that is nothing."""
    number = {character: i for i, character in enumerate(vocabulary)}
    return [number[c] for c in prompt if c in number] or [0]


def as_text(ids: Sequence[int] | Host, vocabulary: Sequence[str]) -> str:
    """Characters of ids."""
    return "".join(vocabulary[i] for i in ids)


def bits(nats: Any) -> Any:
    """Nats as bits."""
    return nats / math.log(2)
